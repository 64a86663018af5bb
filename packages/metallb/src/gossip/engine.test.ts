import { describe, expect, it } from "vitest";
import { type Ip, ip } from "#net";
import {
  createGossipEngine,
  encodeMeta,
  type GossipConfig,
  type GossipEffect,
  type GossipEngine,
  LAN,
  type StreamMessage,
} from "./index.ts";
import { VERSIONS } from "./machine/member.ts";
import { chance } from "./testing.ts";
import { encodeWatch, type WatchMessage } from "./wire/heartbeat.ts";
import { encodeMessage, type GossipMessage } from "./wire/messages.ts";
import { decodePacket, encodePacket, type GossipCipher } from "./wire/packet.ts";
import { MEMBER_STATE, type NodeState } from "./wire/stream.ts";

const address = (n: number): Ip => ip(4, BigInt(0x0a000000 + n));
const at = (n: number) => ({ address: address(n), port: 7_946 });
const OURS = encodeMeta([]);
const DAY = 86_400_000;

/** Not a cipher, but what is sealed by it cannot be read in clear text, and the other way round. */
const cipher: GossipCipher = {
  seal: (plain) => Uint8Array.from([...plain.map((octet) => octet ^ 0x5a), ...new Uint8Array(16).fill(7)]),
  open: (sealed) =>
    sealed.subarray(-16).every((octet) => octet === 7) ? sealed.slice(0, -16).map((octet) => octet ^ 0x5a) : null,
  nonce: () => new Uint8Array(12),
};

const member = (n: number, fields: Partial<NodeState> = {}): NodeState => ({
  name: `n${n}`,
  address: Uint8Array.of(10, 0, 0, n),
  port: 7_946,
  meta: OURS,
  incarnation: 1,
  state: MEMBER_STATE.alive,
  versions: VERSIONS,
  ...fields,
});

interface Started {
  readonly cipher?: GossipCipher;
  readonly config?: Partial<GossipConfig>;
  readonly members?: readonly NodeState[];
}

/** The engine of `n1`, which knows the others already. */
function started({ cipher, config = {}, members = [member(2), member(3)] }: Started = {}) {
  const settings = { ...LAN, enableCompression: false, ...config };
  const engine = createGossipEngine({
    name: "n1",
    random: chance(1),
    cipher: cipher ?? null,
    port: 7_946,
    meta: OURS,
    config: settings,
  });
  engine.step({ kind: "start", self: at(1) }, 0);
  const table: StreamMessage = { kind: "push-pull", join: false, nodes: members, userState: new Uint8Array() };
  engine.step({ kind: "asked", exchange: 1, message: table }, 0);
  const from = (n: number, message: GossipMessage, now = 1) =>
    engine.step({ kind: "datagram", from: at(n), bytes: packet(message) }, now);
  const watch = (n: number, message: WatchMessage, now = 1) =>
    from(n, { kind: "user", payload: encodeWatch(message) }, now);
  return { engine, from, watch };
}

const packet = (message: GossipMessage, sealed: GossipCipher | null = null): Uint8Array =>
  encodePacket([encodeMessage(message)], { cipher: sealed, compress: false }, false);

/** What is sent: to whom, and of what kind. */
const sent = (effects: readonly GossipEffect[], sealed: GossipCipher | null = null): readonly string[] =>
  effects.flatMap((effect) =>
    effect.kind === "send"
      ? (decodePacket(effect.bytes, sealed) ?? []).map(
          ({ kind }) => `${kind} to ${Number(effect.to.address.value) - 0x0a000000}`,
        )
      : [],
  );
const ofKind = <K extends GossipEffect["kind"]>(effects: readonly GossipEffect[], kind: K) =>
  effects.filter((effect): effect is Extract<GossipEffect, { kind: K }> => effect.kind === kind);
const stateOf = (engine: GossipEngine, name: string) => engine.members().find((each) => each.name === name)?.state;

const PING = {
  kind: "ping",
  sequence: 7,
  node: "n1",
  sourceAddress: new Uint8Array(),
  sourcePort: 0,
  sourceNode: "",
} as const;

