import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { type GossipConfig, gossipKey, LAN, readGossipConfig, WAN } from "#gossip";
import { type Duration, err, type Ip, ok, parseIp, type Result } from "#net";
import type { FlagValues, SPEAKER_FLAGS } from "#process";

export interface Layer2Settings {
  /** Null: the speakers do not look for each other; all nodes that the API knows take part in elections. */
  readonly gossip: GossipSettings | null;
  /** Interfaces that are left alone, as one regular expression. */
  readonly exclude: string;
  /** Milliseconds; null: only bursts. */
  readonly repeatEvery: number | null;
  readonly onConflict: "report" | "defend";
  /** Of the Lease by which advertisements may be fenced. */
  readonly leaseDuration: Duration;
}

export interface GossipSettings {
  readonly address: Ip;
  readonly port: number;
  /** Selects the Pods of the speakers. */
  readonly labels: string;
  readonly key: Uint8Array | null;
  readonly config: GossipConfig;
}

export interface Layer2Files {
  readonly exclude: string;
  readonly gossip: string;
}

/** Where MetalLB's manifests put them. */
const LAYER2_FILES: Layer2Files = {
  exclude: "/etc/metallb/excludel2.yaml",
  gossip: "/etc/metallb/memberlist/config.json",
};

/** What MetalLB leaves alone where the file is missing: interfaces of containers and of the host itself. */
const DEFAULT_EXCLUDED = [
  "^docker.*",
  "^cbr.*",
  "^dummy.*",
  "^virbr.*",
  "^lxcbr.*",
  "^veth.*",
  "^lo$",
  "^cali.*",
  "^tunl.*",
  "^flannel.*",
  "^kube-ipvs.*",
  "^cni.*",
  "^nodelocaldns.*",
  "^lxc.*",
];

type Flags = FlagValues<typeof SPEAKER_FLAGS>;

/** Reads flags and files. The error is a sentence: the process cannot start with it. */
export async function readLayer2Settings(
  flags: Flags,
  files: Layer2Files = LAYER2_FILES,
): Promise<Result<Layer2Settings>> {
  const exclude = await readExcluded(files.exclude);
  if (!exclude.ok) return exclude;
  const gossip = await readGossip(flags, files.gossip);
  if (!gossip.ok) return gossip;
  const seconds = flags["l2-repeat-interval"];
  return ok({
    gossip: gossip.value,
    exclude: exclude.value,
    repeatEvery: seconds === 0 ? null : seconds * 1_000,
    leaseDuration: flags["l2-lease-duration"] * 1_000,
    onConflict: flags["l2-on-conflict"] === "defend" ? "defend" : "report",
  });
}

async function readExcluded(path: string): Promise<Result<string>> {
  const text = await optional(path);
  if (text === null) return ok(joined(DEFAULT_EXCLUDED));
  const { parse } = await import("yaml");
  try {
    const { announcedInterfacesToExclude: list } = (parse(text) ?? {}) as { announcedInterfacesToExclude?: unknown };
    if (list === undefined || list === null) return ok(joined(DEFAULT_EXCLUDED));
    if (!Array.isArray(list) || list.some((each) => typeof each !== "string"))
      return err(`${path}: announcedInterfacesToExclude must be a list of regular expressions`);
    const pattern = joined(list as readonly string[]);
    new RegExp(pattern);
    return ok(pattern);
  } catch (error) {
    return err(`${path}: ${(error as Error).message}`);
  }
}

/** Of an empty list nothing is excluded. */
const joined = (patterns: readonly string[]): string =>
  patterns.length === 0 ? "^$" : patterns.map((pattern) => `(${pattern})`).join("|");

async function readGossip(flags: Flags, path: string): Promise<Result<GossipSettings | null>> {
  const { "ml-bindaddr": bind, "ml-bindport": port, "ml-labels": labels, "ml-secret-key-path": folder } = flags;
  let key: Uint8Array | null = null;
  // Also where no gossip is asked for: a Secret that is not there is a mistake (contract 1.3).
  if (folder !== "") {
    const secret = await optional(join(folder, "secretkey"));
    if (secret === null) return err(`--ml-secret-key-path: ${join(folder, "secretkey")} cannot be read`);
    key = gossipKey(secret);
  }
  if (bind === "" || labels === "") return ok(null);
  const address = parseIp(bind);
  if (!address.ok) return err(`--ml-bindaddr: ${address.error}`);
  const config = await readProfile(path, flags["ml-wan-config"]);
  if (!config.ok) return config;
  return ok({ address: reachable(address.value), port: port || 7_946, labels, key, config: config.value });
}

async function readProfile(path: string, wan: boolean): Promise<Result<GossipConfig>> {
  const text = await optional(path);
  if (text === null) return ok(wan ? WAN : LAN);
  try {
    const read = readGossipConfig(JSON.parse(text));
    return read.ok ? read : err(`${path}: ${read.error}`);
  } catch (error) {
    return err(`${path}: ${(error as Error).message}`);
  }
}

/** Where others reach us when we listen everywhere. */
function reachable(address: Ip): Ip {
  if (address.value !== 0n) return address;
  for (const each of Object.values(networkInterfaces()).flat()) {
    if (!each || each.internal) continue;
    const read = parseIp(each.address);
    if (read.ok && read.value.family === address.family) return read.value;
  }
  return address;
}

/** Null: there is none. What else is wrong is told by whoever needs it. */
async function optional(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return null;
  }
}
