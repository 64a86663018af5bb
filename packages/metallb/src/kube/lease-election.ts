import { ApiError } from "./api-error.ts";
import type { KubeClient, KubeObject } from "./client.ts";
import { RESOURCES } from "./resources.ts";

export interface LeaseElectionOptions {
  readonly namespace: string;
  readonly name: string;
  /** Who this is: unique among the replicas. */
  readonly identity: string;
  /** Milliseconds that the others wait since they saw the holder renew. */
  readonly leaseDuration?: number;
  /** Milliseconds after the last renewal at which the holder gives up by itself. */
  readonly renewDeadline?: number;
  /** Milliseconds between tries. */
  readonly retryPeriod?: number;
  readonly random?: () => number;
  readonly onStarted: () => void;
  readonly onStopped: (why: string) => void;
  readonly onTrouble?: (message: string) => void;
}

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

/**
 * Leader election by a Lease (coordination.k8s.io/v1). The clocks of the replicas need not agree: a
 * lease is over when this process has seen no renewal for its whole duration. Where the API forbids
 * Leases this process leads alone and says so once.
 */
export class LeaseElection {
  private readonly client: KubeClient;
  private readonly options: Required<Omit<LeaseElectionOptions, "onTrouble">> & Pick<LeaseElectionOptions, "onTrouble">;
  private seen = { renewTime: "", holder: "", at: 0 };
  private renewed = Number.NEGATIVE_INFINITY;
  private leading = false;
  private alone = false;
  private stopped = false;
  private timer: NodeJS.Timeout | null = null;
  private deadline: NodeJS.Timeout | null = null;

  constructor(client: KubeClient, options: LeaseElectionOptions) {
    this.client = client;
    this.options = {
      leaseDuration: 15_000,
      renewDeadline: 10_000,
      retryPeriod: 2_000,
      random: Math.random,
      ...options,
    };
  }

  /** Whether this process may write now: false as soon as the renew deadline has passed, even before a timer says so. */
  isLeader(): boolean {
    return this.alone || (this.leading && performance.now() - this.renewed < this.options.renewDeadline);
  }

  start(): void {
    void this.round();
  }

  /** Ends the election and, when leading, hands the lease over at once. */
  async stop(): Promise<void> {
    this.stopped = true;
    if (this.timer) clearTimeout(this.timer);
    if (this.deadline) clearTimeout(this.deadline);
    if (!this.leading || this.alone) return;
    this.leading = false;
    try {
      const lease = await this.client.get(RESOURCES.leases, this.where);
      const spec = lease.spec as LeaseSpec | undefined;
      if (spec?.holderIdentity !== this.options.identity) return;
      await this.client.replace(RESOURCES.leases, this.where, {
        ...lease,
        spec: { ...spec, holderIdentity: "", leaseDurationSeconds: 1 },
      });
    } catch (error) {
      this.options.onTrouble?.(`the lease was not handed over: ${(error as Error).message}`);
    }
  }

  private get where(): { namespace: string; name: string } {
    return { namespace: this.options.namespace, name: this.options.name };
  }

  private async round(): Promise<void> {
    try {
      if (await this.tryOnce()) this.win();
    } catch (error) {
      if (error instanceof ApiError && error.isForbidden && !this.leading) return this.leadAlone();
      if (!(error instanceof ApiError && error.isConflict))
        this.options.onTrouble?.(`leader election: ${(error as Error).message}`);
    }
    if (this.stopped) return;
    const pause = this.options.retryPeriod * (this.leading ? 1 : 1 + this.options.random() * 0.2);
    this.timer = setTimeout(() => void this.round(), pause);
  }

  /** True when this process holds the lease now. */
  private async tryOnce(): Promise<boolean> {
    const asked = performance.now();
    let lease: KubeObject;
    try {
      lease = await this.client.get(RESOURCES.leases, this.where);
    } catch (error) {
      if (!(error instanceof ApiError && error.isNotFound)) throw error;
      const { namespace } = this.options;
      await this.client.create(RESOURCES.leases, { namespace }, this.lease({}, {}));
      this.renewed = asked;
      return true;
    }
    const spec = (lease.spec ?? {}) as LeaseSpec;
    const holder = spec.holderIdentity ?? "";
    if (holder !== this.seen.holder || spec.renewTime !== this.seen.renewTime)
      this.seen = { holder, renewTime: spec.renewTime ?? "", at: performance.now() };
    const duration = (spec.leaseDurationSeconds ?? this.options.leaseDuration / 1000) * 1000;
    const free = holder === "" || holder === this.options.identity || performance.now() - this.seen.at > duration;
    if (!free) {
      if (this.leading) this.lose(`${holder} holds the lease`);
      return false;
    }
    await this.client.replace(RESOURCES.leases, this.where, this.lease(lease, spec));
    this.renewed = asked;
    return true;
  }

  private lease(lease: KubeObject, spec: LeaseSpec): KubeObject {
    const now = new Date().toISOString().replace(/Z$/, "000Z");
    const ours = spec.holderIdentity === this.options.identity;
    return {
      ...lease,
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { ...lease.metadata, ...this.where },
      spec: {
        ...spec,
        holderIdentity: this.options.identity,
        leaseDurationSeconds: Math.ceil(this.options.leaseDuration / 1000),
        acquireTime: ours ? (spec.acquireTime ?? now) : now,
        renewTime: now,
        leaseTransitions: (spec.leaseTransitions ?? 0) + (ours ? 0 : 1),
      },
    };
  }

  private win(): void {
    if (this.deadline) clearTimeout(this.deadline);
    const left = this.renewed + this.options.renewDeadline - performance.now();
    this.deadline = setTimeout(() => this.lose("the lease could not be renewed in time"), Math.max(0, left));
    if (this.leading || this.stopped) return;
    this.leading = true;
    this.options.onStarted();
  }

  private lose(why: string): void {
    if (this.deadline) clearTimeout(this.deadline);
    if (!this.leading) return;
    this.leading = false;
    this.options.onStopped(why);
  }

  private leadAlone(): void {
    this.alone = true;
    this.leading = true;
    this.options.onTrouble?.(
      "Leases are forbidden to this service account: running without leader election, so run one replica only",
    );
    this.options.onStarted();
  }
}