describe("before it is started", () => {
  it("the engine does nothing and wants no time", () => {
    const engine = createGossipEngine({ name: "n1", random: () => 0, cipher: null, port: 7_946 });
    expect(engine.step({ kind: "config", config: LAN }, 0)).toEqual([]);
    expect(engine.step({ kind: "time" }, 5)).toEqual([{ kind: "wake", at: null }]);
    expect(engine.step({ kind: "datagram", from: at(2), bytes: packet(PING) }, 5)).toEqual([]);
    expect(engine.members()).toMatchObject([{ name: "n1", meta: new Uint8Array() }]);
  });
});

describe("time", () => {
  it("is wished for when the wish differs, and after each time that came", () => {
    const { engine } = started();
    const [{ at: wish } = { at: null }] = ofKind(engine.step({ kind: "time" }, 1), "wake");
    expect(wish).toBeGreaterThan(1);
    expect(engine.step({ kind: "config", config: LAN }, 1)).toEqual([]);
    expect(ofKind(engine.step({ kind: "time" }, 1), "wake")).toEqual([{ kind: "wake", at: wish }]);
  });

  it("is wished for when a suspicion ends", () => {
    const { engine, from } = started({
      config: { probeInterval: 900_000, pushPullInterval: 900_000, retransmitMult: 0 },
    });
    for (let now = 1_000; now <= 10_000; now += 1_000) engine.step({ kind: "time" }, now);
    const suspected = from(3, { kind: "suspect", incarnation: 1, node: "n2", from: "n3" }, 10_000);
    expect(ofKind(suspected, "member")).toMatchObject([{ report: { name: "n2", state: "suspect" } }]);
    for (let now = 10_200; stateOf(engine, "n2") === "suspect"; ) {
      const [{ at: next } = { at: null }] = ofKind(engine.step({ kind: "time" }, now), "wake");
      if (next === null || next > 20_000_000) break;
      now = Math.max(next, now + 1);
    }
    expect(stateOf(engine, "n2")).toBe("dead");
  });

  it("makes it forget who is gone for a day, once an hour", () => {
    const { engine, from } = started({ config: { pushPullInterval: 10 * DAY, probeInterval: 10 * DAY } });
    const names = () => engine.members().map(({ name }) => name);
    engine.step({ kind: "time" }, 1);
    from(2, { kind: "dead", incarnation: 1, node: "n2", from: "n2" }, 1_000);
    engine.step({ kind: "time" }, 1_000 + DAY);
    expect(names()).toContain("n2");
    // It has looked within the hour.
    engine.step({ kind: "time" }, 2_000 + DAY);
    expect(names()).toContain("n2");
    engine.step({ kind: "time" }, 1_000 + DAY + 3_600_000);
    expect(names()).toEqual(["n1", "n3"]);
  });
});

