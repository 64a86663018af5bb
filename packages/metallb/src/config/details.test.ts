import { describe, expect, it } from "vitest";
import { PoolLookup, parseCommunity, parseDuration, problemsAt } from "#config";
import { ip } from "#net";
import { byAge } from "./age.ts";
import { distinct } from "./distinct.ts";
import { ProblemList, quoted } from "./problems.ts";
import { anyOf, textOf } from "./selectors.ts";
import { bgpAdvertisement, bgpPeer, compiled, l2Advertisement, pool, secret } from "./testing.ts";

describe("communities", () => {
  it.each<readonly [string, unknown]>([
    ["65535:65535", 0xffffffff],
    ["0:0", 0],
    ["large:4294967295:0:1", [4294967295, 0, 1]],
    ["65536:1", 'invalid community value: invalid section of community "65536:1"'],
    ["1:65536", 'invalid community value: invalid section of community "1:65536"'],
    ["x1:1", 'invalid community value: invalid section of community "x1:1"'],
    ["1x:1", 'invalid community value: invalid section of community "1x:1"'],
    [`${"1".repeat(90)}:1`, `invalid community value: invalid section of community "${"1".repeat(60)}"`],
    ["1", "invalid community format: 1"],
    ["1:2:3", "invalid community format: 1:2:3"],
    ["x".repeat(90), `invalid community format: ${"x".repeat(60)}`],
    ...["large:1:2", "large:1:2:3:4", "large:x:2:3", "large:1:x:3", "large:1:2:x", "large:4294967296:1:1"].map(
      (text) =>
        [text, "invalid community value: expected community to be of format large:<uint32>:<uint32>:<uint32>"] as const,
    ),
  ])("%s", (text, expected) => {
    const parsed = parseCommunity(text);
    expect(parsed.ok ? parsed.value : parsed.error).toEqual(expected);
  });

  it("of an advertisement are sorted, large ones by all their parts, and no more than 63", () => {
    const large = ["large:2:1:1", "large:1:2:1", "large:1:1:2", "large:1:1:1", "large:10:0:0"];
    const all = compiled({
      pools: [pool("p", ["10.0.0.0/24"])],
      bgpAdvertisements: [bgpAdvertisement("x", { communities: large })],
    });
    expect(all.config.pools[0]?.bgpAdvertisements[0]?.largeCommunities.map((each) => each.join())).toEqual([
      "1,1,1",
      "1,1,2",
      "1,2,1",
      "2,1,1",
      "10,0,0",
    ]);
    const many = (count: number) => {
      const communities = Array.from({ length: count }, (_, i) => `1:${i}`);
      const { config, problems } = compiled({
        pools: [pool("p", ["10.0.0.0/24"])],
        bgpAdvertisements: [bgpAdvertisement("x", { communities })],
      });
      return [config.pools[0]?.bgpAdvertisements[0]?.communities.length, problems.length];
    };
    expect([many(63), many(64)]).toEqual([
      [63, 0],
      [63, 1],
    ]);
  });

  it("that are aliases may yet come; others may not", () => {
    const { problems } = compiled({ bgpAdvertisements: [bgpAdvertisement("x", { communities: ["vip", "1:x"] })] });
    expect(problems.map(({ transient }) => transient)).toEqual([true, false]);
  });
});

describe("durations", () => {
  it.each([
    ["+5s", 5],
    ["0", 0],
    ["+0", 0],
    ["1.25s", 1.25],
    [".25s", 0.25],
    [`${"0".repeat(38)}1s`, 1],
  ])("%s is %d seconds", (text, seconds) => expect(parseDuration(text)).toEqual({ ok: true, value: seconds }));

  it.each(["5+s", "5s+", "", "+", ".s", `${"0".repeat(39)}1s`, "1x", "x".repeat(90)])("%j is none", (text) =>
    expect(parseDuration(text)).toEqual({
      ok: false,
      error: `"${text.slice(0, 40)}" is not a duration such as 90s or 1m30s`,
    }),
  );
});

