import {
  createGossipEngine,
  decodeStream,
  encodeMeta,
  encodeStream,
  type GossipEffect,
  LAN,
  readMeta,
} from "metallb/gossip";
import { createNeighborEngine } from "metallb/neighbor";
import { ip, type Mac, parseMac } from "metallb/net";
import { readNetlink } from "metallb/sys";
import { expect, it } from "vitest";

/**
 * A minute of broken packets in CI, a few seconds elsewhere: each is a real one with some octets changed, cut,
 * doubled or moved. METALLB_SEED tries others.
 */
const SECONDS = process.env.CI === "true" ? 12 : 1;
const SEED = Number(process.env.METALLB_SEED ?? 1);

function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));

function mutated(good: Uint8Array, random: () => number): Uint8Array {
  const below = (limit: number): number => Math.floor(random() * limit);
  let octets = Uint8Array.from(good);
  for (let i = 1 + below(4); i > 0; i -= 1) {
    const at = below(octets.length);
    switch (below(6)) {
      case 0:
        octets[at] = below(256);
        break;
      case 1:
        octets[at] = [0, 1, 0x7f, 0x80, 0xff][below(5)] ?? 0;
        break;
      case 2:
        octets = octets.slice(0, at);
        break;
      case 3:
        octets = Uint8Array.from([...octets, ...octets.subarray(at)]);
        break;
      case 4:
        octets = Uint8Array.from([...octets.subarray(at), ...octets.subarray(0, at)]);
        break;
      default:
        octets[at] = (octets[at] ?? 0) ^ (1 << below(8));
    }
    if (octets.length === 0) octets = Uint8Array.of(below(256));
  }
  return octets.subarray(0, 65_536);
}

/** Feeds broken packets until the time is over; gives how many. */
function storm(seeds: readonly Uint8Array[], take: (octets: Uint8Array) => void): number {
  const random = chance(SEED);
  let count = 0;
  let slowest = 0;
  for (const until = performance.now() + SECONDS * 1_000; performance.now() < until; ) {
    for (let i = 0; i < 200; i += 1) {
      const octets = mutated(seeds[Math.floor(random() * seeds.length)] as Uint8Array, random);
      const before = performance.now();
      try {
        take(octets);
      } catch (error) {
        throw new Error(`METALLB_SEED=${SEED}, packet ${count}: ${Buffer.from(octets).toString("hex").slice(0, 400)}`, {
          cause: error,
        });
      }
      slowest = Math.max(slowest, performance.now() - before);
      count += 1;
    }
  }
  console.info(`METALLB_SEED=${SEED}: ${count} broken packets, the slowest took ${slowest.toFixed(2)} ms`);
  return count;
}

const macOf = (text: string): Mac => {
  const read = parseMac(text);
  if (!read.ok) throw new Error(read.error);
  return read.value;
};

it("ARP and NDP", () => {
  const engine = createNeighborEngine();
  const link = {
    index: 2,
    name: "eth0",
    mac: macOf("02:00:00:00:00:01"),
    usable: true,
    arp: true,
    linkLocal: ip(6, 0xfe80n << 112n),
  };
  engine.step({ kind: "link-set", link }, 0);
  const addresses = [ip(4, 0xc0000201n), ip(6, (0x20010db8n << 96n) | 1n)];
  for (const address of addresses)
    engine.step({ kind: "announce", holder: "s", address, interfaces: null, claim: "at-once" }, 0);
  let now = 0;
  const seeds = [
    "ffffffffffff 0200000000aa 0806 0001 0800 06 04 0001 0200000000aa c0000263 000000000000 c0000201",
    `3333ff000001 0200000000aa 86dd 6000 0000 0020 3a ff fe8000000000000000000000000000aa
     ff0200000000000000000001ff000001 87 00 4a0f 00000000 20010db8000000000000000000000001 01 01 0200000000aa`,
  ].map(hex);
  expect(
    storm(seeds, (frame) => {
      now += 1;
      engine.step({ kind: "received", link: 2, frame }, now);
    }),
  ).toBeGreaterThan(1_000);
  expect(engine.reports()).toHaveLength(2);
});