describe("over TCP", () => {
  it("a ping for this node is acknowledged, one for another is not", () => {
    const { engine } = started();
    const asked = (message: StreamMessage) => ofKind(engine.step({ kind: "asked", exchange: 9, message }, 1), "answer");
    expect(asked(PING)).toEqual([{ kind: "answer", exchange: 9, message: { kind: "ack", sequence: 7 } }]);
    expect(asked({ ...PING, node: "n2" })).toEqual([{ kind: "answer", exchange: 9, message: null }]);
    expect(asked({ kind: "error", text: "x" })).toEqual([{ kind: "answer", exchange: 9, message: null }]);
  });

  it("a table is answered by ours as it was before, and then taken in", () => {
    const { engine } = started({ members: [] });
    const message: StreamMessage = { kind: "push-pull", join: false, nodes: [member(8)], userState: new Uint8Array() };
    const [{ message: answer } = { message: null }] = ofKind(
      engine.step({ kind: "asked", exchange: 2, message }, 1),
      "answer",
    );
    expect(answer).toMatchObject({ kind: "push-pull", join: false, nodes: [{ name: "n1" }] });
    expect(stateOf(engine, "n8")).toBe("alive");
  });

  it("each exchange has a number of its own and the time that the settings give it", () => {
    const { engine } = started({ members: [] });
    const exchanges = ofKind(engine.step({ kind: "join", addresses: [address(4), address(5)] }, 1), "exchange");
    expect(
      exchanges.map(({ exchange, to, limit }) => [exchange, Number(to.address.value) - 0x0a000000, to.port, limit]),
    ).toEqual([
      [1, 4, 7_946, 10_000],
      [2, 5, 7_946, 10_000],
    ]);
    expect(exchanges[0]?.message).toMatchObject({ kind: "push-pull", join: true });
  });

  it("the first answer says that elections may begin, and one that fails is logged", () => {
    const { engine } = started({ members: [] });
    engine.step({ kind: "join", addresses: [address(4), address(5), address(6)] }, 1);
    const failed = engine.step({ kind: "exchanged", exchange: 1, answer: null, reason: "refused" }, 2);
    expect(ofKind(failed, "log")).toEqual([
      { kind: "log", level: "debug", subject: "", message: "a speaker did not answer: refused" },
    ]);
    const answer: StreamMessage = { kind: "push-pull", join: false, nodes: [member(5)], userState: new Uint8Array() };
    const answered = engine.step({ kind: "exchanged", exchange: 2, answer, reason: "" }, 3);
    expect(ofKind(answered, "joined")).toEqual([{ kind: "joined", members: 2 }]);
    // Once.
    expect(ofKind(engine.step({ kind: "exchanged", exchange: 3, answer, reason: "" }, 4), "joined")).toEqual([]);
  });

  it("a member that UDP does not reach is pinged by its name, and its answer counts", () => {
    const { engine } = started({ members: [member(2)], config: { pushPullInterval: DAY } });
    const pinged: Extract<GossipEffect, { kind: "exchange" }>[] = [];
    for (let now = 100; now <= 4_000 && pinged.length === 0; now += 100)
      pinged.push(...ofKind(engine.step({ kind: "time" }, now), "exchange"));
    expect(pinged).toMatchObject([
      { to: at(2), limit: 500, message: { kind: "ping", node: "n2", sourceNode: "", sourcePort: 0 } },
    ]);
    const [{ exchange, message } = { exchange: 0, message: null }] = pinged;
    const sequence = message?.kind === "ping" ? message.sequence : 0;
    engine.step({ kind: "exchanged", exchange, answer: { kind: "ack", sequence }, reason: "" }, 4_100);
    engine.step({ kind: "time" }, 5_000);
    expect(stateOf(engine, "n2")).toBe("alive");
  });

  it("a member that nothing reaches is suspected by us", () => {
    const { engine } = started({ members: [member(2)], config: { pushPullInterval: DAY } });
    for (let now = 100; now <= 5_000; now += 100)
      for (const { exchange } of ofKind(engine.step({ kind: "time" }, now), "exchange"))
        engine.step({ kind: "exchanged", exchange, answer: null, reason: "no" }, now + 1);
    expect(stateOf(engine, "n2")).toBe("suspect");
  });
});

