import { type BgpEffect, type ConnectionId, createBgpEngine, type PathAttributes, type TableChange } from "#bgp";
import type { openTcp, TcpConnection } from "#sys";
import type { BgpDifference, Engine, EngineTypes, EntryOf, Instant, Seat } from "./engine-registry.ts";

type Bgp = EngineTypes["bgp"];

/** Attribute sets that are remembered to be equal; beyond it they are remembered anew. */
const MAX_SETS = 4_096;

/** The BGP engine with its TCP connections. */
export const bgpEntry = (open: typeof openTcp): EntryOf<"bgp"> => ({
  name: "bgp",
  create: (seat) => new BgpHosted(seat, open),
});

class BgpHosted implements Engine<BgpDifference, Bgp["event"], Bgp["effect"]> {
  readonly wake = { kind: "time" } as const;
  private readonly seat: Seat<Bgp["event"], Bgp["report"]>;
  private readonly open: typeof openTcp;
  private readonly machine: ReturnType<typeof createBgpEngine>;
  private readonly connections = new Map<ConnectionId, TcpConnection>();
  /** Connections that were closed and have something left to send. */
  private readonly leaving = new Set<Promise<void>>();
  private readonly sets = new Map<string, PathAttributes>();

  constructor(seat: Seat<Bgp["event"], Bgp["report"]>, open: typeof openTcp) {
    this.seat = seat;
    this.open = open;
    this.machine = createBgpEngine({ random: () => seat.random() });
  }

  *events({ routes, peersSet, peersRemoved, fallbackRouterId }: BgpDifference): Generator<Bgp["event"]> {
    for (const change of routes) yield { kind: "routes", change: this.intern(change) };
    for (const settings of peersSet) yield { kind: "peer-set", settings, fallbackRouterId };
    for (const peer of peersRemoved) yield { kind: "peer-removed", peer };
  }

  /** Equal attribute sets of different messages become one object again: packing groups by identity. */
  private intern(change: TableChange): TableChange {
    const seen = new Map<PathAttributes, PathAttributes>();
    const one = (attributes: PathAttributes): PathAttributes => {
      const known = seen.get(attributes);
      if (known) return known;
      const key = JSON.stringify(attributes);
      const set = this.sets.get(key) ?? attributes;
      if (this.sets.size >= MAX_SETS) this.sets.clear();
      this.sets.set(key, set);
      seen.set(attributes, set);
      return set;
    };
    return {
      ...change,
      announce: change.announce.map(({ prefix, attributes }) => ({ prefix, attributes: one(attributes) })),
    };
  }

  step(event: Bgp["event"], now: Instant): readonly BgpEffect[] {
    return this.machine.step(event, now);
  }

  perform(effect: BgpEffect): void {
    switch (effect.kind) {
      case "connect":
        return this.connect(effect.connection, effect.settings);
      case "send":
        return this.connections.get(effect.connection)?.send(effect.chunks);
      case "close":
        return this.close(effect.connection);
      case "wake":
        return this.seat.wakeAt(effect.at);
      case "session":
        return this.seat.report(effect.report.peer, {
          kind: "session",
          session: { ...effect.report, since: this.seat.wallClock(effect.report.since) },
        });
      case "log":
        return this.seat.log(effect.level, effect.peer, effect.message);
    }
  }

  standing(): void {
    this.seat.report("", { kind: "counters", counters: this.machine.counters() });
  }

  farewell(text: string): Bgp["event"] {
    return { kind: "shutdown", text };
  }

  flushed(): Promise<unknown> {
    return Promise.all(this.leaving);
  }

  private close(connection: ConnectionId): void {
    const open = this.connections.get(connection);
    this.connections.delete(connection);
    if (!open) return;
    const left = open.close().then(() => void this.leaving.delete(left));
    this.leaving.add(left);
  }

  private connect(
    connection: ConnectionId,
    { address, port, sourceAddress, interface: name, password }: Extract<BgpEffect, { kind: "connect" }>["settings"],
  ): void {
    let stood = false;
    const opened = this.open(
      { address, port, sourceAddress, interface: name, password },
      {
        connected: (local, remote) => {
          stood = true;
          this.seat.step({ kind: "connected", connection, local, remote });
        },
        received: (bytes) => this.seat.step({ kind: "received", connection, bytes }),
        drained: () => this.seat.step({ kind: "drained", connection }),
        failed: (reason) => {
          this.connections.delete(connection);
          this.seat.step({ kind: stood ? "closed" : "connect-failed", connection, reason });
        },
      },
    );
    this.connections.set(connection, opened);
  }
}
