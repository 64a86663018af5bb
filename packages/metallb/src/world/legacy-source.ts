import { parse } from "yaml";
import {
  ALLOCATED_FROM_POOL,
  decodeBFDProfile,
  decodeBGPAdvertisement,
  decodeBGPPeer,
  decodeCommunity,
  decodeIPAddressPool,
  decodeL2Advertisement,
  type FieldProblem,
  type Service,
} from "#api";
import { compile, type Pool, type Problem, type Resources } from "#config";
import { convertLegacy } from "#legacy";
import { err, formatIp, type Ip, ok, parseIp, type Result, unmap } from "#net";
import type { ConfigText } from "./config-text.ts";
import type { Source, Stores } from "./machine.ts";

export interface LegacyOptions {
  /** Name of the ConfigMap. */
  readonly name: string;
  /** Only Services of this class are served; empty: those without one. */
  readonly loadBalancerClass: string;
  /** Whether a configuration that takes away what Services hold is refused also when it is the first one. */
  readonly isStrictAtStart: boolean;
  /** A configuration was refused, for a reason that was not told before. */
  readonly onRefused: (map: ConfigText, reason: string) => void;
}

/** A configuration as a whole: what it says, and what it gives out. */
interface Candidate {
  readonly resources: Resources;
  readonly pools: readonly Pool[];
}

/**
 * The configuration as the ConfigMap of the first MetalLBs says it (contract 11.1 to 11.3), by the rule of
 * that time: one that is wrong, or in which a Service would lose its address, is refused as a whole, and
 * the one before it stays. It is looked at again as soon as the Services have changed.
 */
export class LegacySource implements Source<"configmaps" | "services"> {
  readonly kinds = ["configmaps", "services"] as const;
  refusals: readonly Problem[] = [];
  private readonly options: LegacyOptions;
  private readFrom: string | null = null;
  private read: Result<Candidate, readonly Reason[]> | null = null;
  private accepted: Candidate | null = null;
  private waitsForServices = false;
  private told = "";

  constructor(options: LegacyOptions) {
    this.options = options;
  }

  readonly concerns = (kind: "configmaps" | "services"): boolean => kind === "configmaps" || this.waitsForServices;

  resources({ configmaps, services }: Stores<"configmaps" | "services">): Resources | null {
    const map = [...configmaps.values()].find(({ name }) => name === this.options.name) ?? null;
    const reasons = this.judge(map, services);
    this.refusals = reasons.map(({ path, message }) => this.problem(path, message));
    const why = reasons.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ");
    if (map !== null && why !== "" && why !== this.told) this.options.onRefused(map, why);
    this.told = why;
    return this.accepted?.resources ?? null;
  }

  /** Takes the configuration over, or says why not. */
  private judge(map: ConfigText | null, services: ReadonlyMap<string, Service>): readonly Reason[] {
    this.waitsForServices = false;
    if (map === null) return [reason("", "there is no such ConfigMap in this namespace")];
    if (map.text === null) return [reason("data", "there is no key config")];
    if (this.read === null || this.readFrom !== map.text) {
      this.read = readConfig(map.text, map.namespace);
      this.readFrom = map.text;
    }
    if (!this.read.ok) return this.read.error;
    if (this.read.value === this.accepted) return [];
    const loser = this.loser(this.read.value, services);
    if (loser !== null) {
      this.waitsForServices = true;
      return [reason("address-pools", `new config not compatible with assigned IPs: ${loser}`)];
    }
    this.accepted = this.read.value;
    return [];
  }

  /** A Service that would lose its address; null: none. */
  private loser({ pools }: Candidate, services: ReadonlyMap<string, Service>): string | null {
    const { loadBalancerClass, isStrictAtStart } = this.options;
    const before = this.accepted?.pools ?? null;
    if (before === null && !isStrictAtStart) return null;
    for (const { key, type, loadBalancerClass: ofService, ingress, annotations } of services.values()) {
      if (type !== "LoadBalancer" || (ofService ?? "") !== loadBalancerClass) continue;
      const isOurs = annotations[ALLOCATED_FROM_POOL] !== undefined;
      for (const { ip } of ingress) {
        const parsed = parseIp(ip ?? "");
        if (!parsed.ok) continue;
        const address = unmap(parsed.value);
        if ((isOurs || (before !== null && gives(before, address))) && !gives(pools, address))
          return `Service ${key} has ${formatIp(address)}, which no pool would give`;
      }
    }
    return null;
  }

  private problem(path: string, message: string): Problem {
    return {
      kind: "ConfigMap",
      name: this.options.name,
      path,
      code: "refusedConfig",
      message: message.slice(0, MAX_MESSAGE),
      transient: false,
      nodes: null,
    };
  }
}

interface Reason {
  readonly path: string;
  readonly message: string;
}

const MAX_MESSAGE = 500;
const MAX_REASONS = 20;

const reason = (path: string, message: string): Reason => ({ path, message });

const gives = (pools: readonly Pool[], address: Ip): boolean =>
  pools.some(({ addresses, avoidBuggyIPs }) => addresses.has(address) && !(avoidBuggyIPs && isBuggy(address)));

const isBuggy = ({ family, value }: Ip): boolean => {
  const last = value & 0xffn;
  return family === 4 && (last === 0n || last === 255n);
};

/** The whole configuration, or what is wrong with it anywhere. */
function readConfig(text: string, namespace: string): Result<Candidate, readonly Reason[]> {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 20 });
  } catch (error) {
    return err([
      reason("data.config", `no YAML: ${(error instanceof Error ? error.message : String(error)).split("\n", 1)[0]}`),
    ]);
  }
  const converted = convertLegacy(value, namespace, { keepNames: true });
  if (!converted.ok) return err(converted.error.slice(0, MAX_REASONS));
  const reasons: Reason[] = [];
  const all = <T>(kind: string, decode: (object: unknown) => Result<T, readonly FieldProblem[]>): T[] =>
    converted.value.objects
      .filter((object) => object.kind === kind)
      .flatMap((object) => {
        const decoded = decode(object);
        if (decoded.ok) return [decoded.value];
        for (const { path, message } of decoded.error)
          reasons.push(reason(`${kind} ${object.metadata.name}`, `${path}: ${message}`));
        return [];
      });
  const resources: Resources = {
    pools: all("IPAddressPool", decodeIPAddressPool),
    communities: all("Community", decodeCommunity),
    bgpAdvertisements: all("BGPAdvertisement", decodeBGPAdvertisement),
    l2Advertisements: all("L2Advertisement", decodeL2Advertisement),
    peers: all("BGPPeer", decodeBGPPeer),
    bfdProfiles: all("BFDProfile", decodeBFDProfile),
    namespaces: [],
    secrets: new Map(),
    malformed: [],
  };
  const { problems, config } = compile(resources);
  for (const { kind, name, message } of problems) reasons.push(reason(`${kind} ${name}`, message));
  return reasons.length > 0 ? err(reasons.slice(0, MAX_REASONS)) : ok({ resources, pools: config.pools });
}
