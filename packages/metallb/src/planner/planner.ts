import type { EndpointSlice, Node, Service } from "#api";
import type { PeerSettings } from "#bgp";
import type { Config } from "#config";
import type { Ip } from "#net";
import { AttributeTable } from "./attributes.ts";
import { BgpContext, bgpVerdict, sameRoutes } from "./bgp-context.ts";
import { OtherAnnouncers } from "./drain.ts";
import { Layer2Election } from "./layer2.ts";
import { Layer2Claims } from "./layer2-claims.ts";
import { Layer2Sharers } from "./layer2-sharers.ts";
import { foreign, sameNode } from "./node-facts.ts";
import { NO_PEERS, type PeerProblem, peerDifference, planPeers } from "./peers.ts";
import type { Changes, DrainPhase, Plan, PlanDifference, Route, Verdict, World } from "./plan.ts";
import { KeptPools } from "./pools.ts";
import { type Holders, PrefixHolders, type PrefixKey, prefixKey, prefixOfKey } from "./prefix-holders.ts";
import type { Reason } from "./reasons.ts";
import { routeDifference } from "./route-difference.ts";
import {
  type ClassSpec,
  endpointState,
  endpointsOn,
  type Held,
  holdingOf,
  type ServiceClass,
  ServiceClasses,
} from "./service-class.ts";
import { ServiceEntries, sameIps } from "./service-entries.ts";

export interface PlannerOptions {
  readonly nodeName: string;
  /** Null: Services without a class; else those of exactly this class. */
  readonly loadBalancerClass: string | null;
  readonly ignoreExcludeLabel: boolean;
  /** SHA-256 of a text in UTF-8: 32 octets. For the layer-2 election. */
  readonly sha256: (text: string) => Uint8Array;
}

const NOTHING: PlanDifference = {
  routes: [],
  peersSet: [],
  peersRemoved: [],
  routesAfter: [],
  layer2: { announce: [], withdraw: [] },
  verdicts: [],
};

const EVERYTHING: Changes = { services: new Set(), nodes: new Set(), config: true };

/** What the whole world looks like from this node, at once: the definition that `Planner.update` is held against. */
export function plan(world: World, options: PlannerOptions, drain: DrainPhase = "none"): Plan {
  const planner = new Planner(options);
  planner.update(world, EVERYTHING, drain);
  return planner.plan;
}

/**
 * Keeps the plan of one node by difference. A change of one Service costs what that Service has; a
 * change of the own node or of the peers costs what the classes of Services are many; a change of the
 * configuration costs the Services of the pools that differ.
 */
export class Planner {
  private readonly options: PlannerOptions;
  private readonly attributes = new AttributeTable();
  private readonly classes = new ServiceClasses();
  private readonly entries = new ServiceEntries(this.classes);
  private readonly holders = new PrefixHolders();
  private readonly election: Layer2Election;
  private readonly claims = new Layer2Claims();
  private readonly sharers = new Layer2Sharers();
  private readonly others: OtherAnnouncers;
  private config: Config | null = null;
  private readonly pools = new KeptPools();
  private context: BgpContext | null = null;
  /** The own node as it was last known: a deleted Node object is no reason to withdraw (contract 1.9). */
  private node: Node | null = null;
  /** Prefixes whose holders changed in this update, with the holders before. */
  private touched = new Map<PrefixKey, Holders>();
  /** Peers that this node should have and cannot, or not wholly. */
  peerProblems: readonly PeerProblem[] = [];

  constructor(options: PlannerOptions) {
    this.options = options;
    this.election = new Layer2Election(options);
    this.others = new OtherAnnouncers(options);
  }

  /** A live view: it changes with `update`. */
  get plan(): Plan {
    return {
      peers: this.context?.parts.peers ?? new Map<string, PeerSettings>(),
      tables: [...(this.context?.parts.tables.keys() ?? [])],
      routes: (table) => this.routes(table),
      ...this.claims.view,
      wantsLease: this.election.wantsLease,
      verdict: (key, service) => this.verdict(key, service),
    };
  }

