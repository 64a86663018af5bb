import { describe, expect, it } from "vitest";
import { announcementsOf } from "./announcements.ts";
import { troublesOf } from "./health.ts";
import { foreignTo, serviceView } from "./services.ts";
import { readControllerState, readSpeakerState } from "./states.ts";
import { spanText } from "./times.ts";
import type { Picture } from "./view.ts";

describe("what the processes tell", () => {
  it("is read as the controller says it, with the pools that refused", () => {
    const state = readControllerState({
      leading: true,
      pools: [{ name: "lab", ipv4: { total: "256", used: 1, free: "255" }, ipv6: { total: "0", used: 0, free: "0" } }],
      waiting: [
        {
          service: "default/greedy",
          code: "exhausted",
          message: "no available IPs",
          pools: [{ pool: "lab", code: "full", message: "all of its addresses are in use" }],
        },
      ],
      allocations: [
        { service: "default/well", pool: "lab", ips: ["198.51.100.1"], lacking: null },
        {
          service: "default/half",
          pool: "lab",
          ips: ["198.51.100.2"],
          lacking: { code: "poolExhaustedDual", message: "no available IPs in pool lab for dual IPFamily", pools: [] },
        },
      ],
      problems: [{ kind: "BGPPeer", name: "p", path: "spec.peerASN", code: "c", message: "wrong" }],
    });
    expect(state.leading).toBe(true);
    expect(state.pools.get("lab")).toEqual({ used: "1", free: "255" });
    expect(state.refusals.get("default/greedy")).toEqual({
      code: "exhausted",
      message: "no available IPs",
      pools: [{ pool: "lab", reason: "all of its addresses are in use" }],
    });
    expect([...state.refusals.keys()]).toEqual(["default/half", "default/greedy"]);
    expect(state.problems).toEqual([{ object: "BGPPeer p", field: "spec.peerASN", code: "c", message: "wrong" }]);
  });

  it("adds up where numbers end", () => {
    const half = { used: 0, free: "18446744073709551615" };
    const state = readControllerState({ pools: [{ name: "wide", ipv4: half, ipv6: half }] });
    expect(state.pools.get("wide")?.free).toBe("36893488147419103230");
  });

  it("takes as an instant only what can be one of the calendar", () => {
    const sinceOf = (since: unknown) => readSpeakerState({ sessions: [{ peer: "p", since }] }).sessions[0]?.since;
    expect(sinceOf(1_795_000_000_000)).toBe(1_795_000_000_000);
    expect([sinceOf(1234.5), sinceOf(null), sinceOf("soon")]).toEqual([null, null, null]);
  });

  it("names the protocol where both refuse, and not the one that nobody asked for", () => {
    const verdict = (bgp: object, layer2: object) =>
      readSpeakerState({ services: { "a/b": { bgp, layer2 } } }).verdicts.get("a/b");
    const not = (reason: string, message: string) => ({ announced: false, reason, message });
    const no = not("noEndpoints", "it has no endpoint that can serve");
    expect(verdict(no, not("layer2Later", "later"))?.reason).toBe("it has no endpoint that can serve");
    expect(verdict(not("noAdvertisement", "nobody speaks of it"), no)?.reason).toBe(
      "it has no endpoint that can serve",
    );
    expect(verdict(not("noPeer", "no peer"), not("notOwner", "node-2 owns it"))?.reason).toBe(
      "BGP: no peer; layer 2: node-2 owns it",
    );
    expect(verdict({ announced: true, peers: ["r"] }, no)).toEqual({
      announced: true,
      by: ["BGP"],
      reason: "",
      byDesign: false,
      peers: ["r"],
      lacking: [],
      notes: [],
    });
  });

  it("tells of a peer that cannot be tried, of what does not work, and of addresses left out", () => {
    const state = readSpeakerState({
      sessions: [{ peer: "up", state: "Established", shortcomings: ["the peer carries no IPv6"] }],
      peerProblems: [
        { peer: "up", message: "its BFD profile is missing" },
        { peer: "bad", message: "no interface of this name" },
      ],
      services: {
        "a/b": {
          applied: true,
          bgp: {
            announced: true,
            peers: ["up"],
            lacking: [{ ips: ["2001:db8::1"], message: "no peer carries IPv6" }],
            notes: [{ message: "its MED is refused" }],
          },
        },
        "a/c": { applied: false, bgp: { announced: true, peers: ["up"] } },
        "a/d": { layer2: { announced: false, reason: "ownedByOther", message: "node two announces it" } },
      },
      omitted: 1,
    });
    expect(state.sessions.map(({ peer, reason, shortcomings }) => [peer, reason, shortcomings])).toEqual([
      ["up", "", ["the peer carries no IPv6", "its BFD profile is missing"]],
      ["bad", "no interface of this name", []],
    ]);
    const voice = { node: "one", speaker: state, deaf: new Set<string>() };
    expect(announcementsOf("a/b", [voice]).refusals).toEqual([
      { nodes: ["one"], reason: "2001:db8::1: no peer carries IPv6" },
    ]);
    expect(state.verdicts.get("a/b")?.notes).toEqual(["its MED is refused"]);
    expect(announcementsOf("a/b", [voice]).announcedFrom).toEqual(["one"]);
    expect(announcementsOf("a/c", [voice]).refusals[0]?.reason).toContain("not yet taken");
    expect(announcementsOf("a/x", [voice]).refusals[0]?.reason).toContain("too many Services");
    expect(state.verdicts.get("a/d")?.byDesign).toBe(true);
  });

  it("is nothing when it is anything else", () => {
    for (const answer of [null, 1, "text", [], { pools: 3, sessions: {}, services: [null], problems: "x" }]) {
      expect(readControllerState(answer).pools.size).toBe(0);
      expect(readSpeakerState(answer).sessions).toEqual([]);
      expect(readSpeakerState(answer).problems).toEqual([]);
    }
  });
});

