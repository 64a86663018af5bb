import { readdirSync, readFileSync } from "node:fs";
import { strictInterfaces } from "#report";
import type { Check } from "./doctor-check.ts";

const SETTINGS = "/proc/sys/net/ipv4";

/** What the kernel of this machine is set to, as far as traffic for addresses of Services depends on it. */
export function examineNode(root: string = SETTINGS): readonly Check[] {
  if (read(`${root}/ip_forward`) === null) {
    return [
      { verdict: "unknown", what: "kernel", text: "this machine tells no settings: is it a node with Linux?", fix: "" },
    ];
  }
  return [forwarding(root), reversePaths(root)];
}

function forwarding(root: string): Check {
  const isOn = read(`${root}/ip_forward`) === "1";
  return {
    verdict: isOn ? "ok" : "failed",
    what: "ip_forward",
    text: isOn ? "packets are forwarded to Pods" : "packets for Pods of other nodes are dropped",
    fix: isOn ? "" : "sysctl -w net.ipv4.ip_forward=1",
  };
}

function reversePaths(root: string): Check {
  const names = readdirSync(`${root}/conf`);
  const strict = strictInterfaces(
    Object.fromEntries(names.map((name) => [name, Number(read(`${root}/conf/${name}/rp_filter`) ?? "0")])),
  );
  if (strict.length === 0) {
    return { verdict: "ok", what: "rp_filter", text: "no interface filters strictly by the way back", fix: "" };
  }
  return {
    verdict: "warning",
    what: "rp_filter",
    text: `strict on ${strict.slice(0, 5).join(", ")}: clients whose way back leads elsewhere are dropped`,
    fix: `sysctl -w net.ipv4.conf.${strict[0]}.rp_filter=2`,
  };
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return null;
  }
}
