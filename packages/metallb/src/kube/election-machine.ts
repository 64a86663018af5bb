import { backoff, type Duration, type Instant, type Seconds } from "#net";

/** `spec` of a Lease (coordination.k8s.io/v1), as far as an election reads and writes it. */
export interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: Seconds;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

export interface ElectionSettings {
  /** Who this is: unique among the replicas. */
  readonly identity: string;
  /** Milliseconds that the others wait since they saw the holder renew. */
  readonly leaseDuration: Duration;
  /** Milliseconds after the last renewal at which the holder gives up by itself. */
  readonly renewDeadline: Duration;
  /** Milliseconds between tries. */
  readonly retryPeriod: Duration;
}

/** How many replicas there shall be and are, as their Deployment says. */
export interface Replicas {
  readonly wanted: number;
  /** Those that end already are not counted. */
  readonly running: number;
}

/** What the shell tells the machine; `asked` is when the read that it belongs to was begun. */
export type ElectionEvent =
  | { readonly kind: "start" }
  /** The Lease as it is; null when there is none. */
  | { readonly kind: "read"; readonly spec: LeaseSpec | null }
  | { readonly kind: "written" }
  /** A read or write failed. A conflict says that somebody else was faster. */
  | {
      readonly kind: "failed";
      readonly status: number;
      readonly conflict: boolean;
      readonly message: string;
      /** As the API asks. */
      readonly retryAfter?: Duration | null;
      /** Where Leases are forbidden; null: the Deployment cannot be read. Absent: there is none. */
      readonly replicas?: Replicas | null;
    }
  | { readonly kind: "time" }
  /** Hand the lead over, if it is held; `keep`: let it run out, since a write of ours may arrive yet. */
  | { readonly kind: "stop"; readonly keep?: boolean };

export type ElectionEffect =
  | { readonly kind: "read" }
  /** Write the Lease on the version that was read: as its holder, or to give it away. */
  | { readonly kind: "write"; readonly take: boolean }
  | { readonly kind: "wake"; readonly at: Instant | null }
  | { readonly kind: "won" }
  | { readonly kind: "lost"; readonly why: string }
  /** `standsBy`: it would lead as soon as another replica has ended. */
  | { readonly kind: "trouble"; readonly message: string; readonly standsBy: boolean }
  /** After `stop`: nothing follows. */
  | { readonly kind: "ended" };

const NO_ELECTION = "missing right: get, create and update leases.coordination.k8s.io: no election can be held";
const ALONE = `${NO_ELECTION}. This process leads alone, so run one replica only`;

/** Why nobody may lead where Leases are forbidden; null where this is the only replica, as far as anybody can say. */
function whyNotAlone(
  replicas: Replicas | null | undefined,
): { readonly message: string; readonly standsBy: boolean } | null {
  if (replicas === undefined) return null;
  if (replicas === null) {
    const message = `${NO_ELECTION}, and the number of replicas cannot be read, so this process does not lead`;
    return { message, standsBy: false };
  }
  const { wanted, running } = replicas;
  if (wanted > 1)
    return { message: `${NO_ELECTION}, and there shall be ${wanted} replicas, so none of them leads`, standsBy: false };
  if (running > 1)
    return { message: `${NO_ELECTION}: waiting until the replica before this one has ended`, standsBy: true };
  return null;
}

const trouble = (message: string, standsBy = false): ElectionEffect => ({ kind: "trouble", message, standsBy });

/**
 * Leader election by a Lease. The clocks of the replicas need not agree: a Lease is over when this
 * process has seen no renewal for its whole duration. Where Leases are forbidden from the start, and this is the
 * only replica for a whole duration, it leads alone, and goes on asking: as soon as it may, it takes the Lease or
 * yields to its holder. Where there are more replicas, or nobody says how many, none leads. Once a Lease was seen,
 * being forbidden is an outage like any other. Pure.
 */
export class ElectionMachine {
  private readonly settings: ElectionSettings;
  private readonly random: () => number;
  private phase: "new" | "idle" | "reading" | "writing" | "leaving" | "ended" = "new";
  private seen: { readonly holder: string; readonly renewTime: string; readonly at: Instant } | null = null;
  private asked: Instant = 0;
  private renewed: Instant = Number.NEGATIVE_INFINITY;
  private leading = false;
  private alone = false;
  /** Since when each answer was that Leases are forbidden to the only replica; null when the last was not. */
  private forbiddenSince: Instant | null = null;
  private failures = 0;
  private retryAt: Instant | null = null;
  private stopping = false;

  constructor(settings: ElectionSettings, random: () => number) {
    this.settings = settings;
    this.random = random;
  }

  /** Whether this process may act as the leader: false as soon as the renew deadline has passed. */
  isLeader(now: Instant): boolean {
    return this.leading && (this.alone || now - this.renewed < this.settings.renewDeadline);
  }

  get isAlone(): boolean {
    return this.alone;
  }

  step(event: ElectionEvent, now: Instant): readonly ElectionEffect[] {
    switch (event.kind) {
      case "start":
        return this.phase === "new" ? this.read(now) : [];
      case "read":
        return this.phase === "reading" ? this.gotLease(event.spec, now) : [];
      case "written":
        return this.written(now);
      case "failed":
        return this.failed(event, now);
      case "time":
        return this.time(now);
      case "stop":
        return this.stop(event.keep ?? false, now);
    }
  }

