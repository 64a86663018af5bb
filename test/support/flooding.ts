import { spawn } from "node:child_process";
import { eventually, projectFile, type Where } from "./programs.ts";

/** What `test/interop/flood.ts` told at its end. */
export interface Flood {
  readonly sent: number;
  readonly failed: number;
  /** By node. */
  readonly answers: Readonly<Record<string, number>>;
}

export interface FloodOptions {
  /** The client. */
  readonly at: Where;
  readonly address: string;
  readonly port: number;
  /** Datagrams a second. */
  readonly rate: number;
}

/** Sends datagrams all the while that `act` takes, beginning when each flow was answered once, and counts the answers. */
export async function floodDuring(
  { at, address, port, rate }: FloodOptions,
  act: () => Promise<unknown>,
): Promise<{ readonly flood: Flood; readonly answered: number }> {
  const script = projectFile("test/interop/flood.ts");
  const [program = "", ...args] = at.command([process.execPath, script, address, String(port), String(rate)]);
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  try {
    await eventually(
      () => text,
      (said) => said.includes("answered"),
      { what: "nothing answers the client", limit: 20_000 },
    );
    await act();
  } finally {
    child.stdin.write("stop\n");
    await gone;
  }
  const flood = JSON.parse(text.split("\n")[1] ?? "") as Flood;
  return { flood, answered: Object.values(flood.answers).reduce((sum, count) => sum + count, 0) };
}

/** Of a `/proc/net/snmp`: datagrams that came and found no room in a socket, lost by a busy machine and not on the way. */
export function rcvbufErrors(snmp: string): number {
  const [names = "", values = ""] = snmp.split("\n").filter((line) => line.startsWith("Udp:"));
  return Number(values.split(" ")[names.split(" ").indexOf("RcvbufErrors")] ?? 0);
}
