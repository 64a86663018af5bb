import { readdirSync, readFileSync } from "node:fs";
import { HERE, runIn } from "./programs.ts";

/** This machine's own interfaces, addresses, routes and firewall tables, as text. */
export async function ownNetwork(): Promise<string> {
  const parts = await Promise.all([
    runIn(HERE, "ip", "-o", "link"),
    runIn(HERE, "ip", "-o", "address"),
    runIn(HERE, "ip", "route", "show", "table", "all"),
    runIn(HERE, "ip", "-6", "route", "show", "table", "all"),
    runIn(HERE, "nft", "list", "tables"),
  ]);
  return parts.join("\n").replaceAll(/(valid_lft|preferred_lft|expires) \S+/g, "");
}

/** The network namespaces that a lab of this process id has. */
export function namespacesOf(pid: number): readonly string[] {
  try {
    return readdirSync("/run/netns").filter((name) => name.startsWith(`metallb-${pid}-`));
  } catch {
    return [];
  }
}

/** Process ids of all that descend from the process. */
export function descendantsOf(pid: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = parentOf(Number(entry));
    if (parent !== null) children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const below = (of: number): readonly number[] =>
    (children.get(of) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(pid);
}

/** Whether the process runs; one that has ended and waits to be reaped does not. */
export function runs(pid: number): boolean {
  return parentOf(pid) !== null;
}

/** Null: there is no such process, or it has ended. */
function parentOf(pid: number): number | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
      .replace(/^.*\) /s, "")
      .split(" ");
    return fields[0] === "Z" ? null : Number(fields[1]);
  } catch {
    return null;
  }
}
