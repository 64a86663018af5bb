import { createHash } from "node:crypto";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createBfdEngine, decodeControl, encodeControl } from "metallb/bfd";
import {
  type BgpEngine,
  createBgpEngine,
  DEFAULT_SETTINGS,
  decodeNotification,
  decodeOpen,
  decodeRouteRefresh,
  decodeUpdate,
  describeNotification,
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
  encodeRouteRefresh,
  notification,
  type Open,
  type PeerSettings,
  shutdown,
} from "metallb/bgp";
import { ip } from "metallb/net";
import { describe, expect, it } from "vitest";

// Octets that a router could send, changed at random: nothing throws, nothing takes long, nothing grows.

/** Seconds: a minute where everything is tested, an hour on demand; a moment otherwise. */
const SECONDS = Number(process.env.METALLB_MUTATION_SECONDS ?? (process.env.CI ? 60 : 5));
/** The same one tries the same octets again. */
const SEED = Number(process.env.METALLB_MUTATION_SEED ?? 20_261_124);
/** Milliseconds that any octets may hold the engines up. */
const LONGEST = 10;

/** Numerical Recipes' linear congruential generator. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const SETTINGS: PeerSettings = {
  name: "router",
  localAs: 64500,
  peerAs: 64512,
  endpoint: { kind: "address", address: ip(4, 1n), interface: null },
  ...DEFAULT_SETTINGS,
  gracefulRestart: true,
};

const OPEN: Open = {
  as: 64512,
  holdTime: 90,
  identifier: ip(4, 1n),
  capabilities: {
    families: ["ipv4-unicast", "ipv6-unicast"],
    extendedNextHop: true,
    routeRefresh: true,
    enhancedRouteRefresh: true,
    extendedMessage: true,
    fourOctetAs: 64512,
    gracefulRestart: {
      restarting: true,
      notification: true,
      restartTime: 120,
      families: [{ family: "ipv4-unicast", forwarding: true }],
    },
  },
};

/** An UPDATE of these parts, framed. */
function update(withdrawn: readonly number[], attributes: readonly number[], nlri: readonly number[]): Uint8Array {
  const body = [
    ...[withdrawn.length >> 8, withdrawn.length & 255],
    ...withdrawn,
    ...[attributes.length >> 8, attributes.length & 255],
    ...attributes,
    ...nlri,
  ];
  const length = 19 + body.length;
  return Uint8Array.from([...Array<number>(16).fill(255), length >> 8, length & 255, 2, ...body]);
}

const PATH = [0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 0xfc, 0, 0x40, 3, 4, 192, 0, 2, 1];

const CORPUS: readonly Uint8Array[] = [
  encodeOpen(OPEN),
  encodeKeepalive(),
  encodeRouteRefresh("ipv4-unicast", "request"),
  encodeRouteRefresh("ipv6-unicast", "begin"),
  encodeNotification(notification(6, 9, Uint8Array.of(6, 2, 3, 98, 121, 101))),
  encodeNotification(shutdown(2, "maintenance")),
  update([24, 10, 0, 1], [], []),
  update([], PATH, [32, 198, 51, 100, 1, 24, 10, 1, 2]),
  // Communities, large ones, extended ones, MED, an unknown one, MP_REACH and MP_UNREACH.
  update(
    [],
    [
      ...PATH,
      ...[0x80, 4, 4, 0, 0, 0, 50, 0xc0, 8, 8, 0xfb, 0xf4, 0, 1, 0xfb, 0xf4, 0, 2],
      ...[
        0xc0, 32, 12, 0, 0, 0xfb, 0xf4, 0, 0, 0, 1, 0, 0, 0, 2, 0xc0, 16, 8, 0x40, 4, 0xfb, 0xf4, 0x47, 0xf4, 0x24, 0,
      ],
      ...[0xd0, 99, 0, 3, 1, 2, 3],
      ...[0x90, 14, 0, 26, 0, 2, 1, 16, 0x20, 1, 0xd, 0xb8, ...Array<number>(12).fill(0), 0, 32, 0x20, 1, 0xd, 0xb8],
      ...[0x80, 15, 8, 0, 2, 1, 32, 0x20, 1, 0xd, 0xb8],
    ],
    [],
  ),
  update([], [0x80, 15, 3, 0, 2, 1], []),
];

