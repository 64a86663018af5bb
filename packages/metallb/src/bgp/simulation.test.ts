import { describe, expect, it } from "vitest";
import { type BgpEngine, createBgpEngine } from "./engine.ts";
import type { BgpEffect, BgpEvent, ConnectionId, Instant } from "./events.ts";
import { address, announce, at, peerSettings, Reader } from "./testing.ts";

// Two engines that both connect and both listen, on a virtual clock, over a network that loses, delays,
// cuts and stalls connections by seed.

/** Numerical Recipes' linear congruential generator: enough for faults. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Faults {
  /** Chance that an attempt to connect is refused, and that it is never answered. */
  readonly refuse: number;
  readonly swallow: number;
  /** Longest delay of anything, milliseconds. */
  readonly delay: number;
  /** Chance for each transfer that the connection is reset, or silent from then on. */
  readonly reset: number;
  readonly stall: number;
}

const NO_FAULTS: Faults = { refuse: 0, swallow: 0, delay: 5, reset: 0, stall: 0 };

interface Side {
  readonly name: string;
  readonly engine: BgpEngine;
  wakeAt: Instant | null;
  nextAccepted: ConnectionId;
  /** When anything was last sent on each connection, by its id here. */
  readonly sentAt: Map<ConnectionId, Instant>;
}

/** A connection: the id it has at each side, by side. */
interface Link {
  readonly ids: Map<Side, ConnectionId>;
  readonly readers: Map<Side, Reader>;
  /** Nothing is delivered before this, so that octets keep their order. */
  readonly arrives: Map<Side, Instant>;
  open: boolean;
  stalled: boolean;
}

class Simulation {
  now: Instant = 0;
  faults: Faults;
  /** Longest pause between two messages of an established session, milliseconds. */
  longestSilence = 0;
  readonly left: Side;
  readonly right: Side;
  private readonly random: () => number;
  private readonly queue: { at: Instant; order: number; act: () => void }[] = [];
  private readonly links: Link[] = [];
  private order = 0;

  constructor(seed: number, faults: Faults) {
    this.random = generator(seed);
    this.faults = faults;
    const side = (name: string): Side => ({
      name,
      engine: createBgpEngine({ random: this.random }),
      wakeAt: null,
      nextAccepted: 1,
      sentAt: new Map(),
    });
    this.left = side("left");
    this.right = side("right");
  }

  start(): void {
    const local = { left: "192.0.2.1", right: "192.0.2.2" };
    for (const [side, localAs, peerAs, to] of [
      [this.left, 64501, 64502, local.right],
      [this.right, 64502, 64501, local.left],
    ] as const) {
      this.step(side, { kind: "routes", change: announce([`10.0.0.${localAs % 10}/32`]) });
      const settings = peerSettings({ name: "other", localAs, peerAs, endpoint: at(to), holdTime: 9 });
      this.step(side, { kind: "peer-set", settings, fallbackRouterId: address("198.51.100.1") });
    }
  }

  run(until: Instant): void {
    for (;;) {
      this.queue.sort((a, b) => a.at - b.at || a.order - b.order);
      const next = this.queue[0];
      const wakes = [this.left, this.right].filter(({ wakeAt }) => wakeAt !== null);
      const woken = wakes.sort((a, b) => (a.wakeAt ?? 0) - (b.wakeAt ?? 0))[0];
      const wakeAt = woken?.wakeAt ?? Number.POSITIVE_INFINITY;
      const at = Math.min(next?.at ?? Number.POSITIVE_INFINITY, wakeAt);
      if (at > until) break;
      this.now = Math.max(this.now, at);
      if (woken && wakeAt <= (next?.at ?? Number.POSITIVE_INFINITY)) {
        woken.wakeAt = null;
        this.step(woken, { kind: "time" });
      } else {
        this.queue.shift();
        next?.act();
      }
    }
    this.now = until;
  }

  /** Cuts what stands; nothing is told to either side. */
  stallAll(): void {
    for (const link of this.links) link.stalled = true;
  }

  state(side: Side): string {
    return side.engine.reports()[0]?.state ?? "";
  }

  /** What the side has learned on the connection that stands. */
  learned(side: Side): readonly string[] {
    const link = this.links.find((each) => each.open && !each.stalled);
    return [...(link?.readers.get(side)?.routes.keys() ?? [])];
  }

  private other(side: Side): Side {
    return side === this.left ? this.right : this.left;
  }

  private later(act: () => void, after = this.random() * this.faults.delay): void {
    this.queue.push({ at: this.now + after, order: this.order++, act });
  }

  private step(side: Side, event: BgpEvent): void {
    for (const effect of side.engine.step(event, this.now)) this.perform(side, effect);
  }

  private perform(side: Side, effect: BgpEffect): void {
    switch (effect.kind) {
      case "wake":
        side.wakeAt = effect.at;
        return;
      case "connect":
        return this.connect(side, effect.connection);
      case "send":
        return this.send(side, effect.connection, effect.chunks);
      case "close": {
        const link = this.linkOf(side, effect.connection);
        if (link) this.hangUp(link, side);
      }
    }
  }

  private linkOf(side: Side, id: ConnectionId): Link | undefined {
    return this.links.find((each) => each.ids.get(side) === id);
  }

