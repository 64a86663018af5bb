import { type AddressReport, createNeighborEngine, type NeighborEffect, type NeighborEvent } from "#neighbor";
import { formatIp, type Instant } from "#net";
import type { loadPacketSystem } from "#sys";
import type { Engine, EntryOf, Seat } from "./engine-registry.ts";
import { machineClock } from "./machine-clock.ts";
import type { NeighborDifference, NeighborReport } from "./neighbor-messages.ts";
import { NeighborSockets } from "./neighbor-sockets.ts";

export type { NeighborDifference, NeighborReport } from "./neighbor-messages.ts";

/** The neighbour engine with its packet sockets, which are opened once there is something to do. */
export const neighborEntry = (load: typeof loadPacketSystem): EntryOf<"neighbor"> => ({
  name: "neighbor",
  create: (seat) => new NeighborHosted(seat, load),
});

class NeighborHosted implements Engine<NeighborDifference, NeighborEvent, NeighborEffect> {
  readonly wake = { kind: "time" } as const;
  private readonly seat: Seat<NeighborEvent, NeighborReport>;
  private readonly load: typeof loadPacketSystem;
  private readonly machine = createNeighborEngine();
  /** Those that are answered for. */
  private readonly answered = new Set<string>();
  private sockets: NeighborSockets | null = null;
  private exclude: RegExp | null = null;
  private loading = false;
  private closed = false;
  private drained: (() => void) | null = null;

  constructor(seat: Seat<NeighborEvent, NeighborReport>, load: typeof loadPacketSystem) {
    this.seat = seat;
    this.load = load;
  }

  *events({ events, exclude, fencedUntil }: NeighborDifference): Generator<NeighborEvent> {
    if (exclude !== undefined) this.setExclude(exclude);
    // The time alone is no reason to open sockets.
    if (fencedUntil !== undefined) yield { kind: "fence", until: fencedUntil - machineClock() + performance.now() };
    else if (!this.loading) void this.open();
    yield* events;
  }

  step(event: NeighborEvent, now: Instant): readonly NeighborEffect[] {
    return this.machine.step(event, now);
  }

  perform(effect: NeighborEffect): void {
    switch (effect.kind) {
      case "wake":
        return this.seat.wakeAt(effect.at);
      case "address":
        return this.tell(effect.report);
      case "send":
      case "groups":
        return this.sockets?.perform(effect);
    }
  }

  standing(): void {
    for (const counters of this.machine.counters("moved"))
      this.seat.report(`counters ${formatIp(counters.address)}`, { kind: "counters", counters });
    this.seat.report("drops", { kind: "drops", drops: this.machine.drops() });
  }

  farewell(): NeighborEvent {
    return { kind: "shutdown" };
  }

  /** Once another station has claimed each address: traffic that still comes here is forwarded until then. */
  flushed(): Promise<unknown> {
    if (this.answered.size === 0) return Promise.resolve();
    return new Promise<void>((resolve) => {
      this.drained = resolve;
    });
  }

  dispose(): void {
    this.closed = true;
    this.sockets?.close();
    this.sockets = null;
  }

  private tell(report: AddressReport): void {
    const address = formatIp(report.address);
    if (report.state === "announced" || report.state === "yielding") this.answered.add(address);
    else this.answered.delete(address);
    this.seat.report(address, { kind: "address", address: { ...report, since: this.seat.wallClock(report.since) } });
    if (this.answered.size === 0) this.drained?.();
  }

  private setExclude(pattern: string | null): void {
    this.exclude = pattern === null ? null : new RegExp(pattern);
    this.sockets?.setExclude(this.exclude);
  }

  private async open(): Promise<void> {
    this.loading = true;
    try {
      const system = await this.load();
      if (this.closed) return;
      this.sockets = new NeighborSockets(
        system,
        {
          event: (event) => this.seat.step(event),
          links: (links) => this.seat.report("links", { kind: "links", links }),
          log: (level, subject, message) => this.seat.log(level, subject, message),
        },
        this.exclude,
      );
    } catch (error) {
      this.seat.report("unavailable", {
        kind: "unavailable",
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }
}
