import { randomUUID } from "node:crypto";
import { ApiError, type KubeClient, type KubeObject, RESOURCES, type Reflector, watch } from "#kube";
import type { Duration, Instant } from "#net";
import type { LeaseHolders } from "#planner";
import { errorText } from "#process";
import type { OwnPod } from "#world";
import { machineClock } from "./machine-clock.ts";
import { leaseObject, nameOf, readLease, SELECTOR, sameHolders, specOf } from "./node-lease-object.ts";
import { type NodeLease, NodeLeases } from "./node-leases.ts";

export interface LeaseKeeperOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly node: string;
  readonly owner: Promise<OwnPod | null>;
  readonly duration: Duration;
  /** Whether gossip says that the other node's speaker is alive. */
  readonly isHeard: (node: string) => boolean;
  /** Until when fenced addresses may be answered for, by `machineClock`. */
  readonly fence: (until: Instant) => void;
  /** Who holds a Lease differs: to be planned anew. */
  readonly changed: () => void;
  readonly trouble: (message: string) => void;
}

const RELEASE_LIMIT: Duration = 1_000;

/** Keeps this node's Lease, and knows who else holds one. Does nothing until an advertisement wants it. */
export class LeaseKeeper {
  private readonly options: LeaseKeeperOptions;
  private readonly identity: string;
  private readonly leases: NodeLeases;
  private watcher: Reflector<NodeLease> | null = null;
  /** By the key of the Lease. */
  private readonly nodes = new Map<string, string>();
  private lease: KubeObject | null = null;
  private owner: OwnPod | null = null;
  private meta: Uint8Array = new Uint8Array();
  /** Until when the engines were told. */
  private fenced: Instant | null = null;
  private view: LeaseHolders | null = null;
  private trouble: string | null = null;
  private hadIt = false;
  /** The last renewal that the API took. */
  private written = "";
  /** Of another process that has the Lease of this node, since when. */
  private rival: { readonly renewTime: string; readonly at: Instant } | null = null;
  private timer: NodeJS.Timeout | null = null;
  private renewal: NodeJS.Timeout | null = null;
  /** When it is due. */
  private renewalAt: Instant = Number.POSITIVE_INFINITY;
  private isWanted = false;
  private underway: Promise<void> = Promise.resolve();
  private stopped = false;
  private writes = 0;

  constructor(options: LeaseKeeperOptions) {
    this.options = options;
    this.identity = `${options.node}_${randomUUID()}`;
    const { node, duration, isHeard } = options;
    this.leases = new NodeLeases({ node, identity: this.identity, duration, isHeard });
    void options.owner.then((owner) => {
      this.owner = owner;
    });
  }

  /** For the planner; null: nothing is fenced by Leases. */
  get holders(): LeaseHolders | null {
    return this.view;
  }

  /** Whether an advertisement wants this node to hold a Lease. */
  want(wanted: boolean): void {
    if (wanted === this.isWanted || this.stopped) return;
    this.isWanted = wanted;
    if (wanted) return this.watch();
    this.watcher?.stop();
    this.watcher = null;
    this.view = null;
    if (this.timer) clearTimeout(this.timer);
    void this.release();
  }

  /** What the others are to know of the interfaces here. */
  tell(meta: Uint8Array): void {
    this.meta = meta;
    if (this.isWanted) this.renewIn(0);
  }

  /** Who is heard by gossip differs. */
  look(): void {
    if (this.isWanted) this.settle();
  }

  /**
   * Gives the Lease up, so that others take over at once. They hear who is silent then, or this node is silent
   * before.
   */
  async stop(): Promise<void> {
    if (this.stopped) return;
    this.stopped = true;
    if (!this.isWanted) return;
    this.watcher?.stop();
    if (this.timer) clearTimeout(this.timer);
    if (!this.leases.allHeard(machineClock())) this.options.fence(0);
    await this.release();
  }

  private watch(): void {
    const { client, namespace, trouble } = this.options;
    this.watcher?.stop();
    const watcher = watch(client, RESOURCES.leases, {
      namespace,
      labelSelector: SELECTOR,
      project: readLease,
      same: (a, b) => a.renewTime === b.renewTime && a.holder === b.holder,
      onTrouble: (message) => {
        this.trouble = message;
        trouble(message);
      },
    });
    this.watcher = watcher;
    watcher.onChange((keys) => this.see(watcher, keys));
    watcher.start();
    // After the keys of the first list were told.
    void watcher.synced.then(() => setImmediate(() => this.leases.known()));
    this.settle();
    this.renewIn(0);
  }

  private see({ store }: Reflector<NodeLease>, keys: Iterable<string>): void {
    const now = machineClock();
    for (const key of keys) {
      const lease = store.get(key) ?? null;
      const node = lease?.node ?? this.nodes.get(key);
      if (lease) this.nodes.set(key, lease.node);
      else this.nodes.delete(key);
      if (node !== undefined) this.leases.see(node, lease, now);
    }
    this.settle();
  }

