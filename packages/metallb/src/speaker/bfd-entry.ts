import { createHash } from "node:crypto";
import { type BfdEffect, type BfdEvent, type BfdReport, createBfdEngine, type Digest } from "#bfd";
import type { Instant } from "#net";
import type { BfdSockets, loadBfdSockets } from "#sys";
import type { BfdDifference, BfdTold, Engine, EntryOf, Seat } from "./engine-registry.ts";

/** The BFD engine with its UDP sockets. What it finds of a path goes to the BGP sessions that rely on it. */
export const bfdEntry = (load: typeof loadBfdSockets): EntryOf<"bfd"> => ({
  name: "bfd",
  create: (seat) => new BfdHosted(seat, load),
});

type SocketEffect = Extract<BfdEffect, { kind: "open" | "send" | "echo" | "close" }>;

const digest: Digest = (algorithm, bytes) => createHash(algorithm).update(bytes).digest();

class BfdHosted implements Engine<BfdDifference, BfdEvent, BfdEffect> {
  readonly wake = { kind: "time" } as const;
  private readonly seat: Seat<BfdEvent, BfdTold>;
  private readonly load: typeof loadBfdSockets;
  private readonly machine;
  private sockets: BfdSockets | null = null;
  /** What is to be done once the sockets' library is there; null: it is. */
  private waiting: SocketEffect[] | null = [];
  private loading = false;
  /** Who was told that a path is down. */
  private readonly down = new Map<string, readonly string[]>();

  constructor(seat: Seat<BfdEvent, BfdTold>, load: typeof loadBfdSockets) {
    this.seat = seat;
    this.load = load;
    this.machine = createBfdEngine({ random: () => seat.random(), digest });
  }

  events(): Iterable<BfdEvent> {
    return [];
  }

  step(event: BfdEvent, now: Instant): readonly BfdEffect[] {
    return this.machine.step(event, now);
  }

  perform(effect: BfdEffect): void {
    switch (effect.kind) {
      case "open":
      case "send":
      case "echo":
      case "close":
        return this.onSockets(effect);
      case "wake":
        return this.seat.wakeAt(effect.at);
      case "log":
        return this.seat.log(effect.level, effect.session, effect.message);
      case "session":
        return this.tell(effect.report);
    }
  }

  standing(): void {
    this.seat.report("", { kind: "counters", counters: this.machine.counters() });
  }

  farewell(): BfdEvent {
    return { kind: "shutdown" };
  }

  flushed(): Promise<void> {
    this.sockets?.closeAll();
    return Promise.resolve();
  }

  private tell(report: BfdReport): void {
    this.seat.report(report.session, {
      kind: "session",
      session: { ...report, since: this.seat.wallClock(report.since) },
    });
    const before = this.down.get(report.session) ?? [];
    const now = report.path === "down" ? report.users : [];
    if (now.length > 0) this.down.set(report.session, now);
    else this.down.delete(report.session);
    for (const peer of now)
      if (!before.includes(peer)) this.seat.pass("bgp", { kind: "peer-down", peer, cause: "bfd", text: "" });
    for (const peer of before) if (!now.includes(peer)) this.seat.pass("bgp", { kind: "peer-up", peer });
  }

  private onSockets(effect: SocketEffect): void {
    if (this.waiting) {
      this.waiting.push(effect);
      if (!this.loading) void this.prepare();
      return;
    }
    const { sockets } = this;
    if (!sockets) return;
    if (effect.kind === "send") return sockets.send(effect.session, effect.bytes);
    if (effect.kind === "echo") return sockets.echo(effect.session, effect.bytes);
    if (effect.kind === "close") {
      sockets.close(effect.session);
      for (const peer of this.down.get(effect.session) ?? []) this.seat.pass("bgp", { kind: "peer-up", peer });
      this.down.delete(effect.session);
      return this.seat.report(effect.session, { kind: "removed", session: effect.session });
    }
    try {
      sockets.open(effect.settings.name, effect.settings);
      if (effect.settings.echoInterval !== null) this.openEcho(sockets, effect.settings);
    } catch (error) {
      this.seat.log("warn", effect.settings.name, `BFD does not watch the peer: ${(error as Error).message}`);
    }
  }

  private openEcho(sockets: BfdSockets, settings: Extract<BfdEffect, { kind: "open" }>["settings"]): void {
    const { sends, returns, problems } = sockets.openEcho(settings.name, settings);
    for (const problem of problems) this.seat.log("warn", settings.name, problem);
    // After the effects that are being carried out, of which a later wake would undo an earlier one.
    queueMicrotask(() => this.seat.step({ kind: "echo-ready", session: settings.name, sends, returns }));
  }

  private async prepare(): Promise<void> {
    this.loading = true;
    try {
      this.sockets = await this.load(
        (packet) => this.seat.step({ kind: "received", ...packet }),
        (bytes) => this.seat.step({ kind: "echo-returned", bytes: Uint8Array.from(bytes) }),
      );
    } catch (error) {
      this.seat.log("warn", "", `BFD is not to be had: ${(error as Error).message}`);
    }
    const waiting = this.waiting ?? [];
    this.waiting = null;
    for (const effect of waiting) this.onSockets(effect);
  }
}
