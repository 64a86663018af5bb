import { resolve } from "node:path";
import { err, ok, type Result } from "metallb/net";
import { isLabName } from "#base";
import type { RouterKind } from "#routers";
import { ROUTER_KINDS } from "#routers";

export interface LabOptions {
  /** Null: the first free one. */
  readonly name: string | null;
  readonly router: RouterKind | "auto";
  readonly network: "loopback" | "namespaces";
  /** How addresses are announced. */
  readonly mode: "bgp" | "layer2";
  readonly kubernetes: "embedded" | "real";
  /** 1 to MAX_NODES. */
  readonly nodes: number;
  /** Where the cluster's objects are kept, a full path; null: gone with the lab. */
  readonly dataFolder: string | null;
  /** Of the embedded API; null: any that is free. */
  readonly apiPort: number | null;
  /** Of the dashboard; null: 7480, or any that is free. */
  readonly webPort: number | null;
}

/** Options as typed at a command line, all text. */
export type LabOptionTexts = Readonly<
  Record<"router" | "network" | "kubernetes" | "nodes", string> &
    Partial<Record<"name" | "data" | "apiPort" | "webPort" | "mode", string>>
>;

export const MAX_NODES = 20;
export const NETWORKS = ["loopback", "namespaces"] as const;
export const MODES = ["bgp", "layer2"] as const;
export const KUBERNETES = ["embedded", "real"] as const;
export const ROUTERS = ["auto", ...ROUTER_KINDS] as const;

/** Reads the options; the error names the option and what it takes. */
export function readLabOptions(texts: LabOptionTexts): Result<LabOptions> {
  const router = oneOf("--router", texts.router, ROUTERS);
  if (!router.ok) return router;
  const network = oneOf("--network", texts.network, NETWORKS);
  if (!network.ok) return network;
  const mode = oneOf("--mode", texts.mode ?? "bgp", MODES);
  if (!mode.ok) return mode;
  if (mode.value === "layer2" && network.value === "loopback")
    return err("--mode layer2 needs a LAN: --network namespaces, as root");
  const kubernetes = oneOf("--kubernetes", texts.kubernetes, KUBERNETES);
  if (!kubernetes.ok) return kubernetes;
  const nodes = whole("--nodes", texts.nodes, 1, MAX_NODES);
  if (!nodes.ok) return nodes;
  const apiPort = texts.apiPort === undefined ? ok(null) : whole("--api-port", texts.apiPort, 1, 65535);
  if (!apiPort.ok) return apiPort;
  const webPort = texts.webPort === undefined ? ok(null) : whole("--web-port", texts.webPort, 1, 65535);
  if (!webPort.ok) return webPort;
  if (texts.name !== undefined && !isLabName(texts.name)) {
    return err(`--name takes lower-case letters, digits and hyphens, at most 20, not '${texts.name}'`);
  }
  if (texts.data === "") return err("--data takes a folder");
  return ok({
    name: texts.name ?? null,
    router: router.value,
    network: network.value,
    mode: mode.value,
    kubernetes: kubernetes.value,
    nodes: nodes.value,
    dataFolder: texts.data === undefined ? null : resolve(texts.data),
    apiPort: apiPort.value,
    webPort: webPort.value,
  });
}

function oneOf<T extends string>(option: string, text: string, values: readonly T[]): Result<T> {
  const value = values.find((candidate) => candidate === text);
  return value === undefined ? err(`${option} takes ${values.join(", ")}, not '${text}'`) : ok(value);
}

function whole(option: string, text: string, least: number, most: number): Result<number> {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  return value >= least && value <= most
    ? ok(value)
    : err(`${option} takes a whole number from ${least} to ${most}, not '${text}'`);
}
