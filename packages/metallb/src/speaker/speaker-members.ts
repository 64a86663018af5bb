import {
  encodeMeta,
  isEligible,
  type MemberReport,
  macsOf,
  readMeta,
  type SpeakerLink,
  type SpeakerMeta,
} from "#gossip";
import { ApiError, type KubeClient, RESOURCES } from "#kube";
import { backoff, type Duration, type Ip, type Mac, parseIp } from "#net";
import { WATCH_ALL } from "#planner";
import { errorText } from "#process";
import type { Dated } from "./dated.ts";
import type { EngineThread } from "./engine-thread.ts";
import type { GossipReport } from "./gossip-entry.ts";
import type { GossipSettings } from "./layer2-settings.ts";

export interface SpeakerMembersOptions {
  readonly client: Pick<KubeClient, "list">;
  readonly namespace: string;
  readonly node: string;
  /** Whether the API knows a node of this name. */
  readonly isNode: (name: string) => boolean;
  readonly settings: GossipSettings;
  readonly engines: Pick<EngineThread, "send">;
  /** Who takes part in elections differs. */
  readonly changed: () => void;
  /** A member came back that was lost: neighbours may have been told otherwise meanwhile. */
  readonly healed: () => void;
  readonly trouble: (message: string) => void;
}

/** How often the API is asked where speakers run, and how often those who are no members are asked in. Milliseconds. */
const LIST_EVERY = 300_000;
const JOIN_EVERY = 60_000;
const LIST_AGAIN = { first: 2_000, max: 60_000 };
/** Whom one speaker watches at most. */
const MOST_WATCHED = 64;
const NOTHING = new Uint8Array();

/** Which speakers are alive, as the gossip engine tells it. */
export class SpeakerMembers {
  private readonly options: SpeakerMembersOptions;
  private readonly reports = new Map<string, Dated<MemberReport>>();
  private alive: ReadonlySet<string> = new Set();
  private addresses: readonly Ip[] = [];
  /** Nodes where a speaker is said to run. */
  private homes: ReadonlySet<string> = new Set();
  private owners: ReadonlyMap<string, number> = new Map();
  private watched = "";
  /** Lists in a row that failed. */
  private failures = 0;
  private meta: Uint8Array = encodeMeta(null);
  private metas: ReadonlyMap<string, Uint8Array> = new Map();
  private told: ReadonlyMap<string, SpeakerMeta> = new Map();
  private hasJoined = false;
  private timers: NodeJS.Timeout[] = [];
  private stopped = false;

  constructor(options: SpeakerMembersOptions) {
    this.options = options;
  }

  start(): void {
    const { node, settings, engines } = this.options;
    const { address, port, key, config } = settings;
    const start = { name: node, at: { address, port }, key, config, meta: this.meta };
    engines.send("gossip", [{ start, events: [] }]);
    void this.discover();
    this.every(JOIN_EVERY, () => this.join());
  }

  stop(): void {
    this.stopped = true;
    for (const timer of this.timers) clearTimeout(timer);
  }

  /** Those that take part in elections; nobody until we know whom there is. */
  get eligible(): ReadonlySet<string> {
    return this.alive;
  }

  all(): readonly Dated<MemberReport>[] {
    return [...this.reports.values()];
  }

  /** MAC addresses with which the other speakers answer. */
  macs(): readonly Mac[] {
    return this.all().flatMap(({ name, meta }) => (name === this.options.node ? [] : macsOf(meta)));
  }

  /** What our speakers told of their interfaces: another map whenever it differs. MetalLB's own are not in it. */
  get speakers(): ReadonlyMap<string, SpeakerMeta> {
    return this.told;
  }

  /** What the others should know of us. */
  tellLinks(links: readonly SpeakerLink[]): void {
    const meta = encodeMeta(links);
    if (Buffer.from(meta).equals(this.meta)) return;
    this.meta = meta;
    this.options.engines.send("gossip", [{ events: [{ kind: "meta", meta }] }]);
    this.settle();
  }

  take(report: GossipReport): void {
    if (report.kind === "unavailable") return this.options.trouble(`other speakers cannot be heard: ${report.reason}`);
    if (report.kind === "healed") return this.options.healed();
    if (report.kind === "joined") this.hasJoined = true;
    else {
      const before = this.reports.get(report.member.name);
      this.reports.set(report.member.name, report.member);
      if (before && !isEligible(before.state) && isEligible(report.member.state)) this.options.healed();
    }
    this.settle();
  }

