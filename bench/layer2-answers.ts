import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { createNamespaceNetwork, type Place } from "@metallb-ts/lab/network";
import { projectFile, runIn } from "../test/support/programs.ts";
import type { Row } from "./report.ts";

const ROUNDS = 2_000;
const MANY = 50_000;
/** That are asked for, spread over all. */
const ASKED = 500;

/** A speaker's engines in a namespace: see `answering-thread.ts`. */
class Answering {
  private readonly child;
  private readonly lines;

  constructor(place: Place) {
    const script = projectFile("bench/answering-thread.ts");
    const [program = "", ...args] = place.command([process.execPath, "--conditions=metallb-source", script]);
    this.child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  async do(command: string): Promise<void> {
    this.child.stdin.write(`${command}\n`);
    const { done } = await this.lines.next();
    if (done) throw new Error("the engines ended");
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.stdin.end();
    // A main thread that computes reads the end of its input later.
    this.child.kill("SIGKILL");
    await gone;
  }
}

const spread = (network: string, count: number): readonly string[] =>
  Array.from({ length: Math.min(count, ASKED) }, (_, i) => {
    const n = Math.floor((i * count) / Math.min(count, ASKED));
    return `${network}.${n >> 8}.${n & 255}`;
  });

/** Goal 13: from the request to the answer over a LAN, by the kernel and by a speaker's engines. */
export async function answersOnLan(say: (line: string) => void): Promise<readonly Row[]> {
  const network = await createNamespaceNetwork({ nodes: 1 });
  const [node] = network.nodes;
  if (!node) throw new Error("no node");
  const answering = new Answering(node);
  const ask = async (targets: readonly string[]): Promise<readonly number[]> => {
    const script = projectFile("bench/arp-asker.ts");
    const { address } = network.router;
    const text = await runIn(network.router, process.execPath, script, address, String(ROUNDS), ...targets);
    return JSON.parse(text) as number[];
  };
  const common = { goal: 13, unit: "µs", judged: "p99" } as const;
  const ours = async (what: string, targets: readonly string[]): Promise<Row> => {
    say(`answers on a LAN: ${what}`);
    return { ...common, what, who: "metallb-ts", samples: await ask(targets), goalValue: 300 };
  };
  const kernels = async (what: string, targets: readonly string[]): Promise<Row> => {
    say(`answers on a LAN: ${what}, the kernel`);
    const note = "the floor, with the asker's own cost";
    return { ...common, what, who: "kernel", samples: await ask(targets), goalValue: null, note };
  };
  try {
    // The kernel answers for all that is local.
    await runIn(node, "ip", "route", "add", "local", "172.22.0.0/16", "dev", "eth0");
    const rows: Row[] = [];
    for (const count of [10, MANY]) {
      const what = `ARP request to answer, ${count} addresses`;
      await answering.do(`announce ${count}`);
      rows.push(await kernels(what, spread("172.22", count)), await ours(what, spread("172.21", count)));
    }
    await answering.do("load");
    const loaded = "ARP request to answer, main thread loaded";
    rows.push(await kernels(loaded, spread("172.22", MANY)), await ours(loaded, spread("172.21", MANY)));
    return rows;
  } finally {
    await answering.stop();
    await network.close();
  }
}
