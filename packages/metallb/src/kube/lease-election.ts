import { ApiError } from "./api-error.ts";
import type { KubeClient, KubeObject } from "./client.ts";
import {
  type ElectionEffect,
  type ElectionEvent,
  ElectionMachine,
  type ElectionSettings,
  type LeaseSpec,
  type Replicas,
} from "./election-machine.ts";
import { RESOURCES } from "./resources.ts";

export interface LeaseElectionOptions extends Partial<Omit<ElectionSettings, "identity">> {
  readonly namespace: string;
  readonly name: string;
  /** Who this is: unique among the replicas. */
  readonly identity: string;
  /** The Deployment whose replicas these are; empty: none. It is asked where Leases are forbidden. */
  readonly deployment?: string;
  /** Whether a holder has certainly ended, so that its Lease need not run out. */
  readonly hasEnded?: (identity: string) => boolean;
  readonly random?: () => number;
  readonly onStarted: () => void;
  readonly onStopped: (why: string) => void;
  readonly onTrouble?: (message: string) => void;
}

const DEFAULTS = { leaseDuration: 15_000, renewDeadline: 10_000, retryPeriod: 2_000 };

/** The shell of the {@link ElectionMachine}: reads and writes the Lease, and keeps the time. */
export class LeaseElection {
  /** Why the election does not go on; null when it does. */
  trouble: string | null = null;
  /** It can take over: no trouble, or none that the end of another replica would not mend. */
  standsBy = true;
  private readonly client: KubeClient;
  private readonly options: LeaseElectionOptions;
  private readonly settings: ElectionSettings;
  private readonly machine: ElectionMachine;
  private readonly ended = Promise.withResolvers<void>();
  private lease: KubeObject | null = null;
  private timer: NodeJS.Timeout | null = null;
  /** By the clock on the wall, which goes on while a machine sleeps. */
  private askedAt = 0;
  private renewedAt = 0;

  constructor(client: KubeClient, options: LeaseElectionOptions) {
    this.client = client;
    this.options = options;
    this.settings = { ...DEFAULTS, ...options };
    this.machine = new ElectionMachine(this.settings, options.random ?? Math.random);
  }

  /**
   * Whether this process may write now: false as soon as the renew deadline has passed, even before a
   * timer says so, and also where a suspended machine stopped the clock that never goes back.
   */
  isLeader(): boolean {
    if (!this.machine.isLeader(performance.now())) return false;
    return this.machine.isAlone || Date.now() - this.renewedAt < this.settings.renewDeadline;
  }

  start(): void {
    this.step({ kind: "start" });
  }

  /** Ends the election and, when leading, hands the Lease over at once; `keep`: lets it run out. */
  stop(keep = false): Promise<void> {
    this.step({ kind: "stop", keep });
    return this.ended.promise;
  }

  private step(event: ElectionEvent): void {
    for (const effect of this.machine.step(event, performance.now())) this.perform(effect);
  }

  private perform(effect: ElectionEffect): void {
    switch (effect.kind) {
      case "read":
        void this.read();
        return;
      case "write":
        void this.write(effect.take);
        return;
      case "wake":
        if (this.timer) clearTimeout(this.timer);
        this.timer =
          effect.at === null
            ? null
            : setTimeout(() => this.step({ kind: "time" }), Math.max(0, effect.at - performance.now()) + 1);
        return;
      case "won":
        this.options.onStarted();
        return;
      case "lost":
        this.options.onStopped(effect.why);
        return;
      case "trouble":
        this.trouble = effect.message;
        this.standsBy = effect.standsBy;
        this.options.onTrouble?.(effect.message);
        return;
      case "ended":
        this.ended.resolve();
    }
  }

  private get limits() {
    // One request that hangs must leave time for another.
    return { timeout: this.settings.renewDeadline / 2 };
  }

  private get where(): { namespace: string; name: string } {
    return { namespace: this.options.namespace, name: this.options.name };
  }

  private async read(): Promise<void> {
    this.askedAt = Date.now();
    let event: ElectionEvent;
    try {
      this.lease = await this.client.get(RESOURCES.leases, this.where, this.limits);
      const spec = (this.lease.spec ?? {}) as LeaseSpec;
      const isFree = this.options.hasEnded?.(spec.holderIdentity ?? "") ?? false;
      event = { kind: "read", spec: isFree ? { ...spec, holderIdentity: "" } : spec };
    } catch (error) {
      this.lease = null;
      event = error instanceof ApiError && error.isNotFound ? { kind: "read", spec: null } : await this.failure(error);
    }
    if (event.kind === "read") {
      this.trouble = null;
      this.standsBy = true;
    }
    this.step(event);
  }

  private async write(take: boolean): Promise<void> {
    const { namespace } = this.options;
    let event: ElectionEvent = { kind: "written" };
    try {
      const lease = this.leaseOf(take);
      if (this.lease === null) await this.client.create(RESOURCES.leases, { namespace }, lease, this.limits);
      else await this.client.replace(RESOURCES.leases, this.where, lease, this.limits);
      if (take) this.renewedAt = this.askedAt;
    } catch (error) {
      event = await this.failure(error);
    }
    this.step(event);
  }

  private async failure(error: unknown): Promise<ElectionEvent> {
    const message = error instanceof Error ? error.message : String(error);
    if (!(error instanceof ApiError)) return { kind: "failed", status: 0, conflict: false, message };
    const { status, retryAfter } = error;
    const failed = { kind: "failed", status, conflict: status === 409, message, retryAfter } as const;
    const { deployment = "" } = this.options;
    return status === 403 && deployment !== "" ? { ...failed, replicas: await this.replicas(deployment) } : failed;
  }

  private async replicas(name: string): Promise<Replicas | null> {
    try {
      const where = { namespace: this.options.namespace, name };
      const { spec, status } = (await this.client.get(RESOURCES.deployments, where, this.limits)) as {
        readonly spec?: { readonly replicas?: number };
        readonly status?: { readonly replicas?: number };
      };
      return { wanted: spec?.replicas ?? 1, running: status?.replicas ?? 0 };
    } catch {
      return null;
    }
  }

  private leaseOf(take: boolean): KubeObject {
    const spec = (this.lease?.spec ?? {}) as LeaseSpec;
    const now = new Date().toISOString().replace(/Z$/, "000Z");
    const ours = spec.holderIdentity === this.options.identity;
    const held: LeaseSpec = {
      holderIdentity: this.options.identity,
      leaseDurationSeconds: Math.ceil(this.settings.leaseDuration / 1000),
      acquireTime: ours ? (spec.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: (spec.leaseTransitions ?? 0) + (ours ? 0 : 1),
    };
    return {
      ...this.lease,
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { ...this.lease?.metadata, ...this.where },
      spec: { ...spec, ...(take ? held : { holderIdentity: "", leaseDurationSeconds: 1 }) },
    };
  }
}
