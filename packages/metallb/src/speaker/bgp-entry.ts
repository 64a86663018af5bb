import {
  type BgpEffect,
  type ConnectionId,
  createBgpEngine,
  type PathAttributes,
  type PeerSettings,
  type RecordedEvent,
  type TableChange,
} from "#bgp";
import type { Instant, Ip } from "#net";
import type { AcceptedFrom, BgpSockets, TcpConnection, TcpListener, TcpTarget } from "#sys";
import { BfdPaths } from "./bfd-paths.ts";
import { datedCounters, datedSession } from "./dated.ts";
import { Doors } from "./doors.ts";
import type { BgpDifference, Engine, EngineTypes, EntryOf, Leaving, Seat } from "./engine-registry.ts";
import { LocalLinks } from "./local-links.ts";
import { Unnumbered } from "./unnumbered.ts";

type Bgp = EngineTypes["bgp"];

/** Attribute sets that are remembered to be equal; beyond it they are remembered anew. */
const MAX_SETS = 4_096;

/** The BGP engine with its TCP connections. */
export const bgpEntry = (sockets: BgpSockets): EntryOf<"bgp"> => ({
  name: "bgp",
  create: (seat) => new BgpHosted(seat, sockets),
});

class BgpHosted implements Engine<BgpDifference, Bgp["event"], Bgp["effect"]> {
  readonly wake = { kind: "time" } as const;
  private readonly seat: Seat<Bgp["event"], Bgp["report"]>;
  private readonly sockets: BgpSockets;
  private readonly doors: Doors;
  private readonly unnumbered: Unnumbered;
  private readonly links: LocalLinks;
  private readonly paths: BfdPaths;
  private readonly peers = new Map<string, PeerSettings>();
  private readonly machine: ReturnType<typeof createBgpEngine>;
  private readonly connections = new Map<ConnectionId, TcpConnection>();
  /** Connections that were closed and have something left to send. */
  private readonly leaving = new Set<Promise<void>>();
  private nextAccepted: ConnectionId = 1;
  private readonly sets = new Map<string, PathAttributes>();

  constructor(seat: Seat<Bgp["event"], Bgp["report"]>, sockets: BgpSockets) {
    this.seat = seat;
    this.sockets = sockets;
    const trouble = (subject: string, message: string): void => seat.log("warn", subject, message);
    this.paths = new BfdPaths((event) => seat.pass("bfd", event));
    this.unnumbered = new Unnumbered(sockets.discover, trouble, () => this.watchPaths());
    this.links = new LocalLinks(sockets.watchLinks, trouble, (connection, link) =>
      seat.step({ kind: "link", connection, link }),
    );
    this.doors = new Doors(sockets.listen, trouble, (peer, connect) => this.accept(peer, connect));
    this.machine = createBgpEngine({ random: () => seat.random() });
  }