  private connect(side: Side, id: ConnectionId): void {
    const fate = this.random();
    if (fate < this.faults.swallow) return;
    if (fate < this.faults.swallow + this.faults.refuse)
      return this.later(() => this.step(side, { kind: "connect-failed", connection: id, reason: "refused" }));
    const other = this.other(side);
    const accepted = other.nextAccepted;
    other.nextAccepted += 2;
    const link: Link = {
      ids: new Map([
        [side, id],
        [other, accepted],
      ]),
      readers: new Map([
        [side, new Reader()],
        [other, new Reader()],
      ]),
      arrives: new Map(),
      open: true,
      stalled: false,
    };
    this.links.push(link);
    const ends = { local: address("192.0.2.1"), remote: address("192.0.2.2") };
    const [near, far] =
      side === this.left
        ? [ends, { local: ends.remote, remote: ends.local }]
        : [{ local: ends.remote, remote: ends.local }, ends];
    this.deliver(link, side, () => this.step(side, { kind: "connected", connection: id, ...near }));
    this.deliver(link, other, () =>
      this.step(other, { kind: "accepted", connection: accepted, peer: "other", ...far }),
    );
  }

  /** Does it on one side after a delay, behind everything that was on the way there before. */
  private deliver(link: Link, to: Side, act: () => void): void {
    const at = Math.max(this.now + this.random() * this.faults.delay, link.arrives.get(to) ?? 0);
    link.arrives.set(to, at);
    this.later(() => {
      if (!link.stalled && link.ids.has(to)) act();
    }, at - this.now);
  }

  private send(side: Side, id: ConnectionId, chunks: readonly Uint8Array[]): void {
    const link = this.linkOf(side, id);
    if (!link) return;
    if (this.state(side) === "Established") {
      this.longestSilence = Math.max(this.longestSilence, this.now - (side.sentAt.get(id) ?? this.now));
      side.sentAt.set(id, this.now);
    }
    const fate = this.random();
    if (fate < this.faults.reset) return this.later(() => this.cut(link));
    if (fate < this.faults.reset + this.faults.stall) link.stalled = true;
    const other = this.other(side);
    for (const chunk of chunks)
      this.deliver(link, other, () => {
        link.readers.get(other)?.read([chunk]);
        const connection = link.ids.get(other);
        if (connection === undefined) return;
        // In two pieces, as streams do.
        const half = Math.floor(this.random() * chunk.length);
        this.step(other, { kind: "received", connection, bytes: chunk.subarray(0, half) });
        this.step(other, { kind: "received", connection, bytes: chunk.subarray(half) });
      });
    this.later(() => {
      if (link.ids.has(side)) this.step(side, { kind: "drained", connection: id });
    });
  }

  private hangUp(link: Link, by: Side): void {
    link.open = false;
    link.ids.delete(by);
    const other = this.other(by);
    const connection = link.ids.get(other);
    if (connection === undefined) return;
    this.deliver(link, other, () => {
      link.ids.delete(other);
      this.step(other, { kind: "closed", connection, reason: "closed by the peer" });
    });
  }

  private cut(link: Link): void {
    link.open = false;
    for (const [side, connection] of [...link.ids]) {
      link.ids.delete(side);
      this.step(side, { kind: "closed", connection, reason: "reset" });
    }
  }
}

const MINUTE = 60_000;

describe("two speakers", () => {
  it("stand up at once on a good network, though both connect", () => {
    for (let seed = 0; seed < 50; seed++) {
      const simulation = new Simulation(seed, NO_FAULTS);
      simulation.start();
      simulation.run(5_000);
      expect([seed, simulation.state(simulation.left), simulation.state(simulation.right)]).toEqual([
        seed,
        "Established",
        "Established",
      ]);
      expect(simulation.learned(simulation.left)).toEqual(["10.0.0.2/32"]);
      expect(simulation.learned(simulation.right)).toEqual(["10.0.0.1/32"]);
    }
  });

  it("stand up again after any faults, and are never stuck", () => {
    for (let seed = 0; seed < 150; seed++) {
      const random = generator(seed * 7919 + 1);
      const simulation = new Simulation(seed, {
        refuse: random() * 0.5,
        swallow: random() * 0.4,
        delay: random() * 3_000,
        reset: random() * 0.1,
        stall: random() * 0.1,
      });
      simulation.start();
      simulation.run(20 * MINUTE);
      simulation.faults = NO_FAULTS;
      // The longest pause, an OPEN that is never answered, and an attempt.
      simulation.run(30 * MINUTE);
      const { left, right } = simulation;
      expect([seed, simulation.state(left), simulation.state(right)]).toEqual([seed, "Established", "Established"]);
      expect([seed, simulation.learned(left), simulation.learned(right)]).toEqual([
        seed,
        ["10.0.0.2/32"],
        ["10.0.0.1/32"],
      ]);
    }
  });

  it("send keepalives in time, and find a silent peer at the hold time", () => {
    const simulation = new Simulation(1, NO_FAULTS);
    simulation.start();
    simulation.run(10 * MINUTE);
    // A third of nine seconds.
    expect(simulation.longestSilence).toBeGreaterThan(2_000);
    expect(simulation.longestSilence).toBeLessThanOrEqual(3_000);
    const { left, right } = simulation;
    simulation.stallAll();
    simulation.faults = { ...NO_FAULTS, swallow: 1 };
    simulation.run(10 * MINUTE + 5_900);
    expect([simulation.state(left), simulation.state(right)]).toEqual(["Established", "Established"]);
    simulation.run(10 * MINUTE + 9_005);
    for (const side of [left, right]) {
      expect(simulation.state(side)).not.toBe("Established");
      expect(side.engine.reports()[0]?.reason).toBe("we sent hold timer expired");
    }
  });
});
