import { describe, expect, it } from "vitest";
import { announcementsOf, deafOf } from "./announcements.ts";
import { readControllerState, readSpeakerState } from "./states.ts";

// What a process tells may be of any version, or something else altogether.

const session = (fields: object) => readSpeakerState({ sessions: [{ peer: "p", ...fields }] }).sessions[0];
const verdict = (value: object) => readSpeakerState({ services: { "a/b": value } }).verdicts.get("a/b");
const pool = (ipv4: unknown, ipv6?: unknown) =>
  readControllerState({ pools: [{ name: "p", ipv4, ipv6 }] }).pools.get("p");

describe("what a speaker tells", () => {
  it("of a session is taken where it can be one, and is not told else", () => {
    const next = (value: unknown) => session({ next: value })?.next;
    const at = 1_795_000_000_000;
    expect([next({ kind: "connect", at }), next({ kind: "give up", at })]).toEqual([
      { kind: "connect", at },
      { kind: "give up", at },
    ]);
    for (const value of [null, {}, { kind: "connect" }, { kind: "connect", at: 5 }, { kind: "other", at }, { at }])
      expect(next(value)).toBeNull();
    expect(session({ bfd: { state: "Up", reason: "r", detectionTime: 150 } })?.bfd).toEqual({
      state: "Up",
      reason: "r",
      detectionTime: 150,
    });
    expect(session({ bfd: { state: "Down", detectionTime: "soon" } })?.bfd).toEqual({
      state: "Down",
      reason: "",
      detectionTime: null,
    });
    for (const bfd of [undefined, null, {}, { state: "" }, { detectionTime: 5 }])
      expect(session({ bfd })?.bfd).toBeNull();
    expect(session({ announcedPrefixes: 0, negotiatedHoldTime: 90, holdEndsAt: at })).toMatchObject({
      announcedPrefixes: 0,
      holdTime: 90,
      holdEndsAt: at,
    });
    for (const value of [Number.POSITIVE_INFINITY, Number.NaN, "7", null])
      expect(session({ announcedPrefixes: value })?.announcedPrefixes).toBeNull();
  });

  it("of peers that cannot be tried has all their reasons, and nothing besides", () => {
    const { sessions } = readSpeakerState({
      peerProblems: [
        { peer: "a", message: "one" },
        { peer: "b", message: "two" },
        { peer: "a", message: "three" },
      ],
    });
    expect(sessions.map(({ peer, state, reason }) => [peer, state, reason])).toEqual([
      ["a", "not tried", "one; three"],
      ["b", "not tried", "two"],
    ]);
    expect(sessions[0]).toMatchObject({ shortcomings: [], since: null, next: null, holdEndsAt: null, bfd: null });
  });

  it("is said to be a part only where Services are left out", () => {
    const isPartial = (omitted: unknown) => readSpeakerState({ omitted }).isPartial;
    expect([isPartial(1), isPartial(0), isPartial(undefined), isPartial("5")]).toEqual([true, false, false, false]);
  });

  it("of an address's way to its owner is whole, or not told", () => {
    const failover = (value: object) =>
      readSpeakerState({
        layer2: [{ address: "192.0.2.1", service: "a/b" }],
        neighbors: [{ address: "192.0.2.1", failover: value }],
      }).layer2[0]?.failover;
    expect(failover({ from: "x", milliseconds: 1, at: 2 })).toEqual({ from: "x", milliseconds: 1, at: 2 });
    expect([failover({ from: "x", milliseconds: 1 }), failover({ at: 2 })]).toEqual([undefined, undefined]);
  });

  it("of Services is read by their keys, and from a list by what each names", () => {
    const announced = { bgp: { announced: true } };
    const keys = (services: unknown) => [...readSpeakerState({ services }).verdicts.keys()];
    expect(keys({ "a/b": announced, "a/c": announced })).toEqual(["a/b", "a/c"]);
    expect(
      keys([
        { service: "a/b", key: "x", ...announced },
        { key: "a/c", ...announced },
      ]),
    ).toEqual(["a/b", "a/c"]);
  });
});

