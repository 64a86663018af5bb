import type { PeerSettings, TableChange } from "#bgp";
import { type BgpAdvertisement, type Config, PoolLookup } from "#config";
import type { Prefix } from "#net";
import { AttributeTable } from "./attributes.ts";
import { namedIn, type PeerProblem, peerDifference, planPeers } from "./peers.ts";
import type { Changes, Plan, PlanDifference, ProtocolVerdict, Route, Verdict, World } from "./plan.ts";
import { RouteSet } from "./route-set.ts";
import { type BgpDecision, decideBgp, type NodeFacts, type WantedRoute } from "./verdict.ts";

export interface PlannerOptions {
  readonly nodeName: string;
  /** Null: Services without a class; else those of exactly this class. */
  readonly loadBalancerClass: string | null;
  readonly ignoreExcludeLabel: boolean;
}

const NOTHING: PlanDifference = { routes: [], peersSet: [], peersRemoved: [], routesAfter: [], verdicts: [] };

/** What the whole world looks like from this node, at once: the definition that `Planner.update` is held against. */
export function plan(world: World, options: PlannerOptions): Plan {
  const planner = new Planner(options);
  planner.update(world, { services: new Set(), nodes: new Set(), config: true });
  return planner.plan;
}

/** Keeps the plan of one node by difference: a change of one Service costs what that Service has. */
export class Planner {
  private readonly options: PlannerOptions;
  private readonly attributes = new AttributeTable();
  private config: Config | null = null;
  private pools: PoolLookup | null = null;
  private facts: NodeFacts | null = null;
  private peers: ReadonlyMap<string, PeerSettings> = new Map();
  private routeSets = new Map<string, RouteSet>();
  private readonly told = new Map<string, Map<string, Route>>();
  private wanted = new Map<string, readonly WantedRoute[]>();
  private readonly verdicts = new Map<string, Verdict>();
  /** Peers that this node should have and cannot. */
  peerProblems: readonly PeerProblem[] = [];

  constructor(options: PlannerOptions) {
    this.options = options;
  }

  /** A live view: it changes with `update`. */
  get plan(): Plan {
    return { peers: this.peers, tables: this.told, verdicts: this.verdicts };
  }

  /** Takes what differs and gives the way from the plan before to the plan now. */
  update(world: World, changes: Changes): PlanDifference {
    if (world.config === null) return NOTHING;
    const everything = changes.config ? world.config !== this.config || this.facts === null : false;
    if (everything || changes.nodes.has(this.options.nodeName) || this.facts === null) {
      if (everything || this.nodeDiffers(world)) return this.planAll(world, world.config);
    }
    if (changes.services.size === 0) return NOTHING;
    const verdicts = [...changes.services].filter((key) => this.planService(world, key));
    return { ...NOTHING, routes: this.takeRoutes(), verdicts };
  }

  private nodeDiffers(world: World): boolean {
    const [before, after] = [this.facts?.node, world.nodes.get(this.options.nodeName)];
    if (!before || !after) return before !== (after ?? null);
    return (
      before.networkUnavailable !== after.networkUnavailable ||
      JSON.stringify(before.labels) !== JSON.stringify(after.labels)
    );
  }

  /** The configuration or the own node changed: every Service is decided anew, and only differences go out. */
  private planAll(world: World, config: Config): PlanDifference {
    const { nodeName, ignoreExcludeLabel } = this.options;
    const node = world.nodes.get(nodeName) ?? null;
    const { settings, problems } = planPeers(config, node?.labels ?? {}, this.peers);
    const { set, removed } = peerDifference(this.peers, settings);
    if (config !== this.config) this.pools = new PoolLookup(config);
    this.config = config;
    this.peers = settings;
    this.peerProblems = problems;
    this.facts = { name: nodeName, node, ignoreExcludeLabel, peers: new Set(settings.keys()) };
    this.routeSets = new Map(
      [...new Set([...settings.values()].map(({ table }) => table))].map((table) => [
        table,
        new RouteSet(this.attributes, namedIn(table)),
      ]),
    );
    this.wanted = new Map();
    const verdicts: string[] = [];
    for (const key of new Set([...world.services.keys(), ...this.verdicts.keys()]))
      if (this.planService(world, key)) verdicts.push(key);
    for (const [table, routes] of this.routeSets) routes.touchAll(this.told.get(table) ?? new Map());
    const routes = this.takeRoutes();
    return { routes, peersSet: set, peersRemoved: removed, routesAfter: this.dropUnusedTables(), verdicts };
  }

  /** True when the verdict differs. */
  private planService(world: World, key: string): boolean {
    const { pools, facts } = this;
    if (!pools || !facts) return false;
    this.want(key, []);
    const service = world.services.get(key);
    const ours = service?.type === "LoadBalancer" && service.loadBalancerClass === this.options.loadBalancerClass;
    const before = this.verdicts.get(key);
    if (!service || !ours) return this.verdicts.delete(key);
    const decision = decideBgp(service, world.endpointSlices(key), pools, facts);
    if (decision.announced) this.want(key, decision.routes);
    const verdict: Verdict = {
      bgp: bgpVerdict(decision),
      layer2: { announced: false, reason: "layer2Later", facts: {} },
    };
    if (before && sameVerdict(before.bgp, verdict.bgp)) return false;
    this.verdicts.set(key, verdict);
    return true;
  }

  private want(key: string, routes: readonly WantedRoute[]): void {
    for (const { prefix, advertisement } of this.wanted.get(key) ?? [])
      this.inTables(advertisement, (set) => set.remove(prefix, advertisement));
    for (const { prefix, advertisement } of routes)
      this.inTables(advertisement, (set) => set.add(prefix, advertisement));
    if (routes.length > 0) this.wanted.set(key, routes);
    else this.wanted.delete(key);
  }

  private inTables(advertisement: BgpAdvertisement, act: (set: RouteSet) => void): void {
    for (const set of this.routeSets.values())
      if (advertisement.peers === null || set.named.has(advertisement.name)) act(set);
  }

  private takeRoutes(): TableChange[] {
    const changes: TableChange[] = [];
    for (const [table, set] of this.routeSets) {
      let told = this.told.get(table);
      if (!told) {
        told = new Map();
        this.told.set(table, told);
      }
      const change = set.takeChange(table, told);
      if (change) changes.push(change);
    }
    return changes;
  }

  private dropUnusedTables(): TableChange[] {
    const changes: TableChange[] = [];
    for (const [table, told] of this.told) {
      if (this.routeSets.has(table)) continue;
      const withdraw: Prefix[] = [...told.values()].map((route) => route.prefix);
      if (withdraw.length > 0) changes.push({ table, announce: [], withdraw });
      this.told.delete(table);
    }
    return changes;
  }
}

const bgpVerdict = (decision: BgpDecision): ProtocolVerdict =>
  decision.announced ? { announced: true, ips: decision.ips, peers: decision.peers } : decision;

function sameVerdict(a: ProtocolVerdict, b: ProtocolVerdict): boolean {
  if (a.announced && b.announced) return sameList(a.ips, b.ips) && sameList(a.peers, b.peers);
  return !a.announced && !b.announced && a.reason === b.reason && JSON.stringify(a.facts) === JSON.stringify(b.facts);
}

const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((each, i) => each === b[i]);
