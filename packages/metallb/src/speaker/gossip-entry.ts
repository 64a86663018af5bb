import { createGossipEngine, type GossipEffect, type GossipEngine, type GossipEvent } from "#gossip";
import { backoff, type Instant } from "#net";
import { createGossipCipher, GossipSockets } from "#sys";
import type { Engine, EntryOf, Seat } from "./engine-registry.ts";
import type { GossipDifference, GossipReport, GossipStart } from "./gossip-messages.ts";

export type { GossipDifference, GossipReport, GossipStart } from "./gossip-messages.ts";

/** A port that cannot be had, such as one that the speaker before us still holds, is tried again after this. */
const PAUSE = { first: 500, max: 4_000 };

/** The gossip engine with its sockets. */
export const gossipEntry = (): EntryOf<"gossip"> => ({
  name: "gossip",
  create: (seat) => new GossipHosted(seat),
});

class GossipHosted implements Engine<GossipDifference, GossipEvent, GossipEffect> {
  readonly wake = { kind: "time" } as const;
  private readonly seat: Seat<GossipEvent, GossipReport>;
  private machine: GossipEngine | null = null;
  private sockets: GossipSockets | null = null;
  /** What is to be done once the sockets are there. */
  private early: GossipEvent[] = [];
  private closed = false;
  private started = false;
  private retry: NodeJS.Timeout | null = null;
  /** Openings in a row that failed. */
  private failures = 0;

  constructor(seat: Seat<GossipEvent, GossipReport>) {
    this.seat = seat;
  }

  *events({ start, events }: GossipDifference): Generator<GossipEvent> {
    if (start && !this.started) void this.open(start);
    this.started ||= start !== undefined;
    if (this.sockets === null) this.early.push(...events);
    else yield* events;
  }

  step(event: GossipEvent, now: Instant): readonly GossipEffect[] {
    return this.machine?.step(event, now) ?? [];
  }

  perform(effect: GossipEffect): void {
    switch (effect.kind) {
      case "send":
        return this.sockets?.send(effect.to, effect.bytes);
      case "exchange":
        return this.sockets?.exchange(effect.exchange, effect.to, effect.message, effect.limit);
      case "answer":
        return this.sockets?.answer(effect.exchange, effect.message);
      case "wake":
        return this.seat.wakeAt(effect.at);
      case "member":
        return this.seat.report(`member ${effect.report.name}`, {
          kind: "member",
          member: { ...effect.report, since: this.seat.wallClock(effect.report.since) },
        });
      case "joined":
        return this.seat.report("joined", { kind: "joined", members: effect.members });
      case "healed":
        return this.seat.report("healed", { kind: "healed" });
      case "log":
        return this.seat.log(effect.level, effect.subject, effect.message);
    }
  }

  farewell(): GossipEvent {
    return { kind: "leave" };
  }

  flushed(): Promise<unknown> {
    return this.sockets?.flushed() ?? Promise.resolve();
  }

  dispose(): void {
    this.closed = true;
    if (this.retry) clearTimeout(this.retry);
    this.sockets?.close();
    this.sockets = null;
  }

  private async open(start: GossipStart): Promise<void> {
    const { name, at, key, config, meta } = start;
    const cipher = key === null ? null : createGossipCipher(key);
    this.machine = createGossipEngine({
      name,
      random: () => this.seat.random(),
      cipher,
      config,
      meta,
      port: at.port,
    });
    const options = { cipher: config.gossipVerifyOutgoing ? cipher : null, compress: config.enableCompression };
    try {
      const sockets = await GossipSockets.open(at, options, {
        datagram: (from, bytes) => this.seat.step({ kind: "datagram", from, bytes }),
        asked: (exchange, message) => this.seat.step({ kind: "asked", exchange, message }),
        exchanged: (exchange, answer, reason) => this.seat.step({ kind: "exchanged", exchange, answer, reason }),
      });
      if (this.closed) return sockets.close();
      this.sockets = sockets;
      this.failures = 0;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.machine = null;
      const pause = backoff(PAUSE, ++this.failures, this.seat.random());
      if (!this.closed) this.retry = setTimeout(() => void this.open(start), pause);
      return this.seat.report("unavailable", { kind: "unavailable", reason });
    }
    this.seat.step({ kind: "start", self: at });
    for (const event of this.early.splice(0)) this.seat.step(event);
  }
}
