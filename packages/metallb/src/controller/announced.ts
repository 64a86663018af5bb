import { decodeEndpointSlice, decodeNode, type EndpointSlice, type Node } from "#api";
import { type KubeClient, type KubeObject, RESOURCES, type Reflector, watch } from "#kube";
import type { Instant } from "#net";
import { ClusterVerdicts, decodeTold, type Owner, TOLD } from "#planner";
import { configuration, type Overrides, WatchedWorld } from "#world";
import { AnnouncedWriter } from "./announced-writer.ts";
import { ConditionPace } from "./condition-pace.ts";
import type { ConditionText, WatchedService } from "./watched-service.ts";

export interface AnnouncedParts {
  readonly client: KubeClient;
  readonly namespace: string;
  /** What the watch shows. */
  readonly services: ReadonlyMap<string, WatchedService>;
  readonly flags: Parameters<typeof configuration>[0]["flags"];
  readonly mayWrite: () => boolean;
  readonly trouble: (what: string) => (message: string) => void;
}

/** Milliseconds between two looks: what happens within is looked at once. */
const ROUND = 1_000;
/** Services that are looked at before others get a turn. */
const SLICE = 500;
const SWEEP = 60_000;
/** As many objects as speakers write: with so many, a Service without one may be announced all the same. */
const OWNERS_LIMIT = 5_000;

/** What of the configuration says who announces; peers are known from what speakers tell. */
const ADVERTISEMENT_KINDS = [
  "ipaddresspools",
  "communities",
  "namespaces",
  "bgpadvertisements",
  "l2advertisements",
] as const;

interface Teller {
  readonly node: string;
  readonly told: string;
}

interface Owned extends Owner {
  readonly service: string;
}

/** The cluster's heartbeat of the node has stopped: what its speaker told last is not to be relied on. */
interface SeenNode extends Node {
  readonly lost: boolean;
}

/**
 * Keeps the condition `metallb.io/Announced` of every Service at what the cluster does for it. Reads what
 * the speakers tell, decides nothing, and delays nobody: when it may not read or write, it is silent.
 */
export class Announced {
  private readonly parts: AnnouncedParts;
  private readonly world: WatchedWorld;
  private readonly tellers: Reflector<Teller>;
  private readonly owners: Reflector<Owned>;
  private readonly verdicts: ClusterVerdicts;
  private readonly pace = new ConditionPace();
  private readonly writer: AnnouncedWriter;
  private readonly told = new Map<string, string>();
  private dirty = new Set<string>();
  private readonly nodes = new Set<string>();
  private config = false;
  private timer: NodeJS.Timeout | null = null;
  private sweptAt = 0;
  private isRunning = false;

  constructor(parts: AnnouncedParts) {
    this.parts = parts;
    const { client, namespace, mayWrite, trouble, flags } = parts;
    this.verdicts = new ClusterVerdicts(flags["lb-class"] || null);
    const { source, overrides } = configuration({ flags, kinds: ADVERTISEMENT_KINDS });
    this.world = new WatchedWorld({
      client,
      namespace,
      kinds: ["endpointslices", "nodes"],
      source,
      overrides: { ...LEAN, ...overrides },
      trouble: (what) => trouble(`${what}, for the condition Announced`),
    });
    this.tellers = watch(client, RESOURCES.configurationstates, {
      namespace,
      labelSelector: "metallb.io/component-type=speaker",
      project: teller,
      same: (a, b) => a.told === b.told,
      onTrouble: trouble("configurationstates, for the condition Announced"),
    });
    this.owners = watch(client, RESOURCES.servicel2statuses, {
      namespace,
      project: owned,
      indexes: { service: ({ service }) => [service] },
      same: (a, b) => a.service === b.service && a.node === b.node && String(a.interfaces) === String(b.interfaces),
      onTrouble: trouble("servicel2statuses, for the condition Announced"),
    });
    this.writer = new AnnouncedWriter(client, mayWrite, trouble("services/status"));
  }

  /** Called by whoever leads, once the Services are read. Resolves when all is known that conditions are made of. */
  async start(): Promise<void> {
    this.world.onChange = () => this.schedule();
    this.tellers.onChange((keys) => this.tellersChanged(keys));
    this.owners.onChange((keys) => this.ownersChanged(keys));
    this.tellers.start();
    this.owners.start();
    await Promise.all([this.world.start(), this.tellers.synced, this.owners.synced]);
    this.isRunning = true;
    this.everything();
  }

  servicesChanged(keys: Iterable<string>): void {
    for (const key of keys) this.dirty.add(key);
    this.schedule();
  }

  async stop(): Promise<void> {
    this.isRunning = false;
    if (this.timer) clearTimeout(this.timer);
    this.world.stop();
    this.tellers.stop();
    this.owners.stop();
    await this.writer.stop();
  }

  private everything(): void {
    for (const key of this.parts.services.keys()) this.dirty.add(key);
    this.schedule();
  }

  private tellersChanged(keys: ReadonlySet<string>): void {
    for (const key of keys) {
      const before = this.told.get(key);
      const now = this.tellers.store.get(key)?.node;
      if (before !== undefined) this.nodes.add(before);
      if (now !== undefined) this.nodes.add(now);
      if (now === undefined) this.told.delete(key);
      else this.told.set(key, now);
    }
    this.schedule();
  }

  /** Of one that is gone the Service is no longer known: then all that say a node owns them are looked at. */
  private ownersChanged(keys: ReadonlySet<string>): void {
    let isGone = false;
    for (const key of keys) {
      const owner = this.owners.store.get(key);
      if (owner) this.dirty.add(owner.service);
      else isGone = true;
    }
    if (isGone)
      for (const { key, announced } of this.parts.services.values())
        if (announced?.status === "True") this.dirty.add(key);
    this.schedule();
  }

