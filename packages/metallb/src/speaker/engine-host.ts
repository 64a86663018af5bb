import type { RecordedEvent } from "#bgp";
import type { Duration, Instant, Timestamp } from "#net";
import type { Engine, EngineEntry, EngineName, Leaving, Seat } from "./engine-registry.ts";
import type { EnginePart, EngineReport, Telling, ToEngines } from "./thread-protocol.ts";

/** What the host reaches the outside through. */
export interface HostPorts {
  now(): Instant;
  wallClock(): Timestamp;
  random(): number;
  /** Calls back after so many milliseconds; the earlier wish is replaced. Null: never. */
  wakeAfter(milliseconds: Duration | null, wake: () => void): void;
  /** Calls back once everything that sockets and the main thread have for us now has been taken. */
  afterPoll(then: () => void): void;
  tell(telling: Telling): void;
  /** Every goodbye is said. */
  stopped(): void;
}

/** How long goodbyes may take to leave, milliseconds. */
const FAREWELL = 300;
/** How often counters are told while something moves, milliseconds. */
const STANDING_EVERY = 1_000;

interface Hosted {
  readonly engine: Engine<unknown, unknown, unknown>;
  /** When it wants to be woken. */
  wakeAt: Instant | null;
  /** Something happened since its counters were last told. */
  moved: boolean;
}

/**
 * The shell around the protocol engines: performs their effects, feeds back what comes of them, and
 * keeps one timer for all. Two promises:
 * - Sockets are read before timers fire: octets that arrived before a deadline count, however late
 *   the thread looks at its clock.
 * - Between two parts of a difference everybody else has a turn, so that none waits for long.
 */
export class EngineHost {
  private readonly ports: HostPorts;
  private readonly hosted = new Map<EngineName, Hosted>();
  private readonly waiting: EnginePart[] = [];
  private busy = false;
  private closing = false;
  private standingAt: Instant = Number.NEGATIVE_INFINITY;
  /** What the one timer is set to. */
  private timerAt: Instant | null = null;

  constructor(entries: readonly EngineEntry[], ports: HostPorts) {
    this.ports = ports;
    for (const entry of entries)
      this.hosted.set(entry.name, { engine: entry.create(this.seat(entry.name)), wakeAt: null, moved: false });
  }

  /** The last events of the engines that keep them. */
  recent(): readonly RecordedEvent[] {
    return [...this.hosted.values()].flatMap(({ engine }) => engine.recent?.() ?? []);
  }

  receive(message: Exclude<ToEngines, { kind: "heard" | "dump" }>): void {
    if (this.closing) return;
    if (message.kind === "shutdown") return void this.shutdown(message.text, message.routes);
    this.waiting.push(message);
    if (!this.busy) this.takePart();
  }

  private takePart(): void {
    const part = this.waiting.shift();
    this.busy = part !== undefined && !this.closing;
    if (!part || this.closing) return;
    const hosted = this.hosted.get(part.engine);
    if (hosted) for (const event of hosted.engine.events(part.difference)) this.step(hosted, event);
    this.ports.tell({ kind: "applied", sequence: part.sequence });
    this.ports.afterPoll(() => this.takePart());
  }

  private seat(name: EngineName): Seat<unknown, unknown> {
    return {
      step: (event) => this.stepBy(name, event),
      wakeAt: (at) => {
        const hosted = this.hosted.get(name);
        if (!hosted) return;
        hosted.wakeAt = at;
        this.setTimer();
      },
      wallClock: (at) => Math.round(this.ports.wallClock() - (this.ports.now() - at)),
      random: () => this.ports.random(),
      report: (about, report) => this.ports.tell({ kind: "report", engine: name, about, report } as EngineReport),
      log: (level, subject, message) => this.ports.tell({ kind: "log", engine: name, level, subject, message }),
      pass: (engine, event) => this.stepBy(engine, event),
    };
  }

  private stepBy(name: EngineName, event: unknown): void {
    const hosted = this.hosted.get(name);
    if (hosted) this.step(hosted, event);
  }

  private step(hosted: Hosted, event: unknown): void {
    const now = this.ports.now();
    for (const effect of hosted.engine.step(event, now)) hosted.engine.perform(effect, now);
    hosted.moved = true;
    this.tellStanding(now);
  }

  /** At most once a second, but never later than a second after something moved. */
  private tellStanding(now: Instant): void {
    if (now - this.standingAt < STANDING_EVERY) return this.setTimer();
    for (const hosted of this.hosted.values()) {
      if (!hosted.moved) continue;
      hosted.moved = false;
      this.standingAt = now;
      hosted.engine.standing?.(now);
    }
  }

  private setTimer(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const { wakeAt, moved } of this.hosted.values()) {
      if (wakeAt !== null) next = Math.min(next, wakeAt);
      if (moved) next = Math.min(next, this.standingAt + STANDING_EVERY);
    }
    const at = next === Number.POSITIVE_INFINITY ? null : next;
    // At the end the one timer limits the goodbyes.
    if (at === this.timerAt || this.closing) return;
    this.timerAt = at;
    this.ports.wakeAfter(at === null ? null : Math.max(0, at - this.ports.now()), () => {
      this.timerAt = null;
      // Timers run before sockets are read: what arrived while the thread was held up is taken first.
      this.ports.afterPoll(() => this.wake());
    });
  }

  private wake(): void {
    const now = this.ports.now();
    for (const hosted of this.hosted.values()) {
      if (hosted.wakeAt === null || hosted.wakeAt > now) continue;
      hosted.wakeAt = null;
      this.step(hosted, hosted.engine.wake);
    }
    this.tellStanding(now);
    this.setTimer();
  }

  private async shutdown(text: string, routes: Leaving): Promise<void> {
    this.closing = true;
    const engines = [...this.hosted.values()];
    for (const hosted of engines) {
      const event = hosted.engine.farewell?.(text, routes);
      if (event !== undefined) this.step(hosted, event);
    }
    const limit = Promise.withResolvers<void>();
    this.ports.wakeAfter(FAREWELL, () => limit.resolve());
    await Promise.race([limit.promise, Promise.all(engines.map(async ({ engine }) => engine.flushed?.()))]);
    this.ports.wakeAfter(null, () => {});
    for (const { engine } of engines) engine.dispose?.();
    this.ports.stopped();
  }
}