  /** Takes what differs and gives the way from the plan before to the plan now. */
  update(world: World, changes: Changes, drain: DrainPhase = "none"): PlanDifference {
    const { config } = world;
    if (config === null) return NOTHING;
    const before = this.context;
    const node = world.nodes.get(this.options.nodeName) ?? this.node;
    const isFirst = before === null;
    const isOther = isFirst || (changes.config && config !== this.config);
    const keys = new Set(isFirst ? world.services.keys() : changes.services);
    if (isOther) for (const key of this.adoptPools(config)) keys.add(key);
    const isAsked = isOther || changes.nodes.size > 0 || changes.members === true;
    const othersDiffer = this.others.look(drain, isAsked, () => ({ world, config, pools: this.pools.all }));
    if (othersDiffer) for (const key of this.entries.keys()) keys.add(key);
    if (isOther || drain !== before.parts.drain || !sameNode(node, this.node))
      this.context = this.newContext(config, node, drain);
    this.config = config;
    this.node = node;
    const context = this.context as BgpContext;
    if (isAsked && this.election.refresh(world, this.pools.layer2)) for (const key of this.claims.keys()) keys.add(key);
    for (const key of keys)
      for (const other of this.sharers.look(key, this.ours(world.services.get(key)))) keys.add(other);
    const verdicts = this.decideAll(world, keys, before, context);
    return this.difference(before, context, verdicts);
  }

  private decideAll(
    world: World,
    keys: ReadonlySet<string>,
    before: BgpContext | null,
    context: BgpContext,
  ): readonly string[] {
    const changed = before && before !== context ? this.changedClasses(before, context) : null;
    const verdicts: string[] = [];
    for (const key of keys) if (this.decide(world, key, before, context)) verdicts.push(key);
    if (changed && changed.size > 0)
      for (const key of this.entries.keys())
        if (!keys.has(key) && changed.has(this.entries.classOf(key))) verdicts.push(key);
    return verdicts;
  }

  private changedClasses(before: BgpContext, context: BgpContext): ReadonlySet<ServiceClass> {
    return new Set([...this.classes].filter((each) => before.effect(each).text !== context.effect(each).text));
  }

  private difference(before: BgpContext | null, context: BgpContext, verdicts: readonly string[]): PlanDifference {
    const { peersSet, peersRemoved } = this.peersBetween(before, context);
    // Where neither tables nor what classes say in them differ, only the prefixes that were touched can.
    const isSame = before !== null && (before === context || this.saysTheSame(before, context));
    const { routes, after } = routeDifference(isSame ? context : before, context, this.touched, this.holders);
    this.touched = new Map();
    this.classes.sweep();
    return { routes, peersSet, peersRemoved, routesAfter: after, layer2: this.claims.take(), verdicts };
  }

  private peersBetween(
    before: BgpContext | null,
    { parts }: BgpContext,
  ): Pick<PlanDifference, "peersSet" | "peersRemoved"> {
    if (before?.parts === parts) return NOTHING;
    const { set, removed } = peerDifference(before?.parts.peers ?? new Map(), parts.peers);
    return { peersSet: set, peersRemoved: removed };
  }

  private saysTheSame(before: BgpContext, context: BgpContext): boolean {
    const [a, b] = [before.parts.tables, context.parts.tables];
    if (a.size !== b.size) return false;
    // A table is named by the advertisements whose routes stand in it.
    for (const name of b.keys()) if (!a.has(name)) return false;
    for (const each of this.classes) if (!sameRoutes(before.effect(each), context.effect(each))) return false;
    return true;
  }

  /** Whether this node is drained and something stands that no other node would announce. */
  get isLast(): boolean {
    const { context } = this;
    return context !== null && this.classes.some(({ spec }) => spec.kind === "held" && spec.isLast, context);
  }

  private newContext(config: Config, node: Node | null, drain: DrainPhase): BgpContext {
    const { nodeName, ignoreExcludeLabel } = this.options;
    const { settings, tables, problems } =
      drain === "closed" ? NO_PEERS : planPeers(config, node?.labels ?? {}, this.context?.parts.peers);
    this.peerProblems = problems;
    const { classes, attributes } = this;
    return new BgpContext({ nodeName, node, ignoreExcludeLabel, drain, peers: settings, tables, classes, attributes });
  }

  /** Takes the pools of another configuration; gives the Services that must be looked at for it. */
  private *adoptPools(config: Config): Generator<string> {
    const kept = this.pools.adopt(config);
    const affected = new Set(
      [...this.classes].filter(({ spec }) =>
        spec.kind === "held" ? !(spec.isOwn && kept.has(spec.pool)) : spec.reason.reason === "ipNotAllowed",
      ),
    );
    if (affected.size === 0) return;
    for (const key of this.entries.keys()) if (affected.has(this.entries.classOf(key))) yield key;
  }