  /** Tells what differs, and wakes when that does by itself. */
  private settle(): void {
    if (this.timer) clearTimeout(this.timer);
    if (!this.isWanted || this.stopped) return;
    const now = machineClock();
    const { until } = this.leases;
    if (until !== this.fenced) this.options.fence(until);
    this.fenced = until;
    const view = this.leases.holders(now, this.why(now));
    const isSame = this.view !== null && sameHolders(view, this.view);
    if (!isSame) {
      this.view = view;
      this.options.changed();
    }
    if (this.leases.wantsProof(now)) this.prove(now);
    const next = this.leases.nextChange(now);
    if (next !== null) this.timer = setTimeout(() => this.settle(), next - now + 1).unref();
  }

  private why(now: Instant): string {
    if (this.leases.holds(now)) return "";
    if (this.trouble !== null) return this.trouble;
    return this.leases.isWaiting(now) ? "it was taken just now, and the others must know first" : "it is not taken yet";
  }

  /** Renews sooner than usual, but not once for each of many that fell silent together. */
  private prove(now: Instant): void {
    const wait = Math.max(0, this.options.duration / 12 - this.leases.sinceBegun(now));
    if (now + wait < this.renewalAt) this.renewIn(wait);
  }

  private renewIn(milliseconds: Duration): void {
    if (this.renewal) clearTimeout(this.renewal);
    this.renewal = null;
    if (this.stopped || !this.isWanted) return;
    this.renewalAt = machineClock() + milliseconds;
    this.renewal = setTimeout(() => {
      this.underway = this.underway.then(() => this.renew());
    }, milliseconds).unref();
  }

  private async renew(): Promise<void> {
    if (this.stopped || !this.isWanted) return;
    const { duration } = this.options;
    let next = duration / 3;
    try {
      this.lease ??= await this.read();
      if (this.hasRival()) this.fail("another process of this node holds it");
      else {
        // The watch is half-open: what it does not show of this node it does not show of others either.
        if (this.written !== "" && this.leases.isUnseen(this.written)) this.watch();
        await this.write();
        this.trouble = null;
        // Its last renewal came too late to count.
        if (this.leases.mustTake(machineClock())) next = duration / 6;
      }
    } catch (error) {
      // What stands now is read before the next try.
      this.lease = null;
      const isConflict = error instanceof ApiError && error.status === 409;
      next = isConflict ? duration / 50 : duration / 6;
      if (!isConflict) this.fail(errorText(error));
    }
    this.renewIn(next);
    this.settle();
  }

  private fail(message: string): void {
    this.trouble = message;
    this.options.trouble(`the Lease of this node is not renewed: ${message}`);
  }

  /** The newer process of a node takes the Lease of the older, which lets it, until it is not renewed. */
  private hasRival(): boolean {
    const { holderIdentity = "", renewTime = "" } = specOf(this.lease);
    if (holderIdentity === "" || holderIdentity === this.identity || !this.hadIt) {
      this.rival = null;
      return false;
    }
    this.lease = null;
    const now = machineClock();
    if (this.rival?.renewTime !== renewTime) this.rival = { renewTime, at: now };
    return now < this.rival.at + this.options.duration;
  }

  private get where() {
    const { namespace, node } = this.options;
    return { namespace, name: nameOf(node) };
  }

  private get limits() {
    // One request that hangs must leave time for another.
    return { timeout: Math.floor(this.options.duration / 3) };
  }

  private async read(): Promise<KubeObject | null> {
    try {
      return await this.options.client.get(RESOURCES.leases, this.where, this.limits);
    } catch (error) {
      if (error instanceof ApiError && error.isNotFound) return null;
      throw error;
    }
  }

  private async write(): Promise<void> {
    const { client, duration } = this.options;
    const began = machineClock();
    const takes = this.leases.mustTake(began);
    const before = specOf(this.lease);
    const renewTime = this.timestamp();
    this.leases.begin(renewTime, takes, began);
    const { where, meta, owner } = this;
    const object = leaseObject(
      this.lease,
      { ...where, node: this.options.node, meta, owner },
      {
        holderIdentity: this.identity,
        leaseDurationSeconds: Math.ceil(duration / 1_000),
        acquireTime: takes ? renewTime : (before.acquireTime ?? renewTime),
        renewTime,
        leaseTransitions: (before.leaseTransitions ?? 0) + (takes ? 1 : 0),
      },
    );
    const { namespace } = where;
    this.lease =
      this.lease === null
        ? await client.create(RESOURCES.leases, { namespace }, object, this.limits)
        : await client.replace(RESOURCES.leases, where, object, this.limits);
    this.hadIt = true;
    this.written = renewTime;
  }

  /** In microseconds, of which the last three tell renewals of one millisecond apart. */
  private timestamp(): string {
    this.writes = (this.writes + 1) % 1_000;
    return new Date().toISOString().replace("Z", `${String(this.writes).padStart(3, "0")}Z`);
  }

  private async release(): Promise<void> {
    if (this.renewal) clearTimeout(this.renewal);
    await this.underway;
    const { lease } = this;
    this.lease = null;
    this.leases.drop();
    if (specOf(lease).holderIdentity !== this.identity) return;
    const { holderIdentity: _, ...rest } = specOf(lease);
    const timeout = RELEASE_LIMIT;
    try {
      const object = { ...lease, spec: { ...rest, leaseDurationSeconds: 1 } };
      await this.options.client.replace(RESOURCES.leases, this.where, object, { timeout });
    } catch (error) {
      this.options.trouble(`the Lease of this node was not given up: ${errorText(error)}`);
    }
  }
}
