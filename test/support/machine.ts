import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import type { Part } from "./probes.ts";
import { missing } from "./probes.ts";

/** Debian's packages behind each part. */
const PACKAGES: Readonly<Partial<Record<Part, readonly string[]>>> = {
  namespaces: ["iproute2", "nftables", "curl"],
  bird: ["bird2"],
  frr: ["frr"],
  gobgp: ["gobgpd"],
  openbgpd: ["openbgpd"],
  exabgp: ["exabgp"],
  tshark: ["tshark"],
  iptables: ["iptables", "nftables", "conntrack"],
  tcpdump: ["tcpdump"],
  arping: ["iputils-arping"],
  ndisc6: ["ndisc6"],
  go: ["golang-go"],
  chromium: ["chromium"],
  buildah: ["buildah"],
  prometheus: ["prometheus"],
  qemu: ["qemu-user-static"],
  zsh: ["zsh"],
  fish: ["fish"],
  microsocks: ["microsocks"],
  containerd: [
    "containerd",
    "runc",
    "containernetworking-plugins",
    "busybox-static",
    "openssl",
    "nftables",
    "conntrack",
  ],
};

/** Whether this machine lets us install Debian's packages. */
export const canInstall = (): boolean => process.getuid?.() === 0 && existsSync("/usr/bin/apt-get");

/** Installs what the parts lack here. What cannot be installed is told, and its tests say so themselves. */
export function installParts(parts: readonly Part[], say: (line: string) => void): void {
  installPackages(
    parts.filter((part) => missing(part) !== null).flatMap((part) => PACKAGES[part] ?? []),
    say,
  );
}

/** No daemon is started by an installation while this stands there, and says so: invoke-rc.d's own rule. */
const POLICY = "/usr/sbin/policy-rc.d";

export function installPackages(packages: readonly string[], say: (line: string) => void): void {
  const wanted = [...new Set(packages)].filter((name) => !isInstalled(name));
  if (wanted.length === 0 || !canInstall()) return;
  say(`installing ${wanted.join(", ")}`);
  const guarded = !existsSync(POLICY);
  if (guarded) writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    for (const args of [["update"], ["install", "--yes", "--no-install-recommends", ...wanted]]) {
      const { status, stdout, stderr } = spawnSync("apt-get", ["-qq", ...args], { env, encoding: "utf8" });
      if (status === 0) continue;
      const words = `${stdout}${stderr}`.trim().split("\n").slice(-3).join("\n");
      say(`apt-get ${args[0]} failed, going on without:\n${words}`);
      return;
    }
  } finally {
    if (guarded) rmSync(POLICY, { force: true });
  }
}

function isInstalled(name: string): boolean {
  const { status, stdout } = spawnSync("dpkg-query", ["-W", "-f", `\${Status}`, name], { encoding: "utf8" });
  return status === 0 && stdout.startsWith("install ok installed");
}