describe("datagrams", () => {
  it("are answered, each message in its way", () => {
    const { from, engine } = started();
    expect(sent(from(2, PING))).toEqual(["ack to 2"]);
    const ask = {
      ...PING,
      kind: "indirect-ping",
      target: Uint8Array.of(10, 0, 0, 3),
      port: 7_946,
      node: "n3",
      nack: true,
    } as const;
    expect(sent(from(2, ask))).toEqual(["ping to 3"]);
    // The answer to what was asked for n2.
    expect(sent(from(3, { kind: "ack", sequence: 1 }))).toEqual(["ack to 2"]);
    from(2, { kind: "suspect", incarnation: 1, node: "n3", from: "n2" });
    expect(stateOf(engine, "n3")).toBe("suspect");
    from(2, { kind: "dead", incarnation: 1, node: "n3", from: "n2" });
    expect(stateOf(engine, "n3")).toBe("dead");
    const { name: node, state: _, ...said } = member(3, { incarnation: 2 });
    from(2, { kind: "alive", node, ...said });
    expect(stateOf(engine, "n3")).toBe("alive");
  });

  it("to a member that checks sums carry one, to others none", () => {
    const { from } = started({ members: [member(2), member(3, { versions: Uint8Array.of(1, 4, 2, 0, 0, 0) })] });
    const ask = (n: number) =>
      ofKind(
        from(9, {
          ...PING,
          kind: "indirect-ping",
          target: Uint8Array.of(10, 0, 0, n),
          port: 7_946,
          node: `n${n}`,
          nack: true,
        }),
        "send",
      ).map(({ bytes }) => bytes[0]);
    expect([ask(2), ask(3), ask(8)]).toEqual([[12], [0], [0]]);
  });

  const takes = (sealed: boolean, incoming: boolean, withKey: boolean) => {
    const { engine } = started({ ...(withKey ? { cipher } : {}), config: { gossipVerifyIncoming: incoming } });
    const bytes = packet(PING, sealed ? cipher : null);
    return ofKind(engine.step({ kind: "datagram", from: at(2), bytes }, 1), "send").length;
  };

  it.each([
    ["sealed where a secret is set", true, true, true, 1],
    ["in clear text where a secret is set", false, true, true, 0],
    ["in clear text where that is allowed", false, false, true, 1],
    ["sealed where clear text is allowed", true, false, true, 1],
    ["sealed where no secret is set", true, false, false, 0],
  ] as const)("%s", (_, sealed, incoming, withKey, answers) => expect(takes(sealed, incoming, withKey)).toBe(answers));

  it.each([
    ["with the secret", true],
    ["in clear text where the settings say so", false],
  ])("are sent %s", (_, outgoing) => {
    const { engine } = started({ cipher, config: { gossipVerifyOutgoing: outgoing, gossipVerifyIncoming: false } });
    const effects = engine.step({ kind: "datagram", from: at(2), bytes: packet(PING) }, 1);
    expect(sent(effects, outgoing ? cipher : null)).toEqual(["ack to 2"]);
    expect(sent(effects, outgoing ? null : cipher)).not.toContain("ack to 2");
  });

  it("are compressed where the settings say so", () => {
    const size = (enableCompression: boolean) => {
      const { engine } = started({
        config: { enableCompression, probeInterval: DAY },
        members: Array.from({ length: 20 }, (_, i) => member(i + 2)),
      });
      return ofKind(engine.step({ kind: "time" }, 300), "send")[0]?.bytes.length ?? 0;
    };
    expect(size(true)).toBeLessThan(size(false) * 0.8);
    expect(size(true)).toBeGreaterThan(0);
  });
});

