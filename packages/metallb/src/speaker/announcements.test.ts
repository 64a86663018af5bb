import { expect, it } from "vitest";
import { Planner } from "#planner";
import { advertisement, changes, OPTIONS, peer, pool, service, TestWorld } from "#planner/testing";
import type { Logger } from "#process";
import { Announcements } from "./announcements.ts";

function open() {
  const world = new TestWorld([pool("lab", "192.0.2.0/24", [advertisement("a")])], [peer("router")]);
  const lines: string[] = [];
  const line = (msg: string) => void lines.push(msg);
  const log: Logger = { debug: () => {}, info: line, warn: line, error: line, with: () => log };
  const events: string[] = [];
  const wanted: string[] = [];
  const standing = new Map<string, readonly string[]>();
  const status = {
    isLimited: false,
    begun: 0,
    want: (key: string, peers: readonly string[] | null) => void wanted.push(`${key} ${peers?.join() ?? "none"}`),
    begin: () => void status.begun++,
    has: (key: string) => standing.get(key),
  };
  const recorder = {
    event: (subject: { name: string }, _: string, reason: string) => void events.push(`${subject.name} ${reason}`),
  };
  const announcements = new Announcements("node-1", log, recorder, status);
  const planner = new Planner(OPTIONS);
  const tell = (...names: readonly string[]) => {
    const services = new Set(names.map((name) => `default/${name}`));
    const { verdicts } = planner.update(world, changes({ config: true, services }));
    announcements.tell(verdicts, planner.plan, world.services);
  };
  const recall = () => announcements.recall(planner.plan, world.services);
  const serve = (name: string, ip: string) => world.serve(service(name, { ips: [ip] }));
  return { world, announcements, tell, recall, serve, lines, events, wanted, standing, status };
}

it("tells of what is news since the start, and of nothing that stood before", () => {
  const { tell, recall, serve, events, standing, announcements } = open();
  standing.set("default/old", ["router"]);
  serve("old", "192.0.2.1").serve(service("new", { ips: ["192.0.2.2"] }));
  recall();
  expect(events).toEqual([]);
  tell();
  expect(events).toEqual(["new nodeAssigned"]);
  expect([...announcements.announced]).toEqual([
    ["default/old", ["192.0.2.1"]],
    ["default/new", ["192.0.2.2"]],
  ]);
  serve("later", "192.0.2.3");
  tell("later");
  expect(events).toEqual(["new nodeAssigned", "later nodeAssigned"]);
});

it("repeats no event after a restart where there are more Services than status objects", () => {
  const { tell, recall, serve, events, status, standing } = open();
  status.isLimited = true;
  standing.set("default/other", ["another peer"]);
  serve("a", "192.0.2.1").serve(service("other", { ips: ["192.0.2.2"] }));
  tell();
  recall();
  expect(events).toEqual(["other nodeAssigned"]);
});

it("says once that a Service is no longer announced, with the reason that the plan gives", () => {
  const { world, tell, serve, lines, wanted, announcements, status } = open();
  serve("a", "192.0.2.1");
  tell();
  expect(status.begun).toBeGreaterThan(0);
  world.services.set("default/a", service("a", { type: "ClusterIP" }));
  tell("a");
  tell("a");
  expect(lines).toEqual(["service has an address announced", "service is no longer announced"]);
  expect(wanted).toEqual(["default/a router", "default/a none"]);
  expect(announcements.announced.size).toBe(0);
});