  private read(now: Instant): readonly ElectionEffect[] {
    this.phase = "reading";
    this.retryAt = null;
    this.asked = now;
    return [{ kind: "read" }, ...this.wake()];
  }

  private gotLease(spec: LeaseSpec | null, now: Instant): readonly ElectionEffect[] {
    const { holderIdentity: holder = "", renewTime = "", leaseDurationSeconds } = spec ?? {};
    if (this.seen === null || holder !== this.seen.holder || renewTime !== this.seen.renewTime)
      this.seen = { holder, renewTime, at: now };
    this.forbiddenSince = null;
    if (this.stopping) return holder === this.settings.identity ? this.write("leaving", false) : this.end();
    const duration = leaseDurationSeconds === undefined ? this.settings.leaseDuration : leaseDurationSeconds * 1000;
    const free = holder === "" || holder === this.settings.identity || now - this.seen.at > duration;
    if (free) return this.write("writing", true);
    this.failures = 0;
    return [...this.lose(`${holder} holds the Lease`), ...this.retry(this.pause(), now)];
  }

  private write(phase: "writing" | "leaving", take: boolean): readonly ElectionEffect[] {
    this.phase = phase;
    return [{ kind: "write", take }];
  }

  private written(now: Instant): readonly ElectionEffect[] {
    if (this.phase === "leaving") return this.end();
    if (this.phase !== "writing") return [];
    this.renewed = this.asked;
    this.failures = 0;
    this.alone = false;
    if (this.stopping) return this.read(now);
    const won: readonly ElectionEffect[] = this.leading ? [] : [{ kind: "won" }];
    this.leading = true;
    return [...won, ...this.retry(this.settings.retryPeriod, now)];
  }

  private failed(event: Extract<ElectionEvent, { kind: "failed" }>, now: Instant): readonly ElectionEffect[] {
    if (this.phase === "ended" || this.phase === "new" || this.phase === "idle") return [];
    if (this.stopping) return [trouble(`the Lease was not handed over: ${event.message}`), ...this.end()];
    const why = event.status === 403 && this.seen === null && !this.leading ? whyNotAlone(event.replicas) : null;
    const told: readonly ElectionEffect[] = event.conflict
      ? []
      : [trouble(why?.message ?? event.message, why?.standsBy)];
    this.failures++;
    if (why !== null) this.forbiddenSince = null;
    else if (event.status === 403) this.forbiddenSince ??= now;
    else if (!event.conflict && event.status !== 0) this.forbiddenSince = null;
    const next = this.retry(Math.max(this.pause(), event.retryAfter ?? 0), now);
    const forbidden =
      event.status === 403 && this.seen === null && now - (this.forbiddenSince ?? now) >= this.settings.leaseDuration;
    if (!forbidden || this.leading) return [...told, ...next];
    this.leading = true;
    this.alone = true;
    return [trouble(ALONE), { kind: "won" }, ...next];
  }

  private time(now: Instant): readonly ElectionEffect[] {
    if (this.phase === "ended") return [];
    const lost =
      this.leading && !this.alone && now >= this.renewed + this.settings.renewDeadline
        ? this.lose("the Lease could not be renewed in time")
        : [];
    if (this.retryAt !== null && now >= this.retryAt) return [...lost, ...this.read(now)];
    return [...lost, ...this.wake()];
  }

  private stop(keep: boolean, now: Instant): readonly ElectionEffect[] {
    if (this.stopping) return [];
    this.stopping = true;
    if (keep) return this.end();
    const holds = this.leading && !this.alone;
    this.leading = false;
    // What is under way is answered first: a write that arrives after the lead was given away would take it back.
    if (this.phase === "writing" || this.phase === "reading")
      return holds || this.phase === "writing" ? [] : this.end();
    return holds ? this.read(now) : this.end();
  }

  private lose(why: string): readonly ElectionEffect[] {
    if (!this.leading) return [];
    this.leading = false;
    this.alone = false;
    return [{ kind: "lost", why }];
  }

  private pause(): number {
    const { retryPeriod } = this.settings;
    if (this.leading && !this.alone) return retryPeriod;
    if (this.failures === 0) return retryPeriod * (1 + this.random() * 0.2);
    return backoff({ first: 2 * retryPeriod, max: 8 * retryPeriod }, this.failures, this.random());
  }

  private retry(pause: Duration, now: Instant): readonly ElectionEffect[] {
    this.phase = "idle";
    this.retryAt = now + pause;
    return this.wake();
  }

  private wake(): readonly ElectionEffect[] {
    const deadline = this.leading && !this.alone ? this.renewed + this.settings.renewDeadline : null;
    const at = deadline === null ? this.retryAt : Math.min(deadline, this.retryAt ?? deadline);
    return [{ kind: "wake", at }];
  }

  private end(): readonly ElectionEffect[] {
    this.phase = "ended";
    return [{ kind: "wake", at: null }, { kind: "ended" }];
  }
}
