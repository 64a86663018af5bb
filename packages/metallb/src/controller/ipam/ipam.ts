import {
  type AllocationChanges,
  type AllocationWorld,
  Allocator,
  type Decision,
  type KeptAddresses,
  type Outcome,
  type PoolUsage,
} from "#allocator";
import { ApiError, KeyedWriter, type WriteContext, type WriteOutcome } from "#kube";
import type { Duration, Instant } from "#net";
import { errorText, type Logger } from "#process";
import type { AddressSource } from "../decider.ts";
import type { WatchedService } from "../watched-service.ts";
import type { IpamApi } from "./client.ts";
import { Ledger, type Work } from "./ledger.ts";

/** Questions on their way at once. */
const PARALLEL = 4;
/** What the IPAM has is read anew so often, and compared with what Services have. */
const READ_EVERY: Duration = 300_000;
const RECHECK_EVERY: Duration = 10_000;
/** A burst of confirmed writes is looked at once. */
const RECHECK_AFTER: Duration = 50;
/** The key of the writer under which the list is read; a uid is never empty. */
const LIST = "";

export interface IpamParts {
  readonly api: IpamApi;
  readonly services: ReadonlyMap<string, WatchedService>;
  readonly lbClass: string;
  readonly mayWrite: () => boolean;
  readonly mayShow: (address: string) => boolean;
  /** These Services are to be decided on anew. */
  readonly onChange: (keys: readonly string[]) => void;
  readonly log: Logger;
}

/**
 * Asks an IPAM outside for the addresses of pools that name a range of it, tells it of what Services hold, and gives
 * back what nobody has any more. Only the leader speaks with it. While it is away nothing is released.
 */
export class Ipam implements AddressSource {
  private readonly parts: IpamParts;
  private readonly ledger: Ledger;
  private readonly allocator: Allocator;
  private readonly writer: KeyedWriter<null>;
  private readonly timers: NodeJS.Timeout[] = [];
  private soon: NodeJS.Timeout | null = null;

  constructor(parts: IpamParts) {
    this.parts = parts;
    const { services, mayShow, mayWrite, lbClass } = parts;
    this.ledger = new Ledger(() => ({ services, mayShow, index: this.allocator.index }));
    this.allocator = new Allocator(lbClass, this.ledger);
    this.writer = new KeyedWriter<null>({
      parallel: PARALLEL,
      mayWrite,
      perform: (uid, _, context) => (uid === LIST ? this.read(context) : this.work(uid, context)),
      onFailure: (_, error) => this.failed(error),
    });
  }

  get outcomes(): ReadonlyMap<string, Outcome> {
    return this.allocator.outcomes;
  }

  get kept(): KeptAddresses {
    return this.allocator.kept;
  }

  get wakeAt(): Instant | null {
    return this.allocator.wakeAt;
  }

  usage(): readonly PoolUsage[] {
    return this.allocator.usage();
  }

  decide(world: AllocationWorld, changes: AllocationChanges, now: Instant): readonly Decision[] {
    const ends = this.allocator.wakeAt;
    const keys = [...changes.services];
    const decisions = this.allocator.decide(world, { ...changes, services: keys }, now);
    this.want(this.ledger.observe(keys, decisions));
    if (ends !== null && ends <= now) this.want(this.ledger.recheck());
    // An annotation that came or went makes other addresses the IPAM's.
    if (changes.pools) this.want(this.ledger.sweep());
    return decisions;
  }

  /** Services that wait for an answer. */
  get waiting(): number {
    return this.ledger.seekers.size;
  }

  /** Why the IPAM does not answer; null: it does. */
  get trouble(): string | null {
    return this.ledger.trouble;
  }

  /** The lead is won and everything was read once. */
  start(): void {
    this.writer.want(LIST, null);
    this.timers.push(
      setInterval(() => this.writer.want(LIST, null), READ_EVERY).unref(),
      setInterval(() => this.want(this.ledger.recheck()), RECHECK_EVERY).unref(),
    );
  }

  /** Something may be free now: a write of a Service was confirmed. */
  wrote(): void {
    this.soon ??= setTimeout(() => {
      this.soon = null;
      this.want(this.ledger.recheck());
    }, RECHECK_AFTER).unref();
  }

  /** Before the lead is handed over; false: a request was not answered, and may arrive yet. */
  drain(milliseconds: Duration): Promise<boolean> {
    this.endTimers();
    return this.writer.drain(milliseconds);
  }

  stop(): Promise<void> {
    this.endTimers();
    return this.writer.stop();
  }

  private endTimers(): void {
    for (const timer of this.timers.splice(0)) clearInterval(timer);
    if (this.soon) clearTimeout(this.soon);
  }

  private want(uids: Iterable<string>): void {
    for (const uid of uids) this.writer.want(uid, null);
  }

  private async read({ signal }: WriteContext): Promise<WriteOutcome> {
    const round = this.ledger.listBegins();
    const items = await this.parts.api.list(signal);
    this.ledger.listed(items, round);
    this.answers();
    this.want(this.ledger.sweep());
    // What was granted before this process began is among them.
    this.parts.onChange(this.ledger.seekers.keys());
    return "done";
  }

  private async work(uid: string, { signal }: WriteContext): Promise<WriteOutcome> {
    for (let work = this.next(uid); work; work = this.next(uid)) {
      if (!this.parts.mayWrite() || signal.aborted) throw new ApiError(0, "NotLeading", "the lease is not held");
      await this.perform(work, signal);
      this.answers();
    }
    return "done";
  }

  private next(uid: string): Work | null {
    return this.ledger.next(uid, performance.now());
  }

  private async perform(work: Work, signal: AbortSignal): Promise<void> {
    const { api, onChange, log } = this.parts;
    const now = () => performance.now();
    if (work.kind === "release") {
      let isSure = false;
      this.ledger.releasesBegin(work.allocation);
      try {
        await api.release(work.allocation, signal);
        isSure = true;
      } finally {
        this.ledger.released(work.allocation, isSure);
      }
      this.wrote();
      return;
    }
    const { owner, ask, kind } = work;
    const answer = await api.allocate(owner, ask, kind === "adopt", signal);
    if (answer.kind === "given") {
      if (this.ledger.given(owner, ask, answer.address, now())) this.wrote();
    } else if (kind === "adopt") {
      log.warn("the IPAM does not have an address for the Service that holds it", {
        op: "ipam",
        service: `${owner.namespace}/${owner.name}`,
        error: answer.why,
      });
      this.ledger.denied(owner, ask, answer.why, now());
    } else this.ledger.refused(owner, ask, answer.why, answer.isFull, now());
    onChange([`${owner.namespace}/${owner.name}`]);
  }

  private failed(error: unknown): void {
    if (!(error instanceof ApiError)) throw error;
    if (error.reason === "NotLeading" || this.ledger.trouble !== null) return;
    this.ledger.trouble = error.message.slice(0, 100);
    this.parts.log.warn("the IPAM does not answer; nothing is released meanwhile, and it is asked again", {
      op: "ipam",
      error: errorText(error),
    });
    this.parts.onChange(this.ledger.seekers.keys());
  }

  /** It answers: whoever waited for that is served now. */
  private answers(): void {
    if (this.ledger.trouble === null) return;
    this.ledger.trouble = null;
    this.parts.log.info("the IPAM answers", { op: "ipam" });
    this.writer.want(LIST, null);
    this.want(this.ledger.sweep());
  }
}
