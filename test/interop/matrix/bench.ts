import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BfdCounters } from "metallb/bfd";
import type { PeerCounters } from "metallb/bgp";
import type { BareLine } from "../../support/bare-speaker.ts";
import { eventually, type Program, projectFile, runIn, type Where } from "../../support/programs.ts";

/** Both ends of one cable, each in a network namespace. */
export const ROUTER = { four: "10.99.0.1", six: "fd99::1" } as const;
export const SPEAKER = { four: "10.99.0.2", six: "fd99::2" } as const;
export const ROUTER_AS = 64512;
export const SPEAKER_AS = 64500;

/** What a peer asks of BFD, at 3 × 50 ms. */
export const BFD = {
  receiveInterval: 50,
  transmitInterval: 50,
  detectMultiplier: 3,
  minimumTtl: 254,
  passive: false,
  echoInterval: null,
  authentication: null,
} as const;

export interface Session {
  readonly peer: string;
  readonly state: string;
  readonly reason: string;
  readonly families: readonly string[];
  readonly ttlSecurity: boolean;
}

interface Told {
  readonly kind: string;
  readonly engine?: string;
  readonly message?: string;
  readonly report?: {
    readonly kind: string;
    readonly counters?: readonly (PeerCounters | BfdCounters)[];
    readonly session?: Session & { readonly path?: string };
  };
}

/** A bare speaker and the place for a router, joined by a cable. */
export class MatrixBench {
  readonly folder: string;
  private readonly names: { readonly router: string; readonly speaker: string; wire?: string };
  private speaker: ChildProcess | null = null;
  private told: (Told & { readonly at: number })[] = [];

  static async open(): Promise<MatrixBench> {
    const bench = new MatrixBench(await mkdtemp(join(tmpdir(), "metallb-matrix-")));
    await bench.lay();
    return bench;
  }

  private constructor(folder: string) {
    this.folder = folder;
    const owner = `mx-${process.pid}-${folder.slice(-6)}`;
    this.names = { router: `${owner}-r`, speaker: `${owner}-s` };
  }

  private async lay(): Promise<void> {
    const { router, speaker } = this.names;
    const here: Where = { command: (argv) => argv };
    for (const name of [router, speaker]) await runIn(here, "ip", "netns", "add", name);
    await runIn(
      here,
      "ip",
      "link",
      "add",
      "x0",
      "netns",
      router,
      "type",
      "veth",
      "peer",
      "name",
      "x0",
      "netns",
      speaker,
    );
    await this.address();
  }

  private async address(): Promise<void> {
    for (const [where, four, six] of [
      [this.router, ROUTER.four, ROUTER.six],
      [this.node, SPEAKER.four, SPEAKER.six],
    ] as const) {
      const script = [
        "echo 0 > /proc/sys/net/ipv6/conf/x0/accept_dad",
        "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding",
        // As routers and nodes of Kubernetes do.
        "echo 1 > /proc/sys/net/ipv4/ip_forward",
        "ip link set lo up",
        `ip addr add ${four}/24 dev x0`,
        `ip addr add ${six}/64 dev x0 nodad`,
        "ip link set x0 up",
      ].join(" && ");
      await runIn(where, "sh", "-c", script);
    }
  }

  get router(): Where {
    return { command: (argv) => ["ip", "netns", "exec", this.names.router, ...argv] };
  }

  get node(): Where {
    return { command: (argv) => ["ip", "netns", "exec", this.names.speaker, ...argv] };
  }

  /**
   * Takes the cable apart and puts a program between its ends, on the two interfaces whose names it is told: a namespace
   * of its own, so that no kernel forwards beside it.
   */
  async between(program: (where: Where, one: string, other: string) => Promise<Program>): Promise<Program> {
    const here: Where = { command: (argv) => argv };
    const { router, speaker } = this.names;
    this.names.wire = `${router}-w`;
    await runIn(here, "ip", "netns", "add", this.names.wire);
    const wire: Where = { command: (argv) => ["ip", "netns", "exec", `${router}-w`, ...argv] };
    // Both ends keep their names and addresses: those of the router are on one cable, those of the speaker on another.
    await runIn(this.node, "ip", "link", "del", "x0");
    for (const [name, to] of [
      ["w0", router],
      ["w1", speaker],
    ] as const) {
      await runIn(
        here,
        "ip",
        "link",
        "add",
        name,
        "netns",
        this.names.wire,
        "type",
        "veth",
        "peer",
        "name",
        "x0",
        "netns",
        to,
      );
      await runIn(wire, "ip", "link", "set", name, "up");
    }
    await this.address();
    return program(wire, "w0", "w1");
  }

  startSpeaker(...lines: readonly BareLine[]): void {
    const [program = "", ...args] = this.node.command([
      projectFile("bin/node"),
      "--conditions=metallb-source",
      projectFile("test/support/bare-speaker.ts"),
    ]);
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.speaker = child;
    this.told = [];
    let rest = "";
    child.stdout?.setEncoding("utf8").on("data", (part: string) => {
      const parts = (rest + part).split("\n");
      rest = parts.pop() ?? "";
      for (const text of parts) this.told.push({ ...(JSON.parse(text) as Told), at: performance.now() });
    });
    this.say(...lines);
  }

  say(...lines: readonly BareLine[]): void {
    for (const line of lines) this.speaker?.stdin?.write(`${JSON.stringify(line)}\n`);
  }

  /** Ends the speaker; resolves when it is gone. */
  async stopSpeaker(
    signal: NodeJS.Signals | "goodbye" = "SIGKILL",
    routes: "keep" | "withdraw" = "withdraw",
  ): Promise<void> {
    const child = this.speaker;
    this.speaker = null;
    if (!child || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    if (signal === "goodbye") child.stdin?.write(`${JSON.stringify({ stop: routes })}\n`);
    else child.kill(signal);
    await gone;
  }

  get logs(): readonly string[] {
    return this.told.flatMap(({ kind, message }) => (kind === "log" && message ? [message] : []));
  }

  reports(engine: "bgp" | "bfd"): readonly (Session & { readonly path?: string; readonly at: number })[] {
    return this.told.flatMap(({ kind, engine: of, report, at }) =>
      kind === "report" && of === engine && report?.kind === "session" && report.session
        ? [{ ...report.session, at }]
        : [],
    );
  }

  /** What was counted last of the one peer. */
  counters<E extends "bgp" | "bfd">(engine: E): (E extends "bgp" ? PeerCounters : BfdCounters) | undefined {
    return this.told
      .flatMap(({ kind, engine: of, report }) => (kind === "report" && of === engine ? (report?.counters ?? []) : []))
      .at(-1) as (E extends "bgp" ? PeerCounters : BfdCounters) | undefined;
  }

  /** What was told last of each session. */
  latest(): ReadonlyMap<string, Session> {
    return new Map(this.reports("bgp").map((report) => [report.peer, report]));
  }

  /** Of the one session, or of one of several. */
  async established(limit = 20_000): Promise<Session> {
    const up = await eventually(
      () => [...this.latest().values()].find(({ state }) => state === "Established"),
      (session) => session !== undefined,
      { what: "the session is not established", limit },
    );
    return up as Session;
  }

  async close(): Promise<void> {
    await this.stopSpeaker();
    const here: Where = { command: (argv) => argv };
    for (const name of Object.values(this.names)) await runIn(here, "ip", "netns", "del", name).catch(() => "");
    await rm(this.folder, { recursive: true, force: true });
  }
}