describe("selectors", () => {
  const duplicates = (...selectors: Parameters<typeof textOf>[0] & object) => {
    const list = new ProblemList("IPAddressPool", "p");
    anyOf(selectors, "spec.nodeSelectors", list);
    return list.problems.map(({ message }) => message.slice(0, 80));
  };

  it("are the same in any order of labels, expressions and values", () => {
    const a = {
      matchLabels: { x: "1", y: "2" },
      matchExpressions: [
        { key: "k", operator: "In", values: ["1", "2"] },
        { key: "l", operator: "Exists" },
      ],
    };
    const b = {
      matchLabels: { y: "2", x: "1" },
      matchExpressions: [
        { key: "l", operator: "Exists" },
        { key: "k", operator: "In", values: ["2", "1"] },
      ],
    };
    expect(textOf([a])).toBe(textOf([b]));
    expect(duplicates(a, b)).toEqual(['duplicate definition of nodeSelectors "y=2,x=1,l,k in (2,1)"']);
    expect(textOf([a, { matchLabels: { x: "1" } }])).toBe(textOf([{ matchLabels: { x: "1" } }, b]));
    for (const other of [
      { ...a, matchLabels: { x: "1", y: "3" } },
      { ...a, matchLabels: { x: "1" } },
      { ...a, matchExpressions: a.matchExpressions.slice(1) },
      {
        ...a,
        matchExpressions: [
          { key: "k", operator: "NotIn", values: ["1", "2"] },
          { key: "l", operator: "Exists" },
        ],
      },
      {
        ...a,
        matchExpressions: [
          { key: "k", operator: "In", values: ["1"] },
          { key: "l", operator: "Exists" },
        ],
      },
    ])
      expect([textOf([other]) === textOf([a]), duplicates(a, other)]).toEqual([false, []]);
    const exists = { key: "l", operator: "Exists" };
    expect(textOf([{ matchExpressions: [{ ...exists, values: [] }] }])).toBe(textOf([{ matchExpressions: [exists] }]));
    expect([textOf(undefined), textOf([]), textOf([{}]), textOf([a, {}])]).toEqual([null, null, null, null]);
  });

  it("of which any may match, and of a selector all must", () => {
    const list = new ProblemList("IPAddressPool", "p");
    const any = anyOf([{ matchLabels: { x: "1", y: "2" } }, { matchLabels: { z: "3" } }], "spec.x", list);
    expect([{ x: "1" }, { x: "1", y: "2" }, { z: "3" }, {}].map(any)).toEqual([false, true, true, false]);
    expect(anyOf([], "spec.x", list)({})).toBe(true);
    for (const everything of [[{}], [{}, { matchLabels: { x: "1" } }], [{ matchLabels: { x: "1" } }, {}]])
      expect(anyOf(everything, "spec.x", list)({})).toBe(true);
    expect(list.problems).toEqual([]);
  });

  it("with a bad key or value ask nothing of it", () => {
    const list = new ProblemList("IPAddressPool", "p");
    const bad = anyOf([{ matchLabels: { "?": "1", a: "1" } }, { matchLabels: { b: "?" } }], "spec.x", list);
    expect([{ a: "1" }, { a: "2" }, { b: "?" }].map(bad)).toEqual([true, false, false]);
    expect(list.problems).toHaveLength(2);
    expect(duplicates({ matchLabels: { [`${"a".repeat(253)}/${"b".repeat(63)}`]: "" } })).toEqual([]);
    expect(duplicates({ matchLabels: { [`${"a".repeat(254)}/${"b".repeat(63)}`]: "" } })).toHaveLength(1);
    expect(duplicates({ matchLabels: { "a.b/c": "", "a/c": "", "a.bc.d/c": "" } })).toEqual([]);
  });
});

describe("problems", () => {
  it("are told to the nodes that they concern, and all of them to a node that nobody knows", () => {
    const list = new ProblemList("BGPPeer", "p");
    list.add("invalidTimers", "a", "b");
    list.concerns(({ rack }) => rack === "1");
    list.add("invalidTimers", "c", "d", true);
    const all = [...list.problems, ...compiled({ pools: [pool("p", [])] }).problems];
    expect([{ rack: "1" }, { rack: "2" }, undefined].map((labels) => problemsAt(all, labels).length)).toEqual([
      3, 1, 3,
    ]);
    expect(list.problems.map(({ transient }) => transient)).toEqual([false, true]);
  });

  it("are twenty at most, and short", () => {
    const list = new ProblemList("BGPPeer", "p");
    for (let i = 0; i < 30; i++) list.add("invalidTimers", "x".repeat(300), "y".repeat(i === 0 ? 501 : 500));
    expect(list.problems.map(({ path, message }) => [path.length, message.length])).toEqual([
      [200, 501],
      ...Array.from({ length: 19 }, () => [200, 500]),
    ]);
    expect([quoted("x".repeat(100)).length, quoted("x".repeat(101))]).toEqual([102, `"${"x".repeat(100)}…"`]);
  });

  it("of a list name what stands there twice", () => {
    const list = new ProblemList("BGPPeer", "p");
    distinct(["a", "b", "a"], "spec.peers", list);
    distinct(undefined, "spec.peers", list);
    expect(list.problems.map(({ path, message }) => `${path} ${message}`)).toEqual([
      'spec.peers[2] duplicate definition in peers field: "a"',
    ]);
  });
});