  *events({
    routes,
    peersSet,
    peersRemoved,
    fallbackRouterId,
    farewell,
    drain,
  }: BgpDifference): Generator<Bgp["event"]> {
    if (drain !== undefined) yield { kind: "drain", on: drain };
    for (const change of routes) yield { kind: "routes", change: this.intern(change) };
    for (const settings of peersSet) this.peers.set(settings.name, settings);
    for (const peer of peersRemoved) this.peers.delete(peer);
    if (peersSet.length + peersRemoved.length > 0) this.prepare();
    for (const settings of peersSet) yield { kind: "peer-set", settings, fallbackRouterId };
    for (const peer of peersRemoved)
      yield { kind: "peer-removed", peer, ...(farewell === undefined ? {} : { text: farewell }) };
    // After the sessions are there that are told of it.
    if (peersSet.length + peersRemoved.length > 0) this.watchPaths();
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
        return this.connect(effect);
      case "send":
        return this.connections.get(effect.connection)?.send(effect.chunks);
      case "close":
        return this.close(effect.connection);
      case "wake":
        return this.seat.wakeAt(effect.at);
      case "session":
        return this.seat.report(effect.report.peer, {
          kind: "session",
          session: datedSession(effect.report, (at) => this.seat.wallClock(at)),
        });
      case "log":
        return this.seat.log(effect.level, effect.peer, effect.message);
    }
  }

  standing(): void {
    const counters = this.machine.counters().map((each) => datedCounters(each, (at) => this.seat.wallClock(at)));
    this.seat.report("", { kind: "counters", counters });
  }

  recent(): readonly RecordedEvent[] {
    return this.machine.recent();
  }

  farewell(text: string, routes: Leaving): Bgp["event"] {
    return { kind: "shutdown", text, routes };
  }

  flushed(): Promise<unknown> {
    this.peers.clear();
    this.prepare();
    return Promise.all(this.leaving);
  }

  dispose(): void {
    this.links.close();
  }

  /** Looks where unnumbered peers are, and opens the door where passive ones come. */
  private prepare(): void {
    const names = new Set<string>();
    for (const { endpoint } of this.peers.values()) if (endpoint.kind === "interface") names.add(endpoint.interface);
    this.unnumbered.watch(names);
    this.doors.admit([...this.peers.values()]);
  }

  private watchPaths(): void {
    this.paths.watch(this.peers.values(), (name) => this.unnumbered.routerOf(name));
  }

  private close(connection: ConnectionId): void {
    this.unnumbered.giveUp(connection);
    this.links.forget(connection);
    const open = this.connections.get(connection);
    this.connections.delete(connection);
    if (!open) return;
    const left = open.close().then(() => void this.leaving.delete(left));
    this.leaving.add(left);
  }

  private connect(effect: Extract<BgpEffect, { kind: "connect" }>): void {
    this.links.whenKnown(effect.settings, effect.connection, () => this.connectNow(effect));
  }

  private connectNow({ connection, settings, hops }: Extract<BgpEffect, { kind: "connect" }>): void {
    const { endpoint } = settings;
    if (endpoint.kind === "address") return this.dial(connection, settings, hops, endpoint.address, endpoint.interface);
    this.unnumbered.whenFound(endpoint.interface, connection, (router) =>
      this.dial(connection, settings, hops, router, endpoint.interface),
    );
  }

  private dial(
    connection: ConnectionId,
    { port, sourceAddress, vrf, password }: PeerSettings,
    hops: TcpTarget["hops"],
    address: Ip,
    zone: string | null,
  ): void {
    const target = { address, interface: zone, port, sourceAddress, device: vrf, password, hops };
    let stood = false;
    const listener = this.listener(connection, () => (stood ? "closed" : "connect-failed"));
    const opened = this.sockets.openTcp(target, {
      ...listener,
      connected: (local, remote, guarded) => {
        stood = true;
        const link = this.links.follow(connection, local, zone);
        this.seat.step({ kind: "connected", connection, local, remote, link, guarded });
      },
    });
    this.connections.set(connection, opened);
  }

  private accept(peer: AcceptedFrom, connect: (listener: TcpListener) => TcpConnection): void {
    // The engine's own have even numbers.
    const connection = this.nextAccepted;
    this.nextAccepted += 2;
    const opened = connect({
      ...this.listener(connection, () => "closed"),
      connected: (local, remote, guarded) => {
        const link = this.links.follow(connection, local, peer.interface);
        this.seat.step({ kind: "accepted", connection, peer: peer.name, local, remote, link, guarded });
      },
    });
    this.connections.set(connection, opened);
    opened.begin();
  }

  private listener(
    connection: ConnectionId,
    ending: () => "closed" | "connect-failed",
  ): Pick<TcpListener, "guarded" | "unguarded" | "received" | "drained" | "failed"> {
    return {
      guarded: () => this.seat.step({ kind: "guarded", connection }),
      unguarded: () => this.seat.step({ kind: "unguarded", connection }),
      received: (bytes) => this.seat.step({ kind: "received", connection, bytes }),
      drained: () => this.seat.step({ kind: "drained", connection }),
      failed: (reason) => {
        this.connections.delete(connection);
        this.links.forget(connection);
        this.seat.step({ kind: ending(), connection, reason });
      },
    };
  }
}
