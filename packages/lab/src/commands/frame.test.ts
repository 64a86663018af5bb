import { layOut, plain } from "metallb/terminal";
import type { LabView } from "metallb/view";
import { describe, expect, it } from "vitest";
import type { Step, StepKey } from "#base";
import { drawFrame, plainLines, sessionsText } from "./frame.ts";

const running = { running: true, title: "process 4711", pid: 4711, restarts: 0, lastEnding: "" };
const session = {
  peer: "node-1",
  established: true,
  router: "Established",
  speaker: "Established",
  reason: "",
  shortcomings: [],
  since: null,
  timer: "",
  next: null,
  holdEndsAt: null,
  holdTime: null,
  bfd: null,
  announcedPrefixes: 1,
};

const view: LabView = {
  kind: "lab",
  name: "default",
  startedAt: 0,
  kubernetes: "embedded",
  network: "loopback",
  kubeconfig: `/tmp/${"long/".repeat(30)}kubeconfig`,
  dashboard: "http://127.0.0.1:7480",
  command: "/opt/metallb-ts/packages/metallb/bin/metallb lab",
  router: { title: "built-in", address: "127.77.1.1", port: 1790, asn: 64512 },
  controller: { ...running, leading: true },
  nodes: [{ name: "node-1", address: "127.77.1.11", cut: false, speaker: running, sessions: [session] }],
  routes: [],
  pools: [],
  services: [],
  layer2: [],
  configuration: [],
  problems: [],
};

const steps = new Map<StepKey, Step>([
  ["controller", { key: "controller", title: "controller", state: "done", text: "process 1" }],
]);

describe("the frame", () => {
  it("never cuts what is copied, and cuts the rest, at any width", () => {
    const problems = ["x".repeat(300)];
    for (const columns of [20, 40, 80, 200]) {
      const rows = layOut(drawFrame({ steps, view: { ...view, problems } }, plain), columns, 1_000);
      const texts = rows.map(({ text }) => text);
      expect(texts.join("\n")).toContain(`export KUBECONFIG=${view.kubeconfig}`);
      expect(texts.join("\n")).toContain(`${view.command} cut node-1`);
      expect(texts.filter((text) => text.endsWith("…"))).not.toEqual([]);
      for (const { text, height } of rows) expect(text.length).toBeLessThan(height === 1 ? columns : 400);
    }
  });

  it("passes nothing on that steers the terminal", () => {
    const evil = { object: "IPAddressPool \x1b[2J", field: "", code: "", message: "\x1b]0;title\x07" };
    const text = plainLines(drawFrame({ steps, view: { ...view, configuration: [evil] } }, plain)).join("\n");
    expect(text.includes("\x1b") || text.includes("\x07")).toBe(false);
    expect(text).toContain("\\x1b[2J");
  });

  it("names commands that work from any folder, and root's own where the lab is root's", () => {
    const typed = plainLines(drawFrame({ steps, view }, plain)).join("\n");
    expect(typed).toContain("/opt/metallb-ts/packages/metallb/bin/metallb lab cut node-1");
    expect(typed).not.toContain("npx");
    const sudo = { ...view, name: "two", command: `sudo ${view.command}` };
    const roots = plainLines(drawFrame({ steps, view: sudo }, plain)).join("\n");
    expect(roots).toContain(`sudo ${view.command} stop --name two`);
    expect(roots).toContain("sudo kubectl --kubeconfig");
  });

  it("lets an Established session hide no other, and tells the timer that runs", () => {
    const [node] = view.nodes;
    if (node === undefined) throw new Error("no node");
    const other = { ...session, peer: "by-hand", established: false, reason: "connection refused" };
    expect(sessionsText({ ...view, nodes: [{ ...node, sessions: [session, other] }] })).toBe(
      "1 of 2 BGP sessions established; node-1 with by-hand: connection refused",
    );
    const cut = { ...node, cut: true, sessions: [{ ...session, timer: "ends within 4 s" }] };
    expect(sessionsText({ ...view, nodes: [cut] })).toBe(
      "1 of 1 BGP sessions established; node-1: cable cut, its session ends within 4 s",
    );
  });
});