/** The octets with some changes: flips, cuts, doublings, pieces of others, lengths that lie. */
function mutate(octets: Uint8Array, random: () => number): Uint8Array {
  let bytes = Array.from(octets);
  const below = (n: number): number => Math.floor(random() * n);
  for (let changes = 1 + below(4); changes > 0; changes--) {
    // Mostly behind the marker, which is soon told.
    const at = random() < 0.05 ? below(bytes.length + 1) : Math.min(16 + below(bytes.length), bytes.length);
    const other = CORPUS[below(CORPUS.length)] ?? encodeKeepalive();
    const kind = below(7);
    if (kind === 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
    else if (kind === 1) bytes[at] = [0, 1, 127, 128, 254, 255, below(256)][below(7)] ?? 0;
    else if (kind === 2) bytes.splice(at, 1 + below(8));
    else if (kind === 3) bytes.splice(at, 0, ...Array.from({ length: 1 + below(8) }, () => below(256)));
    else if (kind === 4) bytes.splice(at, 0, ...bytes.slice(at, at + below(64)));
    else if (kind === 5) bytes.splice(at, 0, ...Array.from(other).slice(below(other.length)));
    else bytes = bytes.slice(0, at);
    if (bytes.length > 70_000) bytes.length = 70_000;
  }
  // More often than not the frame is whole, so that what is in it is looked at.
  if (bytes.length >= 19 && bytes.length <= 65_535 && random() < 0.8) {
    bytes[16] = bytes.length >> 8;
    bytes[17] = bytes.length & 255;
  }
  return Uint8Array.from(bytes, (each) => each & 255);
}

type Place = "OpenSent" | "OpenConfirm" | "Established";

/** A fresh engine whose one session is in this state. */
function engineIn(place: Place): (bytes: Uint8Array) => void {
  const engine: BgpEngine = createBgpEngine({ random: () => 0.5, ringSize: 0 });
  engine.step({ kind: "peer-set", settings: SETTINGS, fallbackRouterId: ip(4, 9n) }, 0);
  engine.step({ kind: "connected", connection: 2, local: ip(4, 2n), remote: ip(4, 1n) }, 0);
  const read = (bytes: Uint8Array): void => void engine.step({ kind: "received", connection: 2, bytes }, 1);
  if (place !== "OpenSent") read(encodeOpen(OPEN));
  if (place === "Established") read(encodeKeepalive());
  expect(engine.reports()[0]?.state).toBe(place);
  return read;
}

/** Milliseconds; what was long is tried again, since the machine does other things, too. */
function longest(act: () => () => void): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 5 && shortest >= LONGEST; tries++) {
    const run = act();
    const begin = performance.now();
    run();
    shortest = Math.min(shortest, performance.now() - begin);
  }
  return shortest;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

