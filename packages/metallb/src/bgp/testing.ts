import { type Duration, formatPrefix, type Ip, ip, type Prefix, parseIp, parsePrefix } from "#net";
import { type BgpEngine, createBgpEngine } from "./engine.ts";
import type { BgpEffect, BgpEvent, ConnectionId, Instant, Link, SessionReport } from "./events.ts";
import type { Capabilities } from "./packet/capabilities.ts";
import { MESSAGE } from "./packet/constants.ts";
import { type Frame, Framer } from "./packet/framer.ts";
import { encodeKeepalive } from "./packet/keepalive.ts";
import { decodeNotification } from "./packet/notification.ts";
import { encodeOpen, type Open } from "./packet/open.ts";
import { decodeRouteRefresh } from "./packet/route-refresh.ts";
import { decodeUpdate, type ReceivedAttributes } from "./packet/update.ts";
import {
  type AddressFamily,
  DEFAULT_SETTINGS,
  type PathAttributes,
  type PeerSettings,
  type TableChange,
} from "./settings.ts";

// What the tests of this room share: one engine driven by hand, and a peer that reads what it sends.

export const address = (text: string): Ip => {
  const parsed = parseIp(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
};

export const prefix = (text: string): Prefix => {
  const parsed = parsePrefix(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
};

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

export const unhex = (text: string): Uint8Array => {
  const digits = text.replaceAll(/[\s|]/g, "");
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
};

export const PLAIN: PathAttributes = { localPref: null, communities: [], largeCommunities: [] };

export const at = (text: string): PeerSettings["endpoint"] => ({
  kind: "address",
  address: address(text),
  interface: null,
});

export const peerSettings = (overrides: Partial<PeerSettings> = {}): PeerSettings => ({
  ...DEFAULT_SETTINGS,
  name: "router",
  localAs: 64500,
  peerAs: 64512,
  endpoint: { kind: "address", address: address("192.0.2.1"), interface: null },
  ...overrides,
});

export const capabilities = (overrides: Partial<Capabilities> = {}): Capabilities => ({
  families: ["ipv4-unicast", "ipv6-unicast"],
  extendedNextHop: false,
  routeRefresh: true,
  enhancedRouteRefresh: false,
  extendedMessage: false,
  fourOctetAs: 64512,
  gracefulRestart: null,
  ...overrides,
});

export const peerOpen = (overrides: Partial<Open> = {}): Open => ({
  as: 64512,
  holdTime: 90,
  identifier: address("192.0.2.1"),
  capabilities: capabilities(),
  ...overrides,
});

export const announce = (texts: readonly string[], attributes = PLAIN, table = "all"): TableChange => ({
  table,
  announce: texts.map((text) => ({ prefix: prefix(text), attributes })),
  withdraw: [],
});

export const withdraw = (texts: readonly string[], table = "all"): TableChange => ({
  table,
  announce: [],
  withdraw: texts.map(prefix),
});

/** `10.0.0.0/32` and on, as prefixes of one table. */
export const hostRoutes = (count: number, attributes = PLAIN, first = 0x0a000000): TableChange => ({
  table: "all",
  announce: Array.from({ length: count }, (_, i) => ({
    prefix: { ip: ip(4, BigInt(first + i)), length: 32 },
    attributes,
  })),
  withdraw: [],
});

/** What a peer knows after it has read what it was sent. */
export class Reader {
  readonly routes = new Map<string, ReceivedAttributes & { readonly nextHop: Ip | null }>();
  readonly endOfRib: AddressFamily[] = [];
  /** Every message in short: `open`, `keepalive`, `notification 6/2`, `refresh begin ipv4-unicast`, `update +2 -1`. */
  readonly heard: string[] = [];
  bytes = 0;
  private readonly framer = new Framer();
  private readonly fourOctetAs: boolean;

  constructor(fourOctetAs = true) {
    this.framer.extended = true;
    this.fourOctetAs = fourOctetAs;
  }

  read(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) {
      this.bytes += chunk.length;
      for (const frame of this.framer.push(chunk)) {
        if (!frame.ok) throw new Error(`bad frame: ${frame.error.code}/${frame.error.subcode}`);
        this.heard.push(this.message(frame.value));
      }
    }
  }

  private message({ type, body }: Frame): string {
    switch (type) {
      case MESSAGE.open:
        return "open";
      case MESSAGE.keepalive:
        return "keepalive";
      case MESSAGE.notification: {
        const { code, subcode } = decodeNotification(body);
        return `notification ${code}/${subcode}`;
      }
      case MESSAGE.routeRefresh: {
        const refresh = decodeRouteRefresh(body, true);
        if (!refresh.ok) throw new Error("bad ROUTE-REFRESH");
        return `refresh ${refresh.value.subtype} ${refresh.value.family}`;
      }
      default:
        return this.update(body);
    }
  }

  private update(body: Uint8Array): string {
    const update = decodeUpdate(body, { fourOctetAs: this.fourOctetAs, internal: true });
    if (!update.ok || update.value.treatAsWithdraw !== null) throw new Error("bad UPDATE");
    const { announced, withdrawn, attributes, endOfRib } = update.value;
    for (const gone of withdrawn) this.routes.delete(formatPrefix(gone));
    for (const { prefix: to, nextHop } of announced) this.routes.set(formatPrefix(to), { ...attributes, nextHop });
    if (endOfRib) {
      this.endOfRib.push(endOfRib);
      return `end ${endOfRib}`;
    }
    return `update +${announced.length} -${withdrawn.length}`;
  }
}

/** An engine on a clock that the test moves; collects what it asks for. */
export class Bench {
  readonly engine: BgpEngine;
  now: Instant = 0;
  wakeAt: Instant | null = null;
  /** What the last step asked for. */
  effects: readonly BgpEffect[] = [];
  /** The outgoing connection that was asked for last. */
  connection: ConnectionId = -1;
  readonly reports: SessionReport[] = [];

  constructor(random: () => number = () => 1, ringSize = 256, turn?: number) {
    this.engine = createBgpEngine({ random, ringSize, ...(turn === undefined ? {} : { turn }) });
  }

  step(event: BgpEvent): readonly BgpEffect[] {
    this.effects = this.engine.step(event, this.now);
    for (const effect of this.effects) {
      if (effect.kind === "wake") this.wakeAt = effect.at;
      if (effect.kind === "connect") this.connection = effect.connection;
      if (effect.kind === "session") this.reports.push(effect.report);
    }
    return this.effects;
  }

  set(overrides: Partial<PeerSettings> = {}): readonly BgpEffect[] {
    return this.step({
      kind: "peer-set",
      settings: peerSettings(overrides),
      fallbackRouterId: address("198.51.100.9"),
    });
  }

  routes(change: TableChange): readonly BgpEffect[] {
    return this.step({ kind: "routes", change });
  }

  connected(local = "192.0.2.10", link?: Link): readonly BgpEffect[] {
    const [ours, remote] = [address(local), address("192.0.2.1")];
    return this.step({
      kind: "connected",
      connection: this.connection,
      local: ours,
      remote,
      ...(link ? { link } : {}),
    });
  }

  accepted(connection: ConnectionId, peer = "router"): readonly BgpEffect[] {
    return this.step({
      kind: "accepted",
      connection,
      peer,
      local: address("192.0.2.10"),
      remote: address("192.0.2.1"),
    });
  }

  receive(bytes: Uint8Array, connection = this.connection): readonly BgpEffect[] {
    return this.step({ kind: "received", connection, bytes });
  }

  drain(connection = this.connection): readonly BgpEffect[] {
    return this.step({ kind: "drained", connection });
  }

  /** From a fresh peer to Established, everything drained. Gives all that the peer was sent. */
  establish(overrides: Partial<PeerSettings> = {}, open: Partial<Open> = {}, local = "192.0.2.10"): Reader {
    this.set(overrides);
    return this.standUp(open, local);
  }

  /** From Connect to Established. */
  standUp(open: Partial<Open> = {}, local = "192.0.2.10", link?: Link): Reader {
    const reader = new Reader(open.capabilities?.fourOctetAs !== null);
    reader.read(this.sent(this.connected(local, link)));
    this.drain();
    reader.read(this.sent(this.receive(encodeOpen(peerOpen(open)))));
    this.drain();
    reader.read(this.sent(this.receive(encodeKeepalive())));
    // A large table takes several turns.
    do reader.read(this.sent(this.drain()));
    while (this.sent().length > 0);
    return reader;
  }

  /** Lets time pass, waking the engine whenever it asked to be. Gives every effect on the way. */
  advance(milliseconds: Duration): readonly BgpEffect[] {
    const end = this.now + milliseconds;
    const all: BgpEffect[] = [];
    for (let rounds = 0; this.wakeAt !== null && this.wakeAt <= end; rounds++) {
      if (rounds > 100_000) throw new Error("it never sleeps");
      this.now = Math.max(this.now, this.wakeAt);
      this.wakeAt = null;
      all.push(...this.step({ kind: "time" }));
    }
    this.now = end;
    return all;
  }

  sent(effects = this.effects, connection = this.connection): Uint8Array[] {
    return effects.flatMap((effect) =>
      effect.kind === "send" && effect.connection === connection ? effect.chunks : [],
    );
  }

  get report(): SessionReport {
    const [report] = this.engine.reports();
    if (!report) throw new Error("no session");
    return report;
  }
}

/** Effects in short: `connect`, `close`, and each message that is sent. */
export const inShort = (effects: readonly BgpEffect[]): readonly string[] =>
  effects.flatMap((effect) => {
    if (effect.kind === "connect" || effect.kind === "close") return [effect.kind];
    if (effect.kind !== "send") return [];
    const reader = new Reader();
    reader.read(effect.chunks);
    return reader.heard;
  });
