import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { Place } from "@metallb-ts/lab/network";
import { projectFile } from "../support/programs.ts";

type Told = Readonly<Record<string, unknown>>;

/** The neighbour engine in a namespace: see `answerer.ts`. */
export class AnsweringNode {
  readonly told: Told[] = [];
  private readonly child: ChildProcessByStdio<Writable, Readable, null>;
  private waiting: (() => void)[] = [];

  constructor(place: Place) {
    const [program = "", ...args] = place.command([
      process.execPath,
      "--conditions=metallb-source",
      projectFile("test/layer2/answerer.ts"),
    ]);
    this.child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.child.once("exit", () => {
      for (const look of this.waiting.splice(0)) look();
    });
    let rest = "";
    this.child.stdout.setEncoding("utf8").on("data", (part: string) => {
      const lines = (rest + part).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.told.push(JSON.parse(line) as Told);
      for (const look of this.waiting.splice(0)) look();
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Whether the process has ended. */
  private get isGone(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Resolves with the first line from `from` on that satisfies; rejects when none comes in time. */
  async until(what: string, satisfies: (told: Told) => boolean, from = 0, limit = 10_000): Promise<Told> {
    const deadline = performance.now() + limit;
    for (;;) {
      const found = this.told.slice(from).find(satisfies);
      if (found) return found;
      const left = deadline - performance.now();
      if (left <= 0 || this.isGone) throw new Error(`${what}; told: ${JSON.stringify(this.told.slice(from))}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Gives the place in what was told from which the consequences start. */
  async command(command: Told): Promise<number> {
    const from = this.told.length;
    this.child.stdin.write(`${JSON.stringify(command)}\n`);
    await this.until(
      "an answer",
      (told) => told.done === command.kind || (command.counters === true && "counters" in told),
      from,
    );
    return from;
  }

  announce(address: string, more: Told = {}): Promise<number> {
    return this.command({ kind: "announce", holder: "test", interfaces: null, claim: "at-once", ...more, address });
  }

  async stop(): Promise<void> {
    if (this.isGone) return;
    const gone = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.stdin.end();
    await gone;
  }
}
