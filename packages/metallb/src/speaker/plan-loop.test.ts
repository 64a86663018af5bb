import { expect, it } from "vitest";
import type { Problem } from "#config";
import { ip } from "#net";
import { type PlanDifference, Planner } from "#planner";
import { advertisement, node, OPTIONS, peer, pool, service, TestWorld } from "#planner/testing";
import type { Logger } from "#process";
import { type LoopChanges, PlanLoop } from "./plan-loop.ts";

class World extends TestWorld {
  problems: readonly Problem[] = [];
  readonly changed = { services: new Set<string>(), nodes: new Set<string>(), config: true };
  take(): LoopChanges {
    const { services, nodes, config } = this.changed;
    const changes = { services: new Set(services), nodes: new Set(nodes), config, problems: config };
    services.clear();
    nodes.clear();
    this.changed.config = false;
    return changes;
  }
}

function open() {
  const world = new World([pool("lab", "192.0.2.0/24", [advertisement("a")])], [peer("router")]);
  const lines: string[] = [];
  const line = (msg: string) => void lines.push(msg);
  const log: Logger = { debug: line, info: line, warn: line, error: line, with: () => log };
  const engines = {
    hasRoom: true,
    waiting: [] as (() => void)[],
    send: (_: string, __: unknown, applied = () => {}) => void engines.waiting.push(applied),
  };
  const soon: (() => void)[] = [];
  const told: (readonly string[])[] = [];
  const differences: PlanDifference[] = [];
  const states: number[] = [];
  const loop = new PlanLoop({
    world,
    planner: new Planner(OPTIONS),
    node: "node-1",
    engines,
    layer2: { apply: () => {}, tell: () => {} },
    announcements: { tell: (keys) => void told.push([...keys]) },
    log,
    fallbackRouterId: ip(4, 1n),
    soon: (then) => void soon.push(then),
    onDifference: (difference) => void differences.push(difference),
    onProblems: (problems) => void states.push(problems.length),
  });
  const turn = () => {
    for (const then of soon.splice(0)) then();
  };
  const change = (name: string, ip: string) => {
    world.serve(service(name, { ips: [ip] }));
    world.changed.services.add(`default/${name}`);
    loop.schedule();
  };
  return { world, loop, engines, turn, told, differences, states, lines, change };
}

it("says that a Service is announced only after the engines have acknowledged it", () => {
  const { loop, engines, told, change, turn } = open();
  loop.plan();
  change("a", "192.0.2.1");
  turn();
  engines.waiting[0]?.();
  expect(told).toEqual([[]]);
  expect(loop.isApplied("default/a")).toBe(false);
  engines.waiting[1]?.();
  expect(told.at(-1)).toEqual(["default/a"]);
  expect(loop.isApplied("default/a")).toBe(true);
});

it("says of what was planned anew meanwhile only the latest", () => {
  const { loop, engines, told, change, turn } = open();
  loop.plan();
  change("a", "192.0.2.1");
  turn();
  change("a", "192.0.2.2");
  change("b", "192.0.2.3");
  turn();
  for (const applied of engines.waiting) applied();
  expect(told).toEqual([[], [], ["default/a", "default/b"]]);
});

it("plans once a turn, and not while parts wait to be sent", () => {
  const { loop, engines, differences, change, turn } = open();
  loop.plan();
  change("a", "192.0.2.1");
  change("b", "192.0.2.2");
  engines.hasRoom = false;
  turn();
  expect(differences).toHaveLength(1);
  engines.hasRoom = true;
  loop.schedule();
  turn();
  expect(differences).toHaveLength(2);
  expect(differences[1]?.verdicts).toEqual(["default/a", "default/b"]);
});

const ECHO = {
  name: "fast",
  receiveInterval: 50,
  transmitInterval: 50,
  detectMultiplier: 3,
  echoInterval: 50,
  echoMode: true,
  passiveMode: false,
  minimumTtl: 254,
};

it("tells each problem once as long as it lasts, those of peers too whenever they change", () => {
  const { world, loop, lines, states } = open();
  loop.plan();
  const problem: Problem = {
    kind: "IPAddressPool",
    name: "p",
    path: "",
    code: "x",
    message: "bad",
    transient: false,
    nodes: null,
  };
  world.problems = [problem];
  world.changed.config = true;
  loop.plan();
  loop.plan();
  expect([lines, states]).toEqual([["bad"], [0, 1]]);
  world.config = {
    ...(world.config as NonNullable<TestWorld["config"]>),
    bfdProfiles: new Map([["fast", ECHO]]),
    peers: [peer("router", { nodes: ({ rack }) => rack === "1", bfdProfile: "fast", ebgpMultiHop: true })],
  };
  world.changed.config = true;
  loop.plan();
  world.nodes.set("node-1", {
    ...(world.nodes.get("node-1") as NonNullable<ReturnType<TestWorld["nodes"]["get"]>>),
    labels: { rack: "1" },
  });
  world.changed.nodes.add("node-1");
  loop.plan();
  expect(lines).toEqual([
    "bad",
    "BFD profile fast asks for echo mode: a peer several hops away is watched without (RFC 5883 section 3)",
  ]);
});

it("tells the problems of objects that select this node, and tells them when its labels change", () => {
  const { world, loop, lines, states } = open();
  const on = (rack: string): Problem => ({
    kind: "BGPPeer",
    name: rack,
    path: "",
    code: "x",
    message: `bad on ${rack}`,
    transient: false,
    nodes: (labels) => labels.rack === rack,
  });
  world.problems = [on("1"), on("2")];
  loop.plan();
  expect([lines, states]).toEqual([[], [0]]);
  world.nodes.set("node-1", node("node-1", { labels: { rack: "2" } }));
  world.changed.nodes.add("node-1");
  loop.plan();
  expect([lines, states]).toEqual([["bad on 2"], [0, 1]]);
});
