import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findProgram, run, startChild, until } from "#base";
import type { Place } from "#network";
import { readGobgpRoutes, readGobgpSessions } from "./gobgp-output.ts";
import { type Neighbour, type Router, type RouterDescription, RouterUnavailable } from "./router.ts";

/** Its API's port, at the router's own address. */
const API_PORT = 50051;

/** GoBGP (package gobgpd). It keeps its routes to itself: nothing reaches the kernel. */
export async function startGobgp(place: Place, description: RouterDescription, folder: string): Promise<Router> {
  const gobgpd = findProgram("gobgpd");
  const gobgp = findProgram("gobgp");
  if (gobgpd === null || gobgp === null) {
    throw new RouterUnavailable("GoBGP is not installed: on Debian, 'apt-get install gobgpd'");
  }
  const version = /version (\S+)/.exec(await run([gobgpd, "--version"]))?.[1] ?? "";
  const address = description.listen[0] ?? "127.0.0.1";
  if (address.startsWith("127.") && !acceptsLoopbackNextHops(version)) {
    throw new RouterUnavailable(
      `GoBGP ${version} takes no next hop in 127.0.0.0/8, and a lab without root has no other; 3.20 and newer do`,
    );
  }
  if (description.installRoutes) {
    throw new RouterUnavailable("GoBGP installs no routes into the kernel, so nothing could be forwarded through it");
  }
  await mkdir(folder, { recursive: true });
  const file = join(folder, "gobgp.json");
  const configuration = gobgpConfiguration(description);
  await writeFile(file, configuration, { mode: 0o600 });
  const child = await startChild({
    name: "gobgpd",
    argv: place.command([
      gobgpd,
      "-f",
      file,
      "-t",
      "json",
      "--api-hosts",
      `${address}:${API_PORT}`,
      "--pprof-disable",
      "--log-plain",
    ]),
  });
  const ask = (...question: readonly string[]) =>
    run(place.command([gobgp, "-u", address, "-p", String(API_PORT), "-j", ...question]));
  const close = async () => {
    await child.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await until(
      async () => {
        const ending = child.ending();
        if (ending !== null) throw new Error(`GoBGP ended at once (${ending}): ${child.tail().slice(-3).join(" ")}`);
        return ask("neighbor").then(
          (text) => (text.includes("neighbor_address") ? true : null),
          () => null,
        );
      },
      { limit: 10_000, late: () => `GoBGP does not answer: ${child.tail().slice(-3).join(" ")}` },
    );
  } catch (error) {
    await close();
    throw error;
  }
  return {
    kind: "gobgp",
    title: `GoBGP ${version}`,
    pids: [child.pid],
    configuration,
    routes: async () => {
      const [four, six] = await Promise.all(["ipv4", "ipv6"].map((family) => ask("global", "rib", "-a", family)));
      return [
        ...readGobgpRoutes(four ?? "", description.neighbours),
        ...readGobgpRoutes(six ?? "", description.neighbours),
      ];
    },
    sessions: async () => readGobgpSessions(await ask("neighbor"), description.neighbours),
    close,
  };
}

const acceptsLoopbackNextHops = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 3 || (major === 3 && minor >= 20);
};

/** GoBGP reads JSON with the same names as its TOML. */
export function gobgpConfiguration({ asn, routerId, port, listen, neighbours }: RouterDescription): string {
  const neighbour = ({ address, asn: peer, holdTime, password, families }: Neighbour) => ({
    config: {
      "neighbor-address": address,
      "peer-as": peer,
      ...(password === null ? {} : { "auth-password": password }),
    },
    transport: { config: { "passive-mode": true } },
    "ebgp-multihop": { config: { enabled: true, "multihop-ttl": 2 } },
    timers: { config: { "hold-time": holdTime, "keepalive-interval": Math.max(1, Math.floor(holdTime / 3)) } },
    "afi-safis": families.map((family) => ({ config: { "afi-safi-name": family } })),
    "apply-policy": { config: { "default-export-policy": "reject-route" } },
  });
  const configuration = {
    global: {
      config: { as: asn, "router-id": routerId, port, "local-address-list": listen },
      "use-multiple-paths": { config: { enabled: true } },
    },
    neighbors: neighbours.map(neighbour),
  };
  return `${JSON.stringify(configuration, null, 2)}\n`;
}
