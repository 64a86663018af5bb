import { expect, it } from "vitest";
import { ip } from "#net";
import { Planner } from "#planner";
import { advertisement, changes, OPTIONS, peer, pool, service, TestWorld } from "#planner/testing";
import { readSpeakerState, timerText } from "#view";
import { BfdSessions } from "./bfd-sessions.ts";
import { BgpSessions } from "./bgp-sessions.ts";
import { stateOf } from "./state.ts";

const PASSWORD = "correct horse";

function open() {
  const world = Object.assign(
    new TestWorld(
      [pool("lab", ["192.0.2.0/24", "2001:db8::/64"], [advertisement("a")])],
      [peer("router", { password: PASSWORD })],
    ),
    { isSynced: true, problems: [] },
  );
  const planner = new Planner(OPTIONS);
  const sessions = new BgpSessions();
  const bfd = new BfdSessions();
  const plan = () => {
    const difference = planner.update(world, changes({ config: true, services: new Set(world.services.keys()) }));
    sessions.expect(difference);
  };
  const state = () =>
    stateOf({
      node: "node-1",
      world,
      plan: planner.plan,
      sequence: { sent: 1, applied: 1 },
      sessions,
      bfd,
      layer2: { addresses: new Map(), allMembers: [] },
      peerProblems: planner.peerProblems,
      strictReversePaths: ["eth0"],
      drain: { phase: "none", since: 0 },
      isApplied: (key) => key !== "default/b",
    });
  return { world, sessions, bfd, plan, state };
}

it("tells of each session where it goes, what was agreed, and what the router said", () => {
  const { sessions, bfd, plan, state } = open();
  plan();
  const session = {
    peer: "router",
    state: "Established",
    reason: "the peer said: maintenance",
    since: 1_795_000_000_000,
    localAddress: ip(4, 1n),
    ttlSecurity: true,
    peerAs: 64512,
    negotiatedHoldTime: 90,
    families: ["ipv4-unicast"],
    shortcomings: ["the peer does not carry IPv6"],
    announcedPrefixes: 3,
    next: null,
    failures: 0,
  } as const;
  sessions.take({ kind: "session", session });
  sessions.take({ kind: "session", session: { ...session, peer: "one that was removed" } });
  const expected = {
    ...session,
    address: "192.0.2.254",
    port: 179,
    localAddress: "0.0.0.1",
    pendingPrefixes: 0,
    holdEndsAt: null,
    bfd: null,
  };
  expect(state().sessions).toEqual([expected]);
  const path = { state: "Up", since: 1_795_000_000_000, reason: "", path: "up" } as const;
  const found = { ...path, transmitInterval: 50, detectionTime: 150 };
  const place = { session: "192.0.2.254", remote: ip(4, 1n), interface: null, vrf: null, multihop: false };
  bfd.take({ kind: "session", session: { ...found, ...place, users: ["router"] } });
  expect(state().sessions).toEqual([{ ...expected, bfd: found }]);
  bfd.take({ kind: "removed", session: "192.0.2.254" });
  const next = { kind: "connect", at: 1_795_000_006_000 } as const;
  sessions.take({ kind: "session", session: { ...session, state: "Idle", next, failures: 3 } });
  expect(state().sessions).toMatchObject([{ bfd: null, next, failures: 3 }]);
  const [told] = readSpeakerState(JSON.parse(JSON.stringify(state()))).sessions;
  const view = { established: false, timer: "", next, holdEndsAt: null, holdTime: null };
  expect(told).toMatchObject({ next, bfd: null, holdTime: 90 });
  expect(timerText(view, 1_795_000_000_500)).toBe("retries in 6 s");
  expect(timerText({ ...view, next: { ...next, kind: "give up" } }, next.at - 10)).toBe("gives this attempt up in 1 s");
  expect(JSON.stringify(state())).not.toContain(PASSWORD);
});

it("has a verdict in words for every Service, and what reads it understands", () => {
  const { world, plan, state } = open();
  world
    .serve(service("a", { ips: ["192.0.2.5", "2001:db8::5"] }))
    .serve(service("b", { ips: ["192.0.2.6"] }))
    .serve(service("c", { loadBalancerClass: "cloud" }));
  plan();
  const { services } = state();
  expect(services["default/a"]?.bgp).toMatchObject({
    announced: true,
    ips: ["192.0.2.5"],
    lacking: [{ ips: ["2001:db8::5"], message: expect.stringContaining("IPv6") }],
  });
  expect(services["default/b"]?.applied).toBe(false);
  expect(services["default/c"]?.layer2).toMatchObject({ message: expect.stringContaining('"cloud"') });
  const { verdicts } = readSpeakerState(JSON.parse(JSON.stringify(state())));
  expect(verdicts.get("default/a")).toMatchObject({ announced: true, by: ["BGP"], reason: "", peers: ["router"] });
  expect(verdicts.get("default/c")?.reason).toContain('"cloud"');
});

it("stays small when there are many Services, and says what it leaves out", () => {
  const { world, plan, state } = open();
  for (let n = 0; n < 5_003; n++) world.services.set(`default/s${n}`, service(`s${n}`));
  plan();
  expect([Object.keys(state().services).length, state().omitted]).toEqual([5_000, 3]);
});
