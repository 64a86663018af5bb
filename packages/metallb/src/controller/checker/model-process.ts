import { type ElectionEvent, ElectionMachine } from "#kube";
import type { Duration, Instant } from "#net";
import { Decider } from "../decider.ts";
import { type Faults, sourceOf } from "./faults.ts";
import type { ModelApi } from "./model-api.ts";
import { ModelWatch } from "./model-watch.ts";
import { ModelWriter, NONE, type Shell } from "./model-writer.ts";
import { Outbox } from "./outbox.ts";
import type { Failure, Request } from "./requests.ts";
import { happened, type Trace } from "./trace.ts";

const LEASE = { leaseDuration: 15_000, renewDeadline: 10_000, retryPeriod: 2_000 };
const SERVICE_TIMEOUT = 10_000;
const LEASE_TIMEOUT = 5_000;
const DRAIN = 3_000;

/** One controller: the real machines, and a shell that the checker steps. */
export class ModelProcess {
  alive = true;
  stalledUntil = 0;
  /** Whether it decides: it leads and has read the Services. */
  deciding = false;
  readonly watch: ModelWatch;
  private readonly outbox: Outbox;
  readonly election: ElectionMachine;
  readonly writer: ModelWriter;
  private readonly api: ModelApi;
  private readonly faults: Faults;
  readonly id: number;
  private readonly trace: Trace;
  private readonly identity: string;
  private readonly decider: Decider;
  private lease: ModelApi["lease"] = null;
  private electionAt: Instant | null = null;
  private leaving = false;
  private now: Instant;

  constructor(api: ModelApi, id: number, trace: Trace, faults: Faults, now: Instant) {
    this.api = api;
    this.id = id;
    this.identity = `c${id}`;
    this.trace = trace;
    this.faults = faults;
    this.now = now;
    this.outbox = new Outbox(this, trace);
    this.watch = new ModelWatch(api);
    this.decider = new Decider(this.watch.store, sourceOf(faults));
    this.writer = new ModelWriter(api, faults, this.shell());
    const settings = {
      ...LEASE,
      ...(faults.overlong ? { renewDeadline: 25_000 } : {}),
      identity: this.identity,
    };
    this.election = new ElectionMachine(settings, () => 0.5);
    this.elect({ kind: "start" });
  }

  get requests(): Request[] {
    return this.outbox.requests;
  }

  leads(now: Instant): boolean {
    return this.alive && this.election.isLeader(now);
  }

  /** There is something to decide. */
  get hasNews(): boolean {
    return this.deciding && (this.watch.changed.size > 0 || this.watch.poolsChanged);
  }

  get isIdle(): boolean {
    return this.deciding && this.watch.behind === 0 && !this.hasNews && this.writer.pending === 0;
  }

  /** When a timer goes off next. */
  get wakeAt(): Instant | null {
    if (this.electionAt === null || this.writer.at === null) return this.electionAt ?? this.writer.at;
    return Math.min(this.electionAt, this.writer.at);
  }

  tick(now: Instant): void {
    this.now = now;
    if (this.electionAt !== null && this.electionAt <= now) {
      this.note("timer", 0);
      this.electionAt = null;
      this.elect({ kind: "time" });
    }
    if (this.alive && this.writer.at !== null && this.writer.at <= now) {
      this.note("timer", 1);
      this.writer.tick();
    }
  }

  /** Decides on what changed, as `Allocation` does. */
  turn(now: Instant): void {
    this.now = now;
    const { watch } = this;
    const keys = [...watch.changed];
    if (this.hasNews) this.note("decided");
    const { poolsChanged } = watch;
    watch.changed.clear();
    watch.poolsChanged = false;
    this.writer.take(this.decider.turn(keys, watch.pools, poolsChanged, now));
  }

  /** Killed: what is on its way may still arrive. */
  crash(now: Instant): void {
    if (this.alive) this.note("died");
    this.alive = false;
    this.outbox.orphan(() => true, now);
  }