  private settle(): void {
    if (!this.hasJoined) return;
    const { node } = this.options;
    const alive = new Set([node]);
    // As the others read it, so that all decide from the same.
    const metas = new Map<string, Uint8Array>([[node, this.meta]]);
    for (const { name, state, meta } of this.reports.values())
      if (name !== node && isEligible(state)) {
        alive.add(name);
        metas.set(name, meta);
      }
    const isSame = alive.size === this.alive.size && [...alive].every((name) => this.alive.has(name));
    const toldOtherwise = this.learn(metas);
    this.alive = alive;
    this.watch();
    if (!isSame || toldOtherwise) this.options.changed();
  }

  /** Gives whether anybody of ours tells something else than before. */
  private learn(metas: ReadonlyMap<string, Uint8Array>): boolean {
    const before = this.metas;
    const isSame =
      metas.size === before.size &&
      [...metas].every(([name, meta]) => Buffer.compare(before.get(name) ?? NOTHING, meta) === 0);
    if (isSame) return false;
    this.metas = metas;
    const told = new Map<string, SpeakerMeta>();
    for (const [name, meta] of metas) {
      const read = readMeta(meta);
      if (read) told.set(name, read);
    }
    this.told = told;
    return true;
  }

  /** Nodes whose end would make this one announce something, and for how many Services. */
  watchOwners(owners: ReadonlyMap<string, number>): void {
    this.owners = owners;
    if (this.hasJoined) this.watch();
  }

  /**
   * Whether this node sees more than half of the speakers that there should be: those it ever saw that did not say
   * farewell, and those whose Pods the API names, on nodes that it still knows.
   */
  get hasMajority(): boolean {
    const { isNode, node } = this.options;
    const expected = new Set([node, ...this.homes]);
    for (const { name, state } of this.reports.values())
      if (state === "left" && name !== node) expected.delete(name);
      else expected.add(name);
    let [seen, all] = [0, 0];
    for (const name of expected) {
      if (name !== node && !isNode(name)) continue;
      all += 1;
      if (this.alive.has(name)) seen += 1;
    }
    return seen * 2 > all;
  }

  private watch(): void {
    const { node } = this.options;
    const others = this.all().filter(({ name, state }) => name !== node && state !== "dead" && state !== "left");
    // One that is silent is watched on: else it would seem to be back.
    const wanted =
      this.alive.size <= WATCH_ALL
        ? others
        : others.filter(({ name, state }) => state === "silent" || this.owners.has(name));
    const names = wanted
      .map(({ name }) => name)
      .sort((a, b) => (this.owners.get(b) ?? 0) - (this.owners.get(a) ?? 0) || (a < b ? -1 : 1))
      .slice(0, MOST_WATCHED)
      .sort();
    if (names.join() === this.watched) return;
    this.watched = names.join();
    this.options.engines.send("gossip", [{ events: [{ kind: "watch", nodes: names }] }]);
  }

  private async discover(): Promise<void> {
    const { client, namespace, settings, trouble } = this.options;
    let next = LIST_EVERY;
    try {
      const { items } = await client.list(RESOURCES.pods, { namespace }, { labelSelector: settings.labels });
      const before = this.hasMajority;
      this.homes = new Set((items ?? []).flatMap(homeOf));
      if (this.hasMajority !== before) this.options.changed();
      this.addresses = (items ?? []).flatMap(addressOf).filter(({ value }) => value !== settings.address.value);
      this.failures = 0;
      this.join();
    } catch (error) {
      next = Math.max(backoff(LIST_AGAIN, ++this.failures, Math.random()), ApiError.asks(error));
      trouble(`cannot list the Pods of the speakers: ${errorText(error)}`);
    }
    if (!this.stopped) this.timers[0] = setTimeout(() => void this.discover(), next).unref();
  }

  private join(): void {
    this.options.engines.send("gossip", [{ events: [{ kind: "join", addresses: this.addresses }] }]);
  }

  private every(milliseconds: Duration, act: () => void): void {
    this.timers[1] = setInterval(act, milliseconds).unref();
  }
}

function homeOf(pod: unknown): readonly string[] {
  const { nodeName } = (pod as { spec?: { nodeName?: unknown } } | null)?.spec ?? {};
  return typeof nodeName === "string" ? [nodeName] : [];
}

function addressOf(pod: unknown): readonly Ip[] {
  const { podIP } = (pod as { status?: { podIP?: unknown } } | null)?.status ?? {};
  const read = typeof podIP === "string" ? parseIp(podIP) : null;
  return read?.ok ? [read.value] : [];
}