describe(`octets changed at random, seed ${SEED}`, () => {
  it(
    `are read for ${SECONDS} s in every state without an error, a hang or growth`,
    () => {
      console.log(`seed ${SEED}: METALLB_MUTATION_SEED=${SEED} tries the same again`);
      const random = generator(SEED);
      const end = performance.now() + SECONDS * 1_000;
      collect();
      const before = process.memoryUsage().heapUsed;
      let tried = 0;
      while (performance.now() < end) {
        const octets = mutate(CORPUS[Math.floor(random() * CORPUS.length)] ?? encodeKeepalive(), random);
        const place = (["OpenSent", "OpenConfirm", "Established"] as const)[tried % 3] ?? "Established";
        // Where it is cut on the way makes no difference to what it is.
        const cut = Math.floor(random() * octets.length);
        const body = octets.subarray(19);
        const act = () => {
          const read = engineIn(place);
          return () => {
            read(octets.subarray(0, cut));
            read(octets.subarray(cut));
            decodeOpen(body);
            decodeUpdate(body, { fourOctetAs: tried % 2 === 0, internal: false });
            decodeRouteRefresh(body, true);
            describeNotification(decodeNotification(body));
          };
        };
        try {
          if (longest(act) >= LONGEST) throw new Error(`it takes ${LONGEST} ms and more`);
        } catch (error) {
          throw new Error(`seed ${SEED}, try ${tried}, ${place}: ${hex(octets).slice(0, 4_000)}`, { cause: error });
        }
        tried++;
      }
      collect();
      expect(process.memoryUsage().heapUsed - before).toBeLessThan(16 * 1024 * 1024);
      console.log(`${tried} messages`);
      expect(tried).toBeGreaterThan(SECONDS * 100);
    },
    (SECONDS + 60) * 1_000,
  );

  it("are read by BFD in every state, too", () => {
    const random = generator(SEED);
    const control = encodeControl({
      diagnostic: 0,
      state: "Up",
      poll: true,
      final: false,
      controlPlaneIndependent: false,
      authenticated: false,
      demand: false,
      detectMultiplier: 3,
      myDiscriminator: 7,
      yourDiscriminator: 0,
      desiredMinTx: 50_000,
      requiredMinRx: 50_000,
      requiredMinEchoRx: 0,
    });
    const engine = createBfdEngine({
      random,
      digest: (algorithm, bytes) => createHash(algorithm).update(bytes).digest(),
    });
    const settings = {
      name: "path",
      remote: ip(4, 1n),
      local: null,
      interface: null,
      vrf: null,
      multihop: false,
      minimumTtl: 254,
      receiveInterval: 50,
      transmitInterval: 50,
      detectMultiplier: 3,
      passive: false,
      echoInterval: null,
      authentication: null,
      users: ["router"],
    };
    engine.step({ kind: "session-set", settings }, 0);
    for (let i = 1; i < 50_000; i++) {
      const bytes = Uint8Array.from(control);
      // States Down to Up, and our discriminator or none, so that some get through.
      bytes[1] = (Math.floor(random() * 4) << 6) | Math.floor(random() * 64);
      for (let changes = Math.floor(random() * 4); changes > 0; changes--)
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      const octets = bytes.subarray(0, random() < 0.2 ? Math.floor(random() * 24) : 24);
      decodeControl(octets);
      engine.step({ kind: "received", bytes: octets, from: ip(4, 1n), interface: null, multihop: false }, i);
      engine.step({ kind: "time" }, i);
      expect(engine.reports()).toHaveLength(1);
    }
  });
});

describe("the largest messages there are", () => {
  const room = 65_535 - 19 - 4;
  const repeat = (pattern: readonly number[], octets: number): readonly number[] =>
    Array.from(
      { length: Math.floor(octets / pattern.length) * pattern.length },
      (_, i) => pattern[i % pattern.length] ?? 0,
    );
  it.each<readonly [string, Uint8Array]>([
    ["prefixes of one octet", update([], PATH, repeat([0], room - PATH.length))],
    ["prefixes of five", update([], PATH, repeat([32, 10, 1, 2, 3], room - PATH.length))],
    ["withdrawals", update(repeat([8, 10], room), [], [])],
    ["attributes without a value", update([], repeat([0xc0, 99, 0], room), [])],
    ["communities", update([], [...PATH, 0xd0, 8, 0xfd, 0xe8, ...repeat([0xfb, 0xf4, 0, 1], 65_000)], [])],
    ["an AS path", update([], [0x50, 2, 0xfd, 0xe8, ...repeat([2, 1, 0, 0, 0xfc, 0], 65_000), 0, 0], [24, 10, 1, 2])],
    [
      "IPv6 prefixes",
      update([], [0x90, 14, 0xfd, 0xe8, 0, 2, 1, 16, ...Array<number>(16).fill(1), 0, ...repeat([8, 32], 64_979)], []),
    ],
  ])("are read within 10 ms: %s", (_, octets) => {
    expect(octets.length).toBeGreaterThan(60_000);
    expect(
      longest(() => {
        const read = engineIn("Established");
        return () => read(octets);
      }),
    ).toBeLessThan(LONGEST);
  });
});
