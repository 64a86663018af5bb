import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Place } from "@metallb-ts/lab/network";
import { type Router, startRouter } from "@metallb-ts/lab/routers";
import { DEFAULT_SETTINGS, type SessionReport } from "metallb/bgp";
import { type Ip, parseIp } from "metallb/net";
import type { PlanDifference } from "metallb/planner";
import { bgpParts, EngineThread } from "metallb/speaker";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import { eventually } from "../support/programs.ts";

const NETWORK = `127.78.${1 + (process.pid % 250)}`;
const ROUTER = `${NETWORK}.1`;
const SPEAKER = `${NETWORK}.2`;
const PORT = 17979;
/** Seconds: a keepalive is due every second. */
const HOLD = 3;
/** How long the main thread does nothing else, milliseconds: longer than the hold time. */
const STALL = 5_000;

/** The 19th field of proc_pid_stat(5); the name before it may hold anything but ends with the last bracket. */
const niceOf = (thread: string): number =>
  Number(readFileSync(`/proc/self/task/${thread}/stat`, "utf8").split(") ").at(-1)?.split(" ")[16]);

const address = (text: string): Ip => {
  const parsed = parseIp(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
};

const place: Place = { name: "router", address: ROUTER, address6: null, command: (argv) => argv };

describeWith(["bird", "root"], "the engines' thread", () => {
  const folder = mkdtempSync(join(tmpdir(), "metallb-stall-"));
  const reports: Pick<SessionReport, "state" | "reason">[] = [];
  let router: Router;
  let thread: EngineThread;

  beforeAll(async () => {
    const neighbour = {
      name: "node-1",
      address: SPEAKER,
      asn: 64500,
      holdTime: HOLD,
      families: ["ipv4-unicast"],
      password: null,
    } as const;
    const description = {
      asn: 64512,
      routerId: ROUTER,
      port: PORT,
      listen: [ROUTER],
      neighbours: [neighbour],
      installRoutes: false,
    };
    router = (await startRouter("bird", place, description, join(folder, "bird"))).router;
    thread = new EngineThread({
      applied: () => {},
      report: ({ engine, report }) => {
        if (engine === "bgp" && report.kind === "session") reports.push(report.session);
      },
      log: () => {},
      died: () => {},
    });
    const difference = {
      routes: [],
      peersSet: [
        {
          ...DEFAULT_SETTINGS,
          name: "router",
          localAs: 64500,
          peerAs: 64512,
          endpoint: { kind: "address", address: address(ROUTER), interface: null },
          port: PORT,
          sourceAddress: address(SPEAKER),
          holdTime: HOLD,
          keepaliveTime: 1,
          connectTime: 1,
          ebgpMultiHop: true,
          families: ["ipv4-unicast"],
        },
      ],
      peersRemoved: [],
      routesAfter: [],
      layer2: { announce: [], withdraw: [] },
      verdicts: [],
    } satisfies PlanDifference;
    thread.send("bgp", bgpParts(difference, address(SPEAKER)));
  });
  afterAll(async () => {
    await thread?.stop("the test is over", "withdraw");
    await router?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("has its turn before others where that may be asked for, alone of this process", async () => {
    const before = (): readonly string[] =>
      readdirSync("/proc/self/task").filter((id) => niceOf(id) < niceOf(String(process.pid)));
    await eventually(before, ({ length }) => length > 0, { what: "no thread has its turn first" });
    expect(before()).toHaveLength(1);
  });

  it("keeps its sessions while the main thread stalls for longer than the hold time", async () => {
    await eventually(
      () => reports.at(-1),
      (report) => report?.state === "Established",
      { what: "the session is not established" },
    );
    const before = reports.length;
    const until = performance.now() + STALL;
    while (performance.now() < until);
    // What the worker told meanwhile is heard now.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(reports.slice(before)).toEqual([]);
    expect(await router.sessions()).toMatchObject([{ name: "node-1", established: true }]);
  });
});