it("the older goes first, then the first by name; what is not stored yet is youngest", () => {
  const one = (name: string, created: string) => ({ name, created });
  const sorted = [one("c", "2026-01-01"), one("a", "2026-01-02"), one("b", "2026-01-02"), one("0", ""), one("1", "")];
  for (const [i, a] of sorted.entries())
    for (const [j, b] of sorted.entries()) expect(Math.sign(byAge(a, b))).toBe(Math.sign(i - j));
});

describe("peers", () => {
  const peer = (spec: object, secrets = new Map()) => compiled({ peers: [bgpPeer("p", spec)], secrets });

  it("carry what their object says", () => {
    expect(
      peer({
        localASN: 7,
        routerID: "192.0.2.9",
        sourceAddress: "192.0.2.8",
        enableGracefulRestart: true,
        ebgpMultiHop: true,
        vrf: "red",
        password: "p".repeat(80),
        holdTime: "9s",
        keepaliveTime: "1s",
      }).config.peers,
    ).toMatchObject([
      {
        frozen: false,
        localASN: 7,
        routerId: ip(4, 0xc0000209n),
        sourceAddress: ip(4, 0xc0000208n),
        gracefulRestart: true,
        ebgpMultiHop: true,
        vrf: "red",
        password: "p".repeat(80),
        holdTime: 9,
        keepaliveTime: 1,
      },
    ]);
    expect(peer({}).config.peers).toMatchObject([
      { localASN: null, interface: null, gracefulRestart: false, ebgpMultiHop: false, vrf: "", password: null },
    ]);
    expect(peer({ peerAddress: undefined, interface: "eth0" }).config.peers).toMatchObject([
      { address: null, interface: "eth0" },
    ]);
  });

  it("wait for a Secret and for a BFD profile, which may yet come", () => {
    const told = (spec: object, secrets = new Map()) =>
      peer(spec, secrets).problems.map(({ transient, message }) => [transient, message]);
    const passwordSecret = { name: "s" };
    expect(told({ bfdProfile: "b" })).toEqual([[true, "peer p referencing non existing bfd profile b"]]);
    expect(told({ passwordSecret })).toEqual([[true, "secret ref not found for peer config: metallb-system/s"]]);
    const wrong = new Map([["metallb-system/s", secret("s", "x", { type: "Opaque" })]]);
    expect(told({ passwordSecret }, wrong)).toEqual([
      [true, 'secret type mismatch on "metallb-system/s", type "kubernetes.io/basic-auth" is expected'],
    ]);
    const empty = new Map([["metallb-system/s", secret("s", null)]]);
    expect(told({ passwordSecret }, empty)).toEqual([
      [true, 'password not specified in the secret "metallb-system/s"'],
    ]);
    expect(told({ routerID: "fe80::1" })).toEqual([[false, 'invalid router ID "fe80::1": it must be an IPv4 address']]);
    expect(told({ keepaliveTime: "500ms" })).toEqual([
      [false, "invalid BGPPeer timers: invalid hold time 1.5s: must be 0 or 3s to 65535s"],
    ]);
    expect(told({ holdTime: "9s", keepaliveTime: "x" })).toHaveLength(1);
    expect(told({ connectTime: "x" })).toHaveLength(1);
    expect(told({ holdTime: null, keepaliveTime: null })).toEqual([]);
  });
});

it("an advertisement by layer 2 says whether it has Service selectors and interfaces", () => {
  const told = (spec: object) => {
    const { hasServiceSelectors, interfaces } =
      compiled({ pools: [pool("p", ["10.0.0.0/24"])], l2Advertisements: [l2Advertisement("l", spec)] }).config.pools[0]
        ?.l2Advertisements[0] ?? {};
    return [hasServiceSelectors, interfaces && [...interfaces]];
  };
  expect(told({})).toEqual([false, null]);
  expect(told({ serviceSelectors: [], interfaces: [] })).toEqual([false, null]);
  expect(told({ serviceSelectors: [{}], interfaces: ["eth0"] })).toEqual([true, ["eth0"]]);
});

it("two addresses are of one pool or of none", () => {
  const { config } = compiled({ pools: [pool("p", ["10.0.0.0/24", "2001:db8::/64"]), pool("q", ["10.0.1.0/24"])] });
  const lookup = new PoolLookup(config);
  const [four, other, six] = [ip(4, 0x0a000001n), ip(4, 0x0a000101n), ip(6, 0x20010db8n << 96n)];
  expect([lookup.ofAll([four, six])?.name, lookup.ofAll([six, four])?.name, lookup.ofAll([other])?.name]).toEqual([
    "p",
    "p",
    "q",
  ]);
  expect([lookup.ofAll([four, other]), lookup.ofAll([other, six]), lookup.get("none")]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(lookup.get("q")?.name).toBe("q");
  expect([...lookup.holding([four, other], "p")]).toEqual([]);
  expect([...lookup.holding([four], "q")].map(({ name }) => name)).toEqual(["p"]);
});