  private schedule(): void {
    if (this.timer || !this.isRunning) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      void this.round();
    }, ROUND);
    this.timer.unref();
  }

  private async round(): Promise<void> {
    this.takeWorld();
    const keys = [...this.dirty];
    this.dirty = new Set();
    const now = performance.now();
    if (now - this.sweptAt > SWEEP) {
      this.sweptAt = now;
      this.pace.sweep(now);
    }
    for (const [i, key] of keys.entries()) {
      if (i % SLICE === SLICE - 1) await new Promise((resolve) => setImmediate(resolve));
      if (!this.isRunning) return;
      if (!this.look(key, now)) this.dirty.add(key);
    }
    if (this.dirty.size > 0) this.schedule();
  }

  private takeWorld(): void {
    const { services, nodes, config } = this.world.take();
    for (const key of services) this.dirty.add(key);
    for (const name of nodes) this.nodes.add(name);
    this.config ||= config;
    if (!this.config && this.nodes.size === 0) return;
    if (this.config && this.world.config) this.verdicts.configured(this.world.config);
    const tellers = new Map([...this.tellers.store.values()].map(({ node, told }) => [node, told]));
    for (const name of this.nodes) {
      const node = this.world.nodes.get(name) as SeenNode | undefined;
      const told = node?.lost === false ? decodeTold(tellers.get(name)) : null;
      this.verdicts.setNode(name, node ? { name, labels: node.labels, told } : null);
    }
    this.nodes.clear();
    this.config = false;
    for (const key of this.parts.services.keys()) this.dirty.add(key);
  }

  /** False: it is to be looked at again. */
  private look(key: string, now: Instant): boolean {
    const service = this.parts.services.get(key);
    if (!service) {
      this.pace.forget(key);
      this.writer.forget(key);
      return true;
    }
    const stands = service.announced ?? null;
    const wanted = this.wanted(service);
    if (wanted === "unknown" || isSame(stands, wanted)) {
      this.writer.forget(key);
      return true;
    }
    if (!this.pace.may(key, stands, wanted, now)) return false;
    this.writer.want(key, wanted, stands?.status === wanted?.status ? (stands?.since ?? null) : null);
    return true;
  }

  private wanted(service: WatchedService): ConditionText | null | "unknown" {
    const owners = [...this.owners.store.by("service", service.key)].filter(({ node }) => !this.isLost(node));
    const verdict = this.verdicts.verdict({ service, slices: this.world.endpointSlices(service.key), owners });
    if (verdict === null) return null;
    if (verdict.announced) return { status: "True", reason: "Announced", message: bounded(verdict.message) };
    // Where no speaker ever told anything this is no cluster that announces: a condition would say nothing.
    if (this.tellers.store.size === 0 && service.announced === undefined) return "unknown";
    if (verdict.reason === "noOwner" && this.owners.store.size >= OWNERS_LIMIT) return "unknown";
    return { status: "False", reason: verdict.reason, message: bounded(verdict.message) };
  }

  private isLost(name: string): boolean {
    return (this.world.nodes.get(name) as SeenNode | undefined)?.lost === true;
  }
}

const MAX_MESSAGE = 1_000;
const bounded = (text: string): string => (text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE)}…` : text);

const isSame = (a: ConditionText | null, b: ConditionText | null): boolean =>
  a?.status === b?.status && a?.reason === b?.reason && a?.message === b?.message;

function teller(object: unknown): Teller | null {
  const { metadata } = object as KubeObject;
  const node = metadata?.labels?.["metallb.io/node-name"];
  const told = metadata?.annotations?.[TOLD];
  return node === undefined || told === undefined ? null : { node, told };
}

function owned(object: unknown): Owned | null {
  const { status } = object as {
    readonly status?: {
      readonly node?: string;
      readonly serviceName?: string;
      readonly serviceNamespace?: string;
      readonly interfaces?: readonly { readonly name?: string }[];
    };
  };
  if (!status?.node || !status.serviceName) return null;
  const interfaces = (status.interfaces ?? []).map(({ name = "" }) => name);
  return { service: `${status.serviceNamespace}/${status.serviceName}`, node: status.node, interfaces };
}

/** Of slices only where something serves is kept; of nodes the labels, and whether they answer. */
const LEAN: Overrides = {
  endpointslices: {
    project: (object) => {
      const slice = decodeEndpointSlice(object);
      if (!slice || slice.serviceKey === null) return null;
      const nodes = new Set(slice.endpoints.filter(({ serving }) => serving).map(({ nodeName }) => nodeName));
      const endpoints = [...nodes].map((nodeName) => ({ nodeName, serving: true, hasAddress: true }));
      return { ...NOTHING, serviceKey: slice.serviceKey, endpoints } satisfies EndpointSlice;
    },
  },
  nodes: {
    project: (object): SeenNode | null => {
      const node = decodeNode(object);
      return node && { ...node, lost: isLost(object) };
    },
    same: (a, b) =>
      (a as SeenNode).lost === (b as SeenNode).lost && JSON.stringify(a.labels) === JSON.stringify(b.labels),
  },
};

const NOTHING = { key: "", namespace: "", name: "", uid: "", resourceVersion: "" } as const;

function isLost(object: unknown): boolean {
  const { status } = object as {
    readonly status?: { readonly conditions?: readonly { readonly type?: string; readonly status?: string }[] };
  };
  return (status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "Unknown");
}
