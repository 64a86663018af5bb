import type { Service } from "#api";
import { encodeMeta, isEligible, type MemberReport, type SpeakerLink } from "#gossip";
import type { KubeClient } from "#kube";
import type { AddressCounters, AddressReport } from "#neighbor";
import { formatIp } from "#net";
import type { Layer2Verdict, LeaseHolders, PlanDifference, Planner, SpeakerLinks } from "#planner";
import type { Logger } from "#process";
import type { HostLink } from "#sys";
import type { OwnPod } from "#world";
import type { Recorder } from "./announcements.ts";
import { ConflictConditions } from "./conflict-conditions.ts";
import type { Dated } from "./dated.ts";
import type { EngineThread } from "./engine-thread.ts";
import { Failovers } from "./failovers.ts";
import type { GossipReport } from "./gossip-entry.ts";
import { Layer2Conflicts } from "./layer2-conflicts.ts";
import { Layer2Placer } from "./layer2-placer.ts";
import type { Layer2Settings } from "./layer2-settings.ts";
import { Layer2Status } from "./layer2-status.ts";
import { Layer2Teller } from "./layer2-teller.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { neighborParts, takesPart } from "./neighbor-difference.ts";
import type { NeighborDifference, NeighborReport } from "./neighbor-entry.ts";
import { sha256 } from "./sha256.ts";
import { SpeakerMembers } from "./speaker-members.ts";
import { namesOf, usableLinks } from "./usable-links.ts";

export interface Layer2Options {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly node: string;
  readonly owner: Promise<OwnPod | null>;
  readonly settings: Layer2Settings;
  readonly engines: Pick<EngineThread, "send">;
  readonly planner: Planner;
  readonly services: () => ReadonlyMap<string, Service>;
  /** Whether the API knows a node of this name. */
  readonly isNode: (name: string) => boolean;
  readonly recorder: Recorder;
  readonly log: Logger;
  readonly trouble: (what: string) => (message: string) => void;
  /** Who takes part in elections differs: to be planned anew. */
  readonly changed: () => void;
}

/** Addresses that are remembered to have been used before. */
const MAX_KNOWN = 200_000;

/** Layer 2 in the main thread: from the plan to the neighbour engine, and what is told of it. */
export class Layer2 {
  readonly failovers = new Failovers();
  readonly placer: Layer2Placer;
  readonly addresses = new Map<string, Dated<AddressReport>>();
  readonly counters = new Map<string, AddressCounters>();
  private readonly options: Layer2Options;
  private readonly status: Layer2Status;
  private readonly teller: Layer2Teller;
  private readonly conditions: ConflictConditions;
  private readonly conflicts: Layer2Conflicts;
  private readonly leases: LeaseKeeper;
  private readonly members: SpeakerMembers | null;
  private readonly log: Logger;
  /** Addresses that some node has announced before, as far as this speaker can know. */
  private readonly known = new Set<string>();
  private isStarted = false;
  private isOpen = false;
  private fellows: string | null = null;
  private differs = false;

  constructor(options: Layer2Options) {
    this.options = options;
    this.log = options.log;
    const { client, namespace, node, owner, settings, engines, trouble } = options;
    this.status = new Layer2Status({ client, namespace, node, owner, trouble: trouble("servicel2statuses") });
    this.teller = new Layer2Teller({ node, recorder: options.recorder, status: this.status, log: options.log });
    this.conditions = new ConflictConditions({
      client,
      service: (key) => options.services().get(key),
      trouble: trouble("services/status"),
    });
    this.conflicts = new Layer2Conflicts({
      ...options,
      conditions: this.conditions,
      holdersOf: (address) => this.teller.holdersOf(address),
    });
    this.placer = new Layer2Placer({
      client,
      node,
      plan: () => options.planner.plan,
      members: () => this.eligible,
      sha256,
      trouble: trouble("placement"),
    });
    this.leases = new LeaseKeeper({
      ...{ client, namespace, node, owner },
      duration: settings.leaseDuration,
      isHeard: (name) => this.isHeard(name),
      fence: (fencedUntil) => engines.send("neighbor", [{ events: [], fencedUntil }]),
      changed: () => this.differ(),
      trouble: trouble("leases"),
    });
    const { gossip } = settings;
    this.members =
      gossip === null
        ? null
        : new SpeakerMembers({
            client,
            namespace,
            node,
            isNode: options.isNode,
            settings: gossip,
            engines,
            changed: () => this.membersDiffer(),
            healed: () => {
              if (this.isOpen) this.send([{ kind: "announce-again", address: null }]);
            },
            trouble: trouble("speakers"),
          });
  }

  start(): void {
    this.status.start();
    this.members?.start();
  }

  /** Before the engines say farewell: others take over what is fenced. */
  async handOver(): Promise<void> {
    await this.leases.stop();
  }

  async stop(): Promise<void> {
    this.members?.stop();
    await this.placer.stop();
    await this.conditions.stop();
    await this.status.stop();
  }

  /** For elections; null: all nodes that the API knows. */
  get eligible(): ReadonlySet<string> | null {
    return this.members?.eligible ?? null;
  }

  /** What our speakers told of their interfaces; null: nothing is known. */
  get speakers(): ReadonlyMap<string, SpeakerLinks> | null {
    return this.members?.speakers ?? null;
  }

