import { type ChildProcessByStdio, execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { findGo, readGoDirective } from "@metallb-ts/lab/kubernetes";
import { projectFile } from "../support/programs.ts";

type Told = Readonly<Record<string, unknown>>;

const SOURCE = projectFile("test/layer2/memberlist");

/** Builds the peer once; kept beside the other programs that are built, named by what it was built from. */
export async function buildGoMember(): Promise<string> {
  const hash = createHash("sha256");
  for (const file of ["main.go", "go.mod", "go.sum"]) hash.update(readFileSync(join(SOURCE, file)));
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "metallb-ts");
  mkdirSync(folder, { recursive: true });
  const program = join(folder, `memberlist-${hash.digest("hex").slice(0, 12)}`);
  const wanted = readGoDirective(readFileSync(join(SOURCE, "go.mod"), "utf8")) ?? { minor: 21, patch: 0 };
  const go = await findGo(wanted, process.env, () => {});
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const env = { ...process.env, ...go.env, CGO_ENABLED: "0", GOWORK: "off", GOFLAGS: "-mod=mod" };
  execFile(go.program, ["build", "-o", program, "."], { cwd: SOURCE, env, timeout: 280_000 }, (error, _, stderr) =>
    error === null ? resolve() : reject(new Error(stderr.trim() || error.message)),
  );
  await promise;
  return program;
}

/** The real memberlist, as a process. */
export class GoMember {
  readonly told: Told[] = [];
  private readonly child: ChildProcessByStdio<Writable, Readable, null>;
  private waiting: (() => void)[] = [];

  constructor(program: string, args: readonly string[]) {
    this.child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    let rest = "";
    this.child.stdout.setEncoding("utf8").on("data", (part: string) => {
      const lines = (rest + part).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.told.push(JSON.parse(line) as Told);
      for (const look of this.waiting.splice(0)) look();
    });
  }

  async until(what: string, satisfies: (told: Told) => boolean, limit = 10_000): Promise<Told> {
    const deadline = performance.now() + limit;
    for (;;) {
      const found = this.told.find(satisfies);
      if (found) return found;
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`${what}; told: ${JSON.stringify(this.told)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  say(command: "members" | "leave"): void {
    this.child.stdin.write(`${command}\n`);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGKILL");
    await gone;
  }
}
