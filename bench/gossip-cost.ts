import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { projectFile } from "../test/support/programs.ts";
import type { Row } from "./report.ts";

const SECONDS = 8;
const MB = 2 ** 20;
const NOTE = "64 watched, and 64 that watch: the most there are";

/** What gossip costs the engines' thread of a speaker: a share of a core, and memory beyond that of a lone member. */
export async function gossipCost(say: (line: string) => void): Promise<readonly Row[]> {
  const rows: Row[] = [];
  let alone = 0;
  for (const members of [1, 100, 1_000]) {
    say(`gossip among ${members} members`);
    const { cpu, memory } = await costOf(members);
    if (members === 1) alone = memory;
    else {
      const what = `gossip among ${members} members`;
      const common = { goal: 12, who: "metallb-ts", goalValue: null, judged: "median", note: NOTE } as const;
      rows.push({ ...common, what: `${what}, share of a core`, unit: "%", samples: [cpu] });
      rows.push({ ...common, what: `${what}, memory`, unit: "MB", samples: [(memory - alone) / MB] });
    }
  }
  return rows;
}

async function costOf(members: number): Promise<{ readonly cpu: number; readonly memory: number }> {
  const others =
    members === 1
      ? null
      : spawn(process.execPath, script("crowd", String(members - 1)), { stdio: ["pipe", "pipe", "inherit"] });
  if (others) await lineOf(others, (line) => line === "ready");
  const member = spawn(process.execPath, script("member", String(members)), { stdio: ["pipe", "pipe", "inherit"] });
  try {
    await lineOf(member, (line) => line === "ready");
    const before = ticks(member.pid ?? 0);
    await new Promise((resolve) => setTimeout(resolve, SECONDS * 1_000));
    const cpu = ticks(member.pid ?? 0) - before;
    const text = readFileSync(`/proc/${member.pid}/smaps_rollup`, "utf8");
    return { cpu: cpu / SECONDS, memory: Number(/^Rss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1_024 };
  } finally {
    member.kill("SIGKILL");
    others?.kill("SIGKILL");
  }
}

const script = (...args: readonly string[]): readonly string[] => [
  "--conditions=metallb-source",
  projectFile("bench/gossip-members.ts"),
  ...args,
];

/** Hundredths of a second of processor time, of all threads. */
function ticks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

async function lineOf(child: ChildProcess, satisfies: (line: string) => boolean): Promise<void> {
  if (!child.stdout) throw new Error("no output");
  for await (const line of createInterface({ input: child.stdout })) if (satisfies(line)) return;
  throw new Error("the members ended");
}
