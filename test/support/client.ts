import type { LabNetwork } from "@metallb-ts/lab/network";
import { runIn } from "./programs.ts";

/** The answer to one request of the client; rejects when none comes within two seconds. */
export const ask = (network: LabNetwork, address: string): Promise<string> => {
  if (network.client === null) throw new Error("this network has no client");
  const host = address.includes(":") ? `[${address}]` : address;
  return runIn(network.client, "curl", "-sS", "--max-time", "2", `http://${host}/`);
};

/** Who answered each of `count` requests, one after the other: node name → how often. */
export async function whoAnswers(
  network: LabNetwork,
  address: string,
  count: number,
): Promise<ReadonlyMap<string, number>> {
  const answers = new Map<string, number>();
  for (let request = 0; request < count; request++) {
    const name = /^hello from (\S+) to/.exec(await ask(network, address))?.[1] ?? "";
    answers.set(name, (answers.get(name) ?? 0) + 1);
  }
  return answers;
}