it("memberlist's datagrams, as its own members send them", () => {
  const names = ["node-1", "node-2", "node-3"];
  const engines = names.map((name) =>
    createGossipEngine({ name, random: chance(7), cipher: null, port: 7_946, config: LAN, meta: encodeMeta(null) }),
  );
  const endpoint = (i: number) => ({ address: ip(4, BigInt(0x0a000001 + i)), port: 7_946 });
  const seeds: Uint8Array[] = [];
  const perform = (effects: readonly GossipEffect[], now: number): void => {
    for (const effect of effects)
      if (effect.kind === "send") {
        seeds.push(effect.bytes.slice());
        const to = Number(effect.to.address.value) - 0x0a000001;
        perform(engines[to]?.step({ kind: "datagram", from: endpoint(0), bytes: effect.bytes }, now) ?? [], now);
      }
  };
  for (const [i, engine] of engines.entries()) engine.step({ kind: "start", self: endpoint(i) }, 0);
  // They learn of each other as by an exchange of tables.
  for (const [i, engine] of engines.entries())
    for (const other of engines) {
      if (other === engine) continue;
      for (const effect of engine.step({ kind: "join", addresses: [endpoint((i + 1) % 3).address] }, 0))
        if (effect.kind === "exchange")
          perform(other.step({ kind: "asked", exchange: 1, message: effect.message }, 0), 0);
    }
  for (const engine of engines) engine.step({ kind: "watch", nodes: names }, 0);
  for (let now = 10; now < 5_000; now += 10)
    for (const engine of engines) perform(engine.step({ kind: "time" }, now), now);
  expect(seeds.length).toBeGreaterThan(20);
  const [victim] = engines;
  let now = 5_000;
  const count = storm(seeds.slice(0, 500), (bytes) => {
    now += 0.01;
    victim?.step({ kind: "datagram", from: endpoint(1), bytes }, now);
  });
  expect(count).toBeGreaterThan(1_000);
  expect(victim?.members().find(({ name }) => name === "node-1")?.state).toBe("alive");
  expect(victim?.members().length).toBeLessThanOrEqual(20_000);
});

it("memberlist's tables over TCP, and what speakers tell of themselves", () => {
  const meta = encodeMeta([
    {
      name: "eth0",
      mac: macOf("02:00:00:00:00:01"),
      arp: true,
      ndp: true,
      subnets: [{ ip: ip(4, 0xc0000200n), length: 24 }],
    },
  ]);
  const node = {
    name: "node-1",
    address: Uint8Array.of(10, 0, 0, 1),
    port: 7_946,
    meta,
    incarnation: 3,
    state: 0,
    versions: Uint8Array.of(1, 5, 2, 0, 0, 0),
  } as const;
  const table = encodeStream(
    { kind: "push-pull", join: true, nodes: [node, { ...node, name: "node-2" }], userState: new Uint8Array() },
    { cipher: null, compress: true },
  );
  expect(storm([table], (octets) => void decodeStream(octets, { cipher: null, compress: false }))).toBeGreaterThan(
    1_000,
  );
  expect(storm([meta], (octets) => void readMeta(octets))).toBeGreaterThan(1_000);
});

it("netlink", () => {
  const seeds = [
    `40000000 1000 0000 00000000 00000000 00 00 0100 02000000 43100100 00000000 0900 0300 6574683000 000000
     0a00 0100 020000000001 0000 0800 0a00 05000000`,
    "2c000000 1400 0000 00000000 00000000 0a 40 c0 fd 02000000 1400 0100 fe800000000000000000000000000001",
  ].map(hex);
  expect(storm(seeds, (octets) => void readNetlink(octets))).toBeGreaterThan(1_000);
});
