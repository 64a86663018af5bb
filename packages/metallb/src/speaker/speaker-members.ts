import { encodeMeta, isEligible, type MemberReport, macsOf } from "#gossip";
import { type KubeClient, RESOURCES } from "#kube";
import { type Duration, type Ip, type Mac, parseIp } from "#net";
import { errorText } from "#process";
import type { Dated } from "./dated.ts";
import type { EngineThread } from "./engine-thread.ts";
import type { GossipReport } from "./gossip-entry.ts";
import type { GossipSettings } from "./layer2-settings.ts";

export interface SpeakerMembersOptions {
  readonly client: Pick<KubeClient, "list">;
  readonly namespace: string;
  readonly node: string;
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
const LIST_AGAIN = 5_000;
/** In a cluster of so many speakers each watches all others. */
const WATCH_ALL = 16;

/** Which speakers are alive, as the gossip engine tells it. */
export class SpeakerMembers {
  private readonly options: SpeakerMembersOptions;
  private readonly reports = new Map<string, Dated<MemberReport>>();
  private alive: ReadonlySet<string> = new Set();
  private addresses: readonly Ip[] = [];
  private watched = "";
  private meta = "";
  private hasJoined = false;
  private timers: NodeJS.Timeout[] = [];
  private stopped = false;

  constructor(options: SpeakerMembersOptions) {
    this.options = options;
  }

  start(): void {
    const { node, settings, engines } = this.options;
    const { address, port, key, config } = settings;
    const start = { name: node, at: { address, port }, key, config, meta: encodeMeta([]) };
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

  /** What the others should know of us. */
  tellMacs(macs: readonly Mac[]): void {
    const text = macs.join();
    if (text === this.meta) return;
    this.meta = text;
    this.options.engines.send("gossip", [{ events: [{ kind: "meta", meta: encodeMeta(macs) }] }]);
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
    for (const { name, state } of this.reports.values()) if (isEligible(state)) alive.add(name);
    this.watch();
    if (alive.size === this.alive.size && [...alive].every((name) => this.alive.has(name))) return;
    this.alive = alive;
    this.options.changed();
  }

  private watch(): void {
    const names = this.all()
      .filter(({ name, state }) => name !== this.options.node && state !== "dead" && state !== "left")
      .map(({ name }) => name)
      .sort()
      .slice(0, WATCH_ALL);
    if (names.join() === this.watched) return;
    this.watched = names.join();
    this.options.engines.send("gossip", [{ events: [{ kind: "watch", nodes: names }] }]);
  }

  private async discover(): Promise<void> {
    const { client, namespace, settings, trouble } = this.options;
    let next = LIST_EVERY;
    try {
      const { items } = await client.list(RESOURCES.pods, { namespace }, { labelSelector: settings.labels });
      this.addresses = (items ?? []).flatMap(addressOf).filter(({ value }) => value !== settings.address.value);
      this.join();
    } catch (error) {
      next = LIST_AGAIN;
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

function addressOf(pod: unknown): readonly Ip[] {
  const { podIP } = (pod as { status?: { podIP?: unknown } } | null)?.status ?? {};
  const read = typeof podIP === "string" ? parseIp(podIP) : null;
  return read?.ok ? [read.value] : [];
}