describe("a verdict", () => {
  const refused = (reason: string) => ({ announced: false, reason });

  it("is as it should be only where nothing announces and every reason is by design", () => {
    const byDesign = (value: object) => verdict(value)?.byDesign;
    expect([
      byDesign({ bgp: refused("notOwner"), layer2: refused("ownedByOther") }),
      byDesign({ bgp: refused("noAdvertisement"), layer2: refused("ownedByOther") }),
      byDesign({ bgp: refused("noPeer"), layer2: refused("ownedByOther") }),
      byDesign({ bgp: { announced: true }, layer2: refused("ownedByOther") }),
      byDesign({ bgp: { announced: true } }),
      byDesign({}),
    ]).toEqual([true, true, false, false, false, false]);
  });

  it("has the code where nobody wrote a sentence, and one reason that both protocols have", () => {
    expect(verdict({ bgp: refused("noPeer") })?.reason).toBe("noPeer");
    expect(verdict({ bgp: refused("noEndpoints"), layer2: refused("noEndpoints") })?.reason).toBe("noEndpoints");
    expect(verdict({ bgp: refused("noAdvertisement"), layer2: refused("noL2Advertisement") })?.reason).toBe(
      "BGP: noAdvertisement; layer 2: noL2Advertisement",
    );
    expect(verdict({})).toMatchObject({ announced: false, reason: "", by: [] });
  });

  it("that was applied names each protocol that announces, what it leaves out and what is to be known", () => {
    expect(
      verdict({
        bgp: {
          announced: true,
          peers: ["r", 7],
          lacking: [{ ips: ["2001:db8::1", "2001:db8::2"], reason: "noPeerOfFamily" }],
          notes: [{ reason: "nodeLeaving" }],
        },
        layer2: { announced: true },
        applied: true,
      }),
    ).toEqual({
      announced: true,
      by: ["BGP", "layer 2"],
      reason: "",
      byDesign: false,
      peers: ["r"],
      lacking: ["2001:db8::1, 2001:db8::2: noPeerOfFamily"],
      notes: ["nodeLeaving"],
    });
  });

  it("of one whom nobody hears counts where layer 2 announces, or no peer is named", () => {
    const from = (value: object) =>
      announcementsOf("a/b", [
        { node: "one", speaker: readSpeakerState({ services: { "a/b": value } }), deaf: new Set(["r"]) },
      ]).announcedFrom;
    expect([
      from({ bgp: { announced: true, peers: ["r"] } }),
      from({ bgp: { announced: true, peers: ["r"] }, layer2: { announced: true } }),
      from({ bgp: { announced: true, peers: [] } }),
      from({ bgp: { announced: true, peers: ["r", "s"] } }),
    ]).toEqual([[], ["one"], ["one"], ["one"]]);
  });
});

it("peers whose session does not stand hear nothing", () => {
  const peers = [
    { peer: "p", established: true },
    { peer: "q", established: false },
  ];
  expect(deafOf(peers)).toEqual(new Set(["q"]));
});

describe("what the controller tells", () => {
  it("of a pool are whole numbers or digits, of both families together", () => {
    expect(pool({ used: 1, free: "255" }, { used: "2", free: 3 })).toEqual({ used: "3", free: "258" });
    expect(pool({ used: 1.5, free: "2x" }, { used: "-1", free: null })).toEqual({ used: "0", free: "0" });
    expect(pool({ used: "1".repeat(40), free: "1".repeat(41) })).toEqual({ used: "1".repeat(40), free: "0" });
    expect(pool({ used: "x2", free: 2 ** 53 })).toEqual({ used: "0", free: "0" });
  });

  it("of whether it decides is yes, no or nothing", () => {
    const leading = (value: unknown) => readControllerState({ leading: value }).leading;
    expect([leading(true), leading(false), leading("yes"), leading(undefined)]).toEqual([true, false, null, null]);
  });

  it("of what it refuses has the code where nobody wrote a sentence", () => {
    const { refusals } = readControllerState({
      waiting: [{ service: "a/b", code: "full", pools: [{ pool: "p", code: "taken" }] }],
      allocations: [
        { service: "a/c", lacking: { message: "no IPv6", code: "c" } },
        { service: "a/d", lacking: null },
        { service: "a/e", lacking: { message: "" } },
      ],
    });
    expect([...refusals]).toEqual([
      ["a/c", { code: "c", message: "no IPv6", pools: [] }],
      ["a/b", { code: "full", message: "full", pools: [{ pool: "p", reason: "taken" }] }],
    ]);
  });

  it("of a problem without a kind or a name leaves no gap", () => {
    const { problems } = readControllerState({ problems: [{ name: "p" }, { kind: "BGPPeer" }] });
    expect(problems.map(({ object }) => object)).toEqual(["p", "BGPPeer"]);
  });
});
