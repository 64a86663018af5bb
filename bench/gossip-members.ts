import {
  createGossipEngine,
  encodeMeta,
  type GossipEffect,
  type GossipEngine,
  type GossipEvent,
  LAN,
} from "metallb/gossip";
import { type Ip, ip } from "metallb/net";
import { EngineThread } from "metallb/speaker";
import { GossipSockets } from "metallb/sys";

// Members of a gossip on loopback. `crowd N`: so many in this process, who know each other from the start; `member N`:
// a speaker's engines, which join them. Some hear each other's hearts beat. Says `ready`.

const [kind = "", count = ""] = process.argv.slice(2);
const PORT = 17_946;
/** As many as a speaker watches at most. */
const WATCHED = 64;
const SETTLED = 5_000;
const members = Number(count);
const nameOf = (i: number): string => `node-${i}`;
const addressOf = (i: number): Ip => ip(4, BigInt(0x7f560001 + i));
const meta = encodeMeta([]);
const config = { ...LAN, enableCompression: false };
const watched = Array.from({ length: Math.min(WATCHED, members - 1) }, (_, i) => nameOf(i));

/** Of one member of the crowd: its sockets and its clock. */
async function open(index: number, engine: GossipEngine): Promise<(event: GossipEvent) => void> {
  let timer: NodeJS.Timeout | null = null;
  const at = { address: addressOf(index), port: PORT };
  const step = (event: GossipEvent): void => {
    for (const effect of engine.step(event, performance.now())) perform(effect);
  };
  const sockets = await GossipSockets.open(
    at,
    { cipher: null, compress: false },
    {
      datagram: (from, bytes) => step({ kind: "datagram", from, bytes }),
      asked: (exchange, message) => step({ kind: "asked", exchange, message }),
      exchanged: (exchange, answer, reason) => step({ kind: "exchanged", exchange, answer, reason }),
    },
  );
  const perform = (effect: GossipEffect): void => {
    if (effect.kind === "send") sockets.send(effect.to, effect.bytes);
    else if (effect.kind === "exchange") sockets.exchange(effect.exchange, effect.to, effect.message, effect.limit);
    else if (effect.kind === "answer") sockets.answer(effect.exchange, effect.message);
    else if (effect.kind === "wake") {
      if (timer) clearTimeout(timer);
      const wait = effect.at === null ? null : Math.max(0, effect.at - performance.now());
      timer = wait === null ? null : setTimeout(() => step({ kind: "time" }), wait);
    }
  };
  step({ kind: "start", self: at });
  return step;
}

async function crowd(): Promise<void> {
  const known = Array.from({ length: members }, (_, i) => ({
    name: nameOf(i),
    address: Uint8Array.of(127, 86, (i + 1) >> 8, (i + 1) & 255),
    port: PORT,
    meta,
    incarnation: 1,
    state: 0 as const,
    versions: Uint8Array.of(1, 5, 2, 0, 0, 0),
  }));
  for (let i = 0; i < members; i += 1) {
    const engine = createGossipEngine({
      name: nameOf(i),
      random: Math.random,
      cipher: null,
      port: PORT,
      config,
      meta,
      known,
    });
    const step = await open(i, engine);
    if (i < WATCHED) step({ kind: "watch", nodes: [nameOf(members)] });
  }
}

async function member(): Promise<void> {
  const self = members - 1;
  const heard = new Set<string>();
  const all = Promise.withResolvers<void>();
  const thread = new EngineThread({
    applied: () => {},
    report: ({ engine, report }) => {
      if (engine !== "gossip" || report.kind !== "member") return;
      heard.add(report.member.name);
      if (heard.size >= self) all.resolve();
    },
    log: (level, subject, message) => console.error(level, subject, message),
    died: () => process.exit(1),
  });
  const start = { name: nameOf(self), at: { address: addressOf(self), port: PORT }, key: null, config, meta };
  thread.send("gossip", [{ start, events: [{ kind: "join", addresses: self === 0 ? [] : [addressOf(0)] }] }]);
  if (self > 0) await all.promise;
  thread.send("gossip", [{ events: [{ kind: "watch", nodes: watched }] }]);
  setInterval(() => {}, 60_000);
}

await (kind === "crowd" ? crowd() : member());
await new Promise((resolve) => setTimeout(resolve, SETTLED));
console.log("ready");