  /** Whether this node sees most of the speakers. */
  get hasMajority(): boolean {
    return this.members?.hasMajority ?? true;
  }

  get leaseHolders(): LeaseHolders | null {
    return this.leases.holders;
  }

  /** Services that this node announces, with their addresses. */
  get announced(): Iterable<readonly [service: string, ips: readonly string[]]> {
    return this.teller.announced();
  }

  get allMembers(): readonly Dated<MemberReport>[] {
    return this.members?.all() ?? [];
  }

  /** Whether the members differ since this was last asked. */
  takeDiffers(): boolean {
    const { differs } = this;
    this.differs = false;
    return differs;
  }

  private membersDiffer(): void {
    this.leases.look();
    this.tellOptions();
    this.differ();
  }

  private differ(): void {
    this.differs = true;
    this.options.changed();
  }

  /** A difference goes to the engine; `applied` is called when it has taken it. */
  apply({ layer2, verdicts }: PlanDifference, applied: () => void): void {
    const services = this.options.services();
    const { plan } = this.options.planner;
    this.leases.want(plan.wantsLease);
    const parts = neighborParts(layer2, {
      isNews: (address) => this.isStarted && !this.known.has(address),
      verdict: (holder) => this.verdict(holder),
      isHeard: (node) => this.isHeard(node),
    });
    for (const { holder, address } of layer2.announce) this.failovers.take(holder, formatIp(address));
    for (const key of verdicts) this.remember(services.get(key));
    this.members?.watchOwners(plan.watched);
    this.placer.look();
    this.isStarted = true;
    this.open(verdicts);
    this.options.engines.send("neighbor", parts, applied);
  }

  private isHeard(node: string): boolean {
    return this.eligible?.has(node) ?? false;
  }

  /** Opens the engine's sockets once layer 2 has something to do on this node, now or when another fails. */
  private open(verdicts: readonly string[]): void {
    if (this.isOpen || !verdicts.some((key) => takesPart(this.verdict(key)))) return;
    this.isOpen = true;
    this.send([], this.options.settings.exclude);
    this.tellOptions();
  }

  private verdict(key: string): Layer2Verdict {
    return this.options.planner.plan.verdict(key, this.options.services().get(key)).layer2;
  }

  private remember(service: Service | undefined): void {
    if (this.known.size > MAX_KNOWN) this.known.clear();
    for (const { ip } of service?.ingress ?? []) if (ip) this.known.add(ip);
  }

  /** The engines have what was decided of these Services: log, event and status say so. */
  tell(keys: Iterable<string>): void {
    const services = this.options.services();
    for (const key of keys) {
      const verdict = this.verdict(key);
      this.teller.tell(key, services.get(key), verdict);
      this.conflicts.tell(key, verdict);
      this.failovers.owner(key, verdict.announced ? null : (verdict.facts.owner ?? null));
    }
  }

  takeGossip(report: GossipReport): void {
    this.members?.take(report);
    if (report.kind !== "member" || report.member.name === this.options.node) return;
    const { name, state, since, quiet } = report.member;
    this.failovers.member(name, isEligible(state) ? null : since - quiet);
    const level = isEligible(state) ? "debug" : "info";
    this.log[level](`speaker ${name} is ${state}`, { op: "member", member: name, state });
    this.tellOptions();
  }

  takeNeighbor(report: NeighborReport): void {
    switch (report.kind) {
      case "address":
        return this.takeAddress(report.address);
      case "counters":
        this.counters.set(formatIp(report.counters.address), report.counters);
        return;
      case "links":
        return this.takeLinks(report.links);
      case "unavailable":
        // Another node must be elected.
        this.tellLinks([]);
        return this.options.trouble("layer2")(`addresses cannot be announced by layer 2: ${report.reason}`);
      case "drops":
        return;
    }
  }

  private takeLinks(links: readonly HostLink[]): void {
    const exclude = new RegExp(this.options.settings.exclude);
    this.teller.takeNames(namesOf(links, exclude));
    this.tellLinks(usableLinks(links, exclude));
  }

  private tellLinks(links: readonly SpeakerLink[]): void {
    this.members?.tellLinks(links);
    this.leases.tell(encodeMeta(links));
  }

  private takeAddress(report: Dated<AddressReport>): void {
    const address = formatIp(report.address);
    if (report.state === "announced") this.failovers.announced(address, report.since);
    if (report.state === "withdrawn") {
      this.failovers.withdrawn(address);
      this.addresses.delete(address);
      this.counters.delete(address);
    } else this.addresses.set(address, report);
    this.conflicts.take(report);
  }

  private tellOptions(): void {
    if (!this.isOpen) return;
    const { repeatEvery, onConflict } = this.options.settings;
    const fellows = this.members?.macs() ?? [];
    if (fellows.join() === this.fellows) return;
    this.fellows = fellows.join();
    this.send([{ kind: "options", options: { repeatEvery, onConflict, fellows } }]);
  }

  private send(events: NeighborDifference["events"], exclude?: string): void {
    this.options.engines.send("neighbor", [{ events, ...(exclude === undefined ? {} : { exclude }) }]);
  }
}
