import { describe, expect, it } from "vitest";
import { NOT_TOLD } from "./announcements.ts";
import { changesBetween } from "./changes.ts";
import { serviceTroubles, troublesOf } from "./health.ts";
import { foreignTo, serviceView } from "./services.ts";
import { bfdText, timerText } from "./sessions.ts";
import { processText, tablesOf } from "./tables.ts";
import type { NodeView, Picture, ServiceView, SessionView } from "./view.ts";

const NOW = 1_000_000;
const running = { running: true, title: "process 1", pid: 1, restarts: 0, lastEnding: "" };
const session: SessionView = {
  peer: "router",
  established: true,
  router: "",
  speaker: "Established",
  reason: "",
  shortcomings: [],
  since: null,
  timer: "",
  next: null,
  holdEndsAt: null,
  holdTime: null,
  bfd: null,
  announcedPrefixes: null,
};
const service: ServiceView = {
  key: "a/b",
  addresses: ["192.0.2.1"],
  pool: "p",
  pending: "",
  refusedBy: [],
  foreign: "",
  announcedFrom: ["one"],
  refusals: [],
};
const one: NodeView = { name: "one", address: "10.0.0.1", cut: false, speaker: running, sessions: [] };
const picture = (fields: Partial<Picture> = {}): Picture => ({
  controller: { ...running, leading: true },
  nodes: [one],
  pools: [],
  services: [],
  layer2: [],
  configuration: [],
  problems: [],
  ...fields,
});

describe("the tables", () => {
  const rows = <Name extends keyof ReturnType<typeof tablesOf>>(name: Name, fields: Partial<Picture>) =>
    tablesOf(picture(fields), NOW)[name].rows;
  const sessions = (...all: readonly Partial<SessionView>[]) =>
    rows("sessions", { nodes: [{ ...one, sessions: all.map((each) => ({ ...session, ...each })) }] });

  it("have a head for each column", () => {
    const tables = tablesOf(
      picture({
        nodes: [{ ...one, sessions: [session] }],
        services: [service],
        pools: [{ name: "p", addresses: [], autoAssign: true, used: null, free: null }],
        layer2: [{ service: "a/b", address: "192.0.2.1", node: "one", interfaces: [] }],
      }),
      NOW,
    );
    for (const {
      head,
      rows: [row],
    } of Object.values(tables))
      expect(row).toHaveLength(head.length);
    expect(Object.keys(tables)).toEqual(["sessions", "services", "pools", "layer2", "nodes"]);
  });

  it("tell of a session what each side says, since when, and why not", () => {
    expect(sessions({})).toEqual([["one", "router", "Established", "", "", "", ""]]);
    expect(
      sessions({
        since: NOW - 61_000,
        announcedPrefixes: 0,
        bfd: { state: "Up", reason: "", detectionTime: 150.4 },
        reason: "an old one",
        shortcomings: ["no IPv6", "no BFD"],
      }),
    ).toEqual([["one", "router", "Established", "1m1s ago", "0", "up, notices within 150 ms", "no IPv6; no BFD"]]);
    const down = { established: false, reason: "refused", next: { kind: "connect", at: NOW + 5_100 } } as const;
    expect(sessions({ ...down, speaker: "Connect", router: "Idle" })).toEqual([
      ["one", "router", "Connect, router: Idle", "", "", "", "refused; retries in 6 s"],
    ]);
    const state = (speaker: string, router: string) => sessions({ established: false, speaker, router })[0]?.[2];
    expect([state("Connect", ""), state("", "Idle"), state("", "")]).toEqual(["Connect", "Idle", "unknown"]);
  });

  it("tell of a Service its addresses and where it is announced, and why it is not", () => {
    const of = (fields: Partial<ServiceView>) => rows("services", { services: [{ ...service, ...fields }] });
    expect(of({ addresses: ["192.0.2.1", "2001:db8::1"], announcedFrom: ["one", "two"] })).toEqual([
      ["a/b", "192.0.2.1,2001:db8::1", "p", "one, two"],
    ]);
    expect(of({ announcedFrom: [], refusals: [{ nodes: ["one", "two"], reason: "no endpoint" }] })).toEqual([
      ["a/b", "192.0.2.1", "p", "nowhere; one, two: no endpoint"],
    ]);
    expect(of({ foreign: "another class", addresses: [] })).toEqual([["a/b", "none", "p", "not ours: another class"]]);
    expect(of({ foreign: "another class" })).toEqual([["a/b", "192.0.2.1", "p", "not ours: another class"]]);
    const refusedBy = [{ pool: "q", reason: "full" }];
    expect(of({ addresses: [], pending: "no address is free", refusedBy })).toEqual([
      ["a/b", "pending", "", "no address is free"],
      ["", "", "q", "full"],
    ]);
    expect(of({ pending: "no IPv6", refusedBy })).toEqual([
      ["a/b", "192.0.2.1", "p", "one"],
      ["", "lacks one", "", "no IPv6"],
      ["", "", "q", "full"],
    ]);
  });

  it("tell of pools, owners and nodes", () => {
    const pool = { name: "p", addresses: ["192.0.2.0/24", "2001:db8::/64"], autoAssign: true, used: "1", free: "2" };
    expect(rows("pools", { pools: [pool, { ...pool, autoAssign: false, used: null, free: null }] })).toEqual([
      ["p", "192.0.2.0/24,2001:db8::/64", "yes", "1", "2"],
      ["p", "192.0.2.0/24,2001:db8::/64", "no", "?", "?"],
    ]);
    const owner = { service: "a/b", address: "192.0.2.1", node: "one", interfaces: [] };
    const failover = { from: "two", milliseconds: 312, at: NOW - 5_000 };
    expect(rows("layer2", { layer2: [owner, { ...owner, interfaces: ["eth0", "eth1"], failover }] })).toEqual([
      ["a/b", "192.0.2.1", "one", "all", ""],
      ["a/b", "192.0.2.1", "one", "eth0,eth1", "0.31 s from two, 5s ago"],
    ]);
    expect(rows("nodes", {})).toEqual([["one", "10.0.0.1", "process 1"]]);
  });

  it("tell of a process whether it runs, and how it ended", () => {
    const text = (fields: Partial<typeof running>) => processText({ ...running, ...fields });
    expect([
      text({}),
      text({ lastEnding: "x" }),
      text({ restarts: 2 }),
      text({ restarts: 2, lastEnding: "killed" }),
      text({ running: false }),
      text({ running: false, lastEnding: "killed" }),
      text({ running: false, title: "", lastEnding: "killed" }),
    ]).toEqual([
      "process 1",
      "process 1",
      "process 1, restarted 2×",
      "process 1, restarted 2× (killed)",
      "not running (process 1)",
      "not running (process 1: killed)",
      "not running (killed)",
    ]);
  });
});

