import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, it } from "vitest";

/** A real part that a test needs and a machine may lack. */
export type Part =
  | "root"
  | "namespaces"
  | "bird"
  | "frr"
  | "gobgp"
  | "kubernetes"
  | "iptables"
  | "chromium"
  | "kubectl";

const onPath = (program: string): boolean =>
  [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"].some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

function namespacesAllowed(): string | null {
  if (!onPath("ip")) return "the program ip (package iproute2) is not installed";
  try {
    execFileSync("unshare", ["--net", "true"], { stdio: "ignore" });
    return null;
  } catch {
    return "the kernel or missing rights refuse network namespaces";
  }
}

const probes: Readonly<Record<Part, () => string | null>> = {
  root: () => (process.getuid?.() === 0 ? null : "needs root"),
  namespaces: namespacesAllowed,
  bird: () => (onPath("bird") ? null : "BIRD 2 (package bird2) is not installed"),
  frr: () => (existsSync("/usr/lib/frr/bgpd") ? null : "FRR (package frr) is not installed"),
  gobgp: () => (onPath("gobgpd") ? null : "GoBGP (package gobgpd) is not installed"),
  iptables: () => (onPath("iptables") && onPath("nft") ? null : "iptables and nftables are not installed"),
  chromium: () => (onPath("chromium") ? null : "Chromium is not installed"),
  kubernetes: () =>
    process.env.METALLB_TEST_KUBERNETES ? null : "no real Kubernetes: Go is missing or too old to build it",
  kubectl: () => (process.env.METALLB_TEST_KUBECTL || onPath("kubectl") ? null : "kubectl is not installed"),
};

/** Why the part is not to be had on this machine; null when it is. Each is probed once. */
export function missing(part: Part): string | null {
  if (!cache.has(part)) cache.set(part, probes[part]());
  return cache.get(part) ?? null;
}

const cache = new Map<Part, string | null>();

/**
 * A suite that runs where all its parts are there. Where one is missing the suite is reported as
 * not run, with the reason in its name; with CI=true it fails instead.
 */
export function describeWith(parts: readonly Part[], name: string, body: () => void): void {
  const reasons = parts.map(missing).filter((reason) => reason !== null);
  if (reasons.length === 0) describe(name, body);
  else if (process.env.CI === "true") {
    describe(name, () => {
      it(`needs ${parts.join(", ")}`, () => {
        throw new Error(`cannot run here: ${reasons.join("; ")}`);
      });
    });
  } else describe.skip(`${name} [not run here: ${reasons.join("; ")}]`, body);
}