describe("heartbeats", () => {
  it("are for members alone, by the address that they speak from", () => {
    const { watch, from } = started();
    expect(sent(watch(2, { kind: "subscribe" }))).toEqual(["user to 2"]);
    expect(sent(watch(9, { kind: "subscribe" }))).toEqual([]);
    expect(sent(from(3, { kind: "user", payload: Uint8Array.of(1) }))).toEqual([]);
    from(2, { kind: "dead", incarnation: 1, node: "n3", from: "n3" });
    expect(sent(watch(3, { kind: "subscribe" }))).toEqual([]);
  });

  it("of one that moved are heard from where it is now", () => {
    const { watch, from } = started();
    from(2, { kind: "dead", incarnation: 1, node: "n3", from: "n3" });
    const { name: node, state: _, ...said } = member(3, { incarnation: 2, address: Uint8Array.of(10, 0, 0, 30) });
    from(2, { kind: "alive", node, ...said });
    expect(sent(watch(3, { kind: "subscribe" }))).toEqual([]);
    expect(sent(watch(30, { kind: "subscribe" }))).toEqual(["user to 30"]);
  });

  it("are asked of those who are watched, and never of ourselves", () => {
    const { engine, from } = started();
    engine.step({ kind: "watch", nodes: ["n1", "n2", "n8"] }, 1);
    expect(sent(engine.step({ kind: "time" }, 2)).filter((each) => each.startsWith("user"))).toEqual(["user to 2"]);
    // One that comes later is watched as well.
    const { name: node, state: _, ...said } = member(8);
    from(2, { kind: "alive", node, ...said }, 3);
    expect(sent(engine.step({ kind: "time" }, 4)).filter((each) => each.startsWith("user"))).toEqual(["user to 8"]);
  });

  it("that stay away make a member silent, with how long, until it is dead or heard again", () => {
    const { engine, watch, from } = started({ config: { probeInterval: DAY, pushPullInterval: DAY } });
    const run = (until: number, since: number) => {
      const effects: GossipEffect[] = [];
      for (let now = since; now <= until; now += 10) effects.push(...engine.step({ kind: "time" }, now));
      return ofKind(effects, "member").map(({ report: { name, state, quiet } }) => [name, state, quiet]);
    };
    engine.step({ kind: "watch", nodes: ["n2", "n3"] }, 0);
    for (const n of [2, 3]) watch(n, { kind: "beat", sequence: 1 }, 10);
    expect(run(400, 20)).toEqual([
      ["n2", "silent", 300],
      ["n3", "silent", 300],
    ]);
    expect(engine.members()).toMatchObject([{ name: "n1" }, { state: "silent", since: 310, quiet: 300 }, {}]);
    from(3, { kind: "dead", incarnation: 1, node: "n2", from: "n3" }, 400);
    const { name: node, state: _, ...said } = member(2, { incarnation: 2 });
    // It lives again, and is not silent for having been so before it died.
    from(3, { kind: "alive", node, ...said }, 410);
    expect(stateOf(engine, "n2")).toBe("alive");
    const back: unknown[] = [];
    for (let now = 420; now <= 1_600; now += 50) {
      watch(3, { kind: "beat", sequence: now }, now);
      back.push(...run(now + 40, now));
    }
    expect(back).toEqual([["n3", "alive", 0]]);
  });

  it("that welcome us say that we had been taken for silent", () => {
    const { watch } = started();
    expect(ofKind(watch(2, { kind: "welcome" }), "healed")).toHaveLength(1);
  });
});

describe("this node", () => {
  it("says by its own word that it leaves, to those who live", () => {
    const { engine, from } = started({ members: [member(2), member(3), member(4)] });
    from(2, { kind: "suspect", incarnation: 1, node: "n4", from: "n2" });
    const left = engine.step({ kind: "leave" }, 5);
    expect([...sent(left)].sort()).toEqual(["dead to 2", "dead to 3"]);
    const [{ bytes } = { bytes: new Uint8Array() }] = ofKind(left, "send");
    expect(decodePacket(bytes, null)).toEqual([{ kind: "dead", incarnation: 1, node: "n1", from: "n1" }]);
    expect(stateOf(engine, "n1")).toBe("left");
  });

  it("tells what it says of itself anew", () => {
    const { engine } = started();
    engine.step({ kind: "meta", meta: Uint8Array.of(1, 2) }, 1);
    expect(engine.members()[0]?.meta).toEqual(Uint8Array.of(1, 2));
    const told = ofKind(engine.step({ kind: "time" }, 300), "send").flatMap(
      ({ bytes }) => decodePacket(bytes, null) ?? [],
    );
    expect(told).toContainEqual(
      expect.objectContaining({ kind: "alive", node: "n1", meta: Uint8Array.of(1, 2), incarnation: 2 }),
    );
  });

  it("doubts itself when others do, and then probes less often", () => {
    const pings = (accused: boolean) => {
      const { engine, from } = started({ config: { pushPullInterval: DAY } });
      if (accused)
        for (let i = 0; i < 3; i++) from(2, { kind: "suspect", incarnation: 1 + i, node: "n1", from: "n2" }, 1);
      let count = 0;
      for (let now = 10; now < 4_000; now += 10)
        count += sent(engine.step({ kind: "time" }, now)).filter((each) => each.startsWith("ping")).length;
      return count;
    };
    expect(pings(true)).toBeLessThan(pings(false));
  });

  it("warns of another host that says it is a member that lives elsewhere", () => {
    const { from } = started();
    const { name: node, state: _, ...said } = member(3, { incarnation: 2, address: Uint8Array.of(10, 0, 0, 30) });
    expect(ofKind(from(2, { kind: "alive", node, ...said }), "log")).toEqual([
      { kind: "log", level: "warn", subject: "n3", message: expect.stringContaining("7946") },
    ]);
  });
});