describe("what a session does by itself", () => {
  const text = (fields: Partial<SessionView>) => timerText({ ...session, ...fields }, NOW);

  it("is what the lab knows, the next attempt, or nothing", () => {
    const next = (kind: "connect" | "give up", at: number) => ({ established: false, next: { kind, at } });
    expect([
      text({ timer: "ends within 6 s", ...next("connect", NOW) }),
      text(next("connect", NOW + 5_001)),
      text(next("give up", NOW + 5_000)),
      text(next("connect", NOW - 10_000)),
      text({ established: false }),
    ]).toEqual(["ends within 6 s", "retries in 6 s", "gives this attempt up in 5 s", "retries in 1 s", ""]);
  });

  it("is the end of the hold time once a keepalive is missing", () => {
    const left = (milliseconds: number | null, holdTime: number | null = 90) =>
      text({ holdEndsAt: milliseconds === null ? null : NOW + milliseconds, holdTime });
    expect([left(45_000), left(44_999), left(90_000), left(null), left(1, null)]).toEqual([
      "",
      "hold time ends within 45 s",
      "",
      "",
      "",
    ]);
  });

  it("is seen by BFD where that is asked", () => {
    expect([
      bfdText(null),
      bfdText({ state: "Down", reason: "", detectionTime: null }),
      bfdText({ state: "Down", reason: "no answer", detectionTime: null }),
      bfdText({ state: "Up", reason: "x", detectionTime: 150 }),
    ]).toEqual(["", "down", "down: no answer", "up, notices within 150 ms"]);
  });
});

