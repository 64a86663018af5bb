import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { findBuilt } from "@metallb-ts/lab/kubernetes";
import { hasGoTool } from "./go-tools.ts";

/** Real parts that tests need and a machine may lack. */
export const PARTS = [
  "root",
  "namespaces",
  "bird",
  "frr",
  "gobgp",
  "openbgpd",
  "exabgp",
  "tshark",
  "kubernetes",
  "iptables",
  "tcpdump",
  "arping",
  "ndisc6",
  "go",
  "chromium",
  "kubectl",
  "helm",
  "buildah",
  "containerd",
  "prometheus",
  "apt",
  "qemu",
  "zsh",
  "fish",
  "microsocks",
] as const;
export type Part = (typeof PARTS)[number];

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
  openbgpd: () => (existsSync("/usr/sbin/bgpctl") ? null : "OpenBGPD (package openbgpd) is not installed"),
  exabgp: () => (onPath("exabgp") ? null : "ExaBGP (package exabgp) is not installed"),
  tshark: () => (onPath("tshark") ? null : "tshark is not installed"),
  iptables: () => (onPath("iptables") && onPath("nft") ? null : "iptables and nftables are not installed"),
  tcpdump: () => (onPath("tcpdump") ? null : "tcpdump is not installed"),
  arping: () => (onPath("arping") ? null : "arping (package iputils-arping) is not installed"),
  ndisc6: () => (onPath("ndisc6") ? null : "ndisc6 is not installed"),
  go: () => (onPath("go") || existsSync("/usr/local/go/bin/go") ? null : "Go (package golang-go) is not installed"),
  chromium: () => (onPath("chromium") ? null : "Chromium is not installed"),
  kubernetes: () =>
    realKubernetes() === null
      ? (process.env.METALLB_TEST_KUBERNETES_MISSING ?? "no real Kubernetes is built: 'npm test' builds it")
      : null,
  helm: () => (hasGoTool("helm") ? null : "Helm is not built: 'npm test' builds it"),
  buildah: () => (onPath("buildah") ? null : "buildah is not installed"),
  containerd: () =>
    ["containerd", "runc", "busybox"].every(onPath) && existsSync("/usr/lib/cni/bridge")
      ? null
      : "containerd, runc, busybox-static and containernetworking-plugins are not installed",
  prometheus: () =>
    onPath("prometheus") && onPath("promtool") ? null : "Prometheus (package prometheus) is not installed",
  apt: () => (onPath("apt-get") && onPath("dpkg-deb") ? null : "this machine has no packages of Debian"),
  qemu: () => (onPath("qemu-aarch64-static") ? null : "the emulator (package qemu-user-static) is not installed"),
  zsh: () => (onPath("zsh") ? null : "zsh is not installed"),
  fish: () => (onPath("fish") ? null : "fish is not installed"),
  microsocks: () => (onPath("microsocks") ? null : "the SOCKS proxy microsocks is not installed"),
  kubectl: () => (kubectlProgram() !== "kubectl" || onPath("kubectl") ? null : "kubectl is not installed"),
};

/** The folder with the programs of a real Kubernetes: as 'npm test' says, or as built by an earlier run; null: none. */
export function realKubernetes(): string | null {
  return process.env.METALLB_TEST_KUBERNETES ?? findBuilt({ env: process.env })?.folder ?? null;
}

/** The kubectl that the tests call: that of the real Kubernetes where there is one. */
export function kubectlProgram(): string {
  const { METALLB_TEST_KUBECTL } = process.env;
  return METALLB_TEST_KUBECTL ?? findBuilt({ env: process.env })?.kubectl ?? "kubectl";
}

/** Why the part is not to be had on this machine; null when it is. Each is probed once. */
export function missing(part: Part): string | null {
  if (!cache.has(part)) cache.set(part, probes[part]());
  return cache.get(part) ?? null;
}

const cache = new Map<Part, string | null>();