  /** True when the verdict of either protocol differs. */
  private decide(world: World, key: string, before: BgpContext | null, context: BgpContext): boolean {
    const old = this.entries.get(key);
    const service = this.ours(world.services.get(key));
    if (!service) {
      if (!old) return false;
      this.hold(key, null, []);
      this.claims.set(key, null, []);
      return true;
    }
    const holding = holdingOf(service, this.pools.lookup);
    const isRefused = "reason" in holding;
    const ips = isRefused ? [] : holding.ips;
    const now = isRefused
      ? this.classes.refused(holding)
      : this.classOf(service, holding, () => world.endpointSlices(key));
    const takesPart = !isRefused && holding.pool.l2Advertisements.length > 0;
    const layer2 = takesPart ? this.election.decide(service, world.endpointSlices(key), holding, this.sharers) : null;
    const layer2Differs = this.claims.set(key, layer2, ips);
    const isSame =
      old &&
      before &&
      sameIps(old.ips, ips) &&
      before.effect(old.of).text === context.effect(now).text &&
      poolNameOf(old.of) === poolNameOf(now);
    if (!old || old.of !== now || !sameIps(old.ips, ips)) this.hold(key, now, ips);
    return !isSame || layer2Differs;
  }

  private ours = (service: Service | undefined): Service | undefined =>
    service && !foreign(service, this.options.loadBalancerClass) ? service : undefined;

  private classOf(service: Service, holding: Held, slices: () => Iterable<EndpointSlice>): ServiceClass {
    const { nodeName } = this.options;
    const endpoints = endpointState(service, slices(), nodeName);
    const isLast = this.others.isLast(service, slices, holding);
    return this.classes.held(service, holding, endpoints, () => endpointsOn(slices(), nodeName), isLast);
  }

  /** The Service is of this class with these addresses; null: it is none of ours any more. */
  private hold(key: string, now: ServiceClass | null, ips: readonly Ip[]): void {
    const old = this.entries.get(key);
    if (old) {
      this.eachPrefix(old.of, old.ips, (prefix) => this.holders.remove(prefix, old.of.id));
      this.classes.leave(old.of);
    }
    if (now) {
      this.classes.take(now);
      this.entries.set(key, now, ips);
      this.eachPrefix(now, ips, (prefix) => this.holders.add(prefix, now.id));
    } else this.entries.delete(key);
  }

  private eachPrefix({ spec }: ServiceClass, ips: readonly Ip[], act: (prefix: PrefixKey) => void): void {
    if (spec.kind === "refused") return;
    for (const prefix of prefixesOf(spec, ips)) {
      if (!this.touched.has(prefix)) this.touched.set(prefix, this.holders.of(prefix));
      act(prefix);
    }
  }

  private *routes(name: string): Generator<Route> {
    const table = this.context?.parts.tables.get(name);
    if (!table || !this.context) return;
    for (const key of this.holders.prefixes()) {
      const attributes = this.context.attributesOf(table, key, this.context.effectsOf(this.holders.of(key)));
      if (attributes) yield { prefix: prefixOfKey(key), attributes };
    }
  }

  private verdict(key: string, service: Service | undefined): Verdict {
    const both = (reason: Reason): Verdict => ({
      bgp: { announced: false, ...reason },
      layer2: { announced: false, ...reason },
    });
    if (!service) return both({ reason: "serviceDeleted", facts: {} });
    const none = foreign(service, this.options.loadBalancerClass);
    if (none) return both(none);
    const entry = this.entries.get(key);
    if (!entry || !this.context) return both({ reason: "notPlannedYet", facts: {} });
    const { spec } = entry.of;
    if (spec.kind === "refused") return both(spec.reason);
    return {
      bgp: bgpVerdict(this.context.effect(entry.of), entry.ips),
      layer2: this.claims.verdict(key) ?? {
        announced: false,
        reason: "noL2Advertisement",
        facts: { pool: spec.pool.name },
      },
    };
  }
}

/** Layer 2 says the pool's name where no L2Advertisement speaks of it. */
const poolNameOf = ({ spec }: ServiceClass): string => (spec.kind === "held" ? spec.pool.name : "");

/** Each once: two addresses may be in one aggregate. */
function prefixesOf(spec: Extract<ClassSpec, { kind: "held" }>, ips: readonly Ip[]): ReadonlySet<PrefixKey> {
  const prefixes = new Set<PrefixKey>();
  for (const ip of ips)
    for (const length of ip.family === 4 ? spec.lengths4 : spec.lengths6) prefixes.add(prefixKey(ip, length));
  return prefixes;
}