describe("what is not as it should be", () => {
  it("is told of a Service once, the first thing that matters", () => {
    const of = (fields: Partial<ServiceView>) => serviceTroubles({ ...service, ...fields });
    const none = { announcedFrom: [] };
    const untold = { nodes: ["one"], reason: NOT_TOLD };
    expect([
      of({}),
      of({ foreign: "x", addresses: [] }),
      of({ addresses: [] }),
      of({ addresses: [], pending: "full" }),
      of({ pending: "no IPv6" }),
      of(none),
      of({ ...none, refusals: [untold] }),
      of({ ...none, refusals: [untold, { nodes: ["two"], reason: "no endpoint" }] }),
    ]).toEqual([
      [],
      [],
      ["a/b has no address"],
      ["a/b has no address: full"],
      ["a/b has only 192.0.2.1: no IPv6"],
      ["a/b is announced from no node"],
      [],
      ["a/b is announced from no node"],
    ]);
  });

  it("is not what could not be read", () => {
    const down = { ...running, running: false, leading: null };
    expect(troublesOf(picture({ controller: down }))).toEqual(["the controller does not run"]);
    expect(troublesOf(picture({ controller: down, unread: ["pods"] }))).toEqual([]);
    expect(troublesOf(picture({ controller: down, unread: ["services"] }))).toHaveLength(1);
  });

  it("is each problem of the configuration, with its field", () => {
    const problem = { object: "BGPPeer p", field: "", code: "c", message: "wrong" };
    const configuration = [problem, { ...problem, field: "spec.x" }];
    expect(troublesOf(picture({ configuration, problems: ["no rights"] }))).toEqual([
      "no rights",
      "BGPPeer p: wrong",
      "BGPPeer p spec.x: wrong",
    ]);
  });
});

describe("a Service of another class", () => {
  it("says which class is served", () => {
    expect([foreignTo(null, "x"), foreignTo("y", "x"), foreignTo("y", null), foreignTo(null, null)]).toEqual([
      "its spec.loadBalancerClass is x; MetalLB serves Services without a class",
      "its spec.loadBalancerClass is x; MetalLB serves class y",
      "it has no spec.loadBalancerClass; MetalLB serves class y alone (--lb-class)",
      "",
    ]);
  });

  it("and one without an address is announced from nowhere; the condition counts where the controller is silent", () => {
    const facts = { key: "a/b", loadBalancerClass: null, addresses: ["192.0.2.1"], pool: "p", pending: "an old word" };
    const controller = { leading: true, pools: new Map(), refusals: new Map(), problems: [] };
    const voices = [{ node: "one", speaker: null, deaf: new Set<string>() }];
    const pending = (addresses: readonly string[], of: typeof controller | null) =>
      serviceView({ ...facts, addresses }, { ourClass: null, controller: of, voices }).pending;
    expect([pending([], controller), pending(["192.0.2.1"], controller), pending(["192.0.2.1"], null)]).toEqual([
      "an old word",
      "",
      "an old word",
    ]);
    const bare = serviceView({ ...facts, addresses: [] }, { ourClass: null, controller, voices });
    expect([bare.announcedFrom, bare.refusals]).toEqual([[], []]);
    expect(serviceView(facts, { ourClass: null, controller, voices }).refusals).toEqual([
      { nodes: ["one"], reason: NOT_TOLD },
    ]);
  });
});

describe("what changed", () => {
  const between = (before: Partial<Picture>, after: Partial<Picture>) =>
    changesBetween(picture(before), picture(after));

  it("is that nodes, sessions and Services come and go", () => {
    const two = { ...one, name: "two" };
    expect(between({}, { nodes: [one, two] })).toEqual(["two has a speaker"]);
    expect(between({ nodes: [one, two] }, {})).toEqual(["the speaker of two is gone"]);
    const withSession = { nodes: [{ ...one, sessions: [session] }] };
    expect(between({}, withSession)).toEqual(["one: the session with router is established"]);
    expect(between(withSession, {})).toEqual(["one: the session with router is gone"]);
    expect(between({ services: [service] }, {})).toEqual(["a/b is gone"]);
    expect(between({}, { services: [service] })).toEqual(["a/b is there"]);
  });

  it("is a speaker that ends and one that is there again", () => {
    const down = { nodes: [{ ...one, speaker: { ...running, running: false, lastEnding: "killed" } }] };
    expect(between({}, down)).toEqual([expect.stringContaining("killed")]);
    expect(between(down, {})).toEqual(["the speaker of one runs"]);
    expect(between({ nodes: [{ ...one, cut: true }] }, {})).toEqual(["the cable of one is whole again"]);
  });

  it("is another address", () => {
    expect(between({ services: [service] }, { services: [{ ...service, addresses: ["192.0.2.2"] }] })).toEqual([
      "a/b has 192.0.2.2",
    ]);
  });
});