describe("what is said of a Service", () => {
  const speaker = (announced: boolean) =>
    readSpeakerState({
      services: { "a/b": { bgp: { announced, peers: ["router"], reason: "noEndpoints", message: "no endpoint" } } },
    });
  const voices = [
    { node: "one", speaker: speaker(true), deaf: new Set<string>(["other"]) },
    { node: "two", speaker: speaker(true), deaf: new Set(["router"]) },
    { node: "three", speaker: speaker(false), deaf: new Set<string>() },
    { node: "four", speaker: speaker(false), deaf: new Set<string>() },
    { node: "five", speaker: null, deaf: new Set<string>() },
  ];
  const service = { key: "a/b", loadBalancerClass: null, addresses: ["192.0.2.1"], pool: "p", pending: "" };

  it("puts nodes with the same reason together", () => {
    expect(announcementsOf("a/b", voices)).toEqual({
      announcedFrom: ["one"],
      refusals: [
        { nodes: ["two"], reason: "the BGP session is not established" },
        { nodes: ["three", "four"], reason: "no endpoint" },
        { nodes: ["five"], reason: "the speaker does not tell" },
      ],
    });
  });

  it("says why one of another class is not ours, and nothing else", () => {
    const view = serviceView({ ...service, loadBalancerClass: "cloud" }, { ourClass: null, controller: null, voices });
    expect(view.foreign).toContain("its spec.loadBalancerClass is cloud");
    expect([view.refusals, view.announcedFrom]).toEqual([[], []]);
    expect(foreignTo("ours", null)).toContain("--lb-class");
    expect(foreignTo("ours", "ours")).toBe("");
  });

  it("shows what a dual-stack Service lacks, with each pool's reason", () => {
    const controller = readControllerState({
      allocations: [
        { service: "a/b", lacking: { message: "lacks IPv6", pools: [{ pool: "p", message: "no IPv6 addresses" }] } },
      ],
    });
    const view = serviceView(service, { ourClass: null, controller, voices });
    expect(view).toMatchObject({ pending: "lacks IPv6", refusedBy: [{ pool: "p", reason: "no IPv6 addresses" }] });
  });
});

describe("health", () => {
  const running = { running: true, title: "process 1", pid: 1, restarts: 0, lastEnding: "" };
  const session = (established: boolean) => ({
    peer: established ? "good" : "bad",
    established,
    shortcomings: [],
    router: "",
    speaker: "",
    reason: established ? "" : "connection refused",
    since: null,
    timer: "",
    next: null,
    holdEndsAt: null,
    holdTime: null,
    bfd: null,
    announcedPrefixes: null,
  });
  const well: Picture = {
    controller: { ...running, leading: true },
    nodes: [{ name: "one", address: "", cut: false, speaker: running, sessions: [session(true)] }],
    pools: [],
    services: [],
    layer2: [],
    configuration: [],
    problems: [],
  };

  it("is silent when all is well", () => {
    expect(troublesOf(well)).toEqual([]);
  });

  it("never lets an Established session hide another", () => {
    const [node] = well.nodes;
    if (node === undefined) throw new Error("no node");
    const view = { ...well, nodes: [{ ...node, sessions: [session(true), session(false)] }] };
    expect(troublesOf(view)).toEqual(["one: the session with bad is not established: connection refused"]);
  });

  it("names a controller and a speaker that do not run", () => {
    const down = { ...running, running: false, lastEnding: "signal SIGKILL" };
    const [node] = well.nodes;
    if (node === undefined) throw new Error("no node");
    expect(
      troublesOf({ ...well, controller: { ...down, leading: null }, nodes: [{ ...node, speaker: down }] }),
    ).toEqual(["the controller does not run: signal SIGKILL", "the speaker of one does not run: signal SIGKILL"]);
  });
});

describe("a span", () => {
  it("is told in its two largest units", () => {
    const texts = [0, 8_400, 312_000, 3_600_000, 273_600_000, -5].map(spanText);
    expect(texts).toEqual(["0s", "8s", "5m12s", "1h", "3d4h", "0s"]);
  });
});
