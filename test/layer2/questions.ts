import { spawn } from "node:child_process";
import { eventually, projectFile } from "../support/programs.ts";
import { type Lan, macOf } from "./lan.ts";

/**
 * Whose turn it was to answer ARP for the address while `act` ran, in order: two owners at a time take turns again and
 * again.
 */
export async function answering(lan: Lan, address: string, act: () => Promise<unknown>): Promise<readonly string[]> {
  const { router } = lan.cluster.network;
  const script = projectFile("test/layer2/arp-questions.ts");
  const [program = "", ...args] = router.command([process.execPath, script, router.address, address]);
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  try {
    await eventually(
      () => text,
      (told) => told.includes("ready"),
      { what: "questions are asked" },
    );
    await act();
  } finally {
    child.stdin.write("end\n");
    await ended;
  }
  const turns = JSON.parse(text.split("\n").find((line) => line.startsWith("[")) ?? "[]") as [string, number][];
  const names = new Map<string, string>();
  for (const name of lan.names) names.set(await macOf(lan.cluster.node(name)), name);
  return turns.map(([mac]) => names.get(mac) ?? mac);
}