  /** SIGTERM. */
  leave(now: Instant): void {
    this.now = now;
    if (this.leaving) return;
    this.note("left");
    this.leaving = true;
    this.deciding = false;
    this.watch.follows = false;
    if (!this.election.isLeader(now)) this.elect({ kind: "stop" });
    else this.writer.step({ kind: "drain", until: now + DRAIN });
  }

  private elect(event: ElectionEvent): void {
    for (const effect of this.election.step(event, this.now))
      switch (effect.kind) {
        case "read":
          this.send(
            "lease",
            LEASE_TIMEOUT,
            () => this.api.lease,
            (value, failure) => this.leaseRead(value, failure),
          );
          break;
        case "write":
          this.writeLease(effect.take);
          break;
        case "wake":
          this.electionAt = effect.at;
          break;
        case "won":
          this.send(
            "list",
            SERVICE_TIMEOUT,
            () => null,
            (_, failure) => this.listed(failure),
          );
          break;
        case "lost":
          this.writer.step({ kind: "stop" });
          this.crash(this.now);
          break;
        case "ended":
          this.crash(this.now);
      }
  }

  private leaseRead(value: unknown, failure: Failure | null): void {
    if (failure) return this.elect({ kind: "failed", status: failure.status, conflict: false, message: "" });
    this.lease = value as ModelApi["lease"];
    this.elect({ kind: "read", spec: this.lease?.spec ?? null });
  }

  private writeLease(take: boolean): void {
    const on = this.lease?.version ?? null;
    const held = { holderIdentity: this.identity, leaseDurationSeconds: 15, renewTime: String(this.now) };
    const spec = { ...this.lease?.spec, ...(take ? held : { holderIdentity: "", leaseDurationSeconds: 1 }) };
    this.send(
      "lease",
      LEASE_TIMEOUT,
      () => this.api.writeLease(spec, on),
      (value, failure) => {
        const conflict = (value as { conflict?: boolean } | null)?.conflict ?? false;
        if (failure || conflict) this.elect({ kind: "failed", status: failure?.status ?? 409, conflict, message: "" });
        else this.elect({ kind: "written" });
      },
    );
  }

  /** The Services were read after the lead was won, in the state that the API had then. */
  private listed(failure: Failure | null): void {
    if (this.leaving) return;
    if (failure) {
      this.send(
        "list",
        SERVICE_TIMEOUT,
        () => null,
        (_, again) => this.listed(again),
      );
      return;
    }
    this.deciding = true;
    this.watch.follows = true;
    this.watch.relist();
    this.watch.poolsChanged = true;
  }

  private shell(): Shell {
    return {
      now: () => this.now,
      mayWrite: () => this.faults.unguarded === true || this.election.isLeader(this.now),
      send: (kind, serve, answer) => this.send(kind, SERVICE_TIMEOUT, serve, answer),
      abort: () => {
        const inFlight = this.requests.filter(({ kind, orphanUntil }) => isService(kind) && orphanUntil === null);
        this.outbox.orphan(({ kind }) => isService(kind), this.now);
        for (const request of inFlight) request.answer(null, NONE);
      },
      wrote: (key, base, made) => this.decider.wrote(key, base, made),
      ended: (clean) => {
        if (this.leaving) this.elect({ kind: "stop", keep: !clean && !this.faults.hasty });
      },
    };
  }

  private send(kind: Request["kind"], timeout: Duration, serve: Request["serve"], answer: Request["answer"]): void {
    this.outbox.send(kind, this.now, timeout, serve, answer);
  }

  /** Hands an answer, or the lack of one, to the process. */
  receive(request: Request, failure: Failure | null, now: Instant): void {
    this.now = now;
    this.outbox.receive(request, failure, this.alive);
  }

  note(what: Parameters<typeof happened>[0], how = 0): void {
    this.trace.note(happened(what, this.id, how));
  }
}

const isService = (kind: Request["kind"]): boolean => kind === "read" || kind === "write";
