import { type ElectionEvent, ElectionMachine, type Stage, type WriterEvent, WriterMachine } from "#kube";
import type { Duration, Instant } from "#net";
import { Decider } from "../decider.ts";
import { resourceVersionOf } from "../intention.ts";
import type { Json } from "../ports.ts";
import { type AfterRead, type ServiceWrite, ServiceWrites, type Wanted } from "../service-writes.ts";
import { type Faults, sourceOf } from "./faults.ts";
import type { ModelApi } from "./model-api.ts";
import { ModelWatch } from "./model-watch.ts";
import { type Failure, LATE, type Request } from "./requests.ts";
import { happened, type Trace } from "./trace.ts";

const LEASE = { leaseDuration: 15_000, renewDeadline: 10_000, retryPeriod: 2_000 };
const SERVICE_TIMEOUT = 10_000;
const LEASE_TIMEOUT = 5_000;
const DRAIN = 3_000;
const DATE = "2026-01-01T00:00:00Z";
const NONE: Failure = { status: 0, retryAfter: null };

/** One controller: the real machines, and a shell that the checker steps. */
export class ModelProcess {
  alive = true;
  stalledUntil = 0;
  /** Whether it decides: it leads and has read the Services. */
  deciding = false;
  readonly watch: ModelWatch;
  readonly requests: Request[] = [];
  readonly election: ElectionMachine;
  readonly writer = new WriterMachine<Wanted>(
    { parallel: 4, backoff: { first: 200, max: 30_000 }, retain: false },
    () => 0.5,
  );
  private readonly api: ModelApi;
  private readonly faults: Faults;
  readonly id: number;
  private readonly trace: Trace;
  private readonly identity: string;
  private readonly decider: Decider;
  private readonly writes = new ServiceWrites();
  private lease: ModelApi["lease"] = null;
  private electionAt: Instant | null = null;
  private writerAt: Instant | null = null;
  private leaving = false;
  private sent = 0;
  private now: Instant;

  constructor(api: ModelApi, id: number, trace: Trace, faults: Faults, now: Instant) {
    this.api = api;
    this.id = id;
    this.identity = `c${id}`;
    this.trace = trace;
    this.faults = faults;
    this.now = now;
    this.watch = new ModelWatch(api);
    this.decider = new Decider(this.watch.store, sourceOf(faults));
    const settings = {
      ...LEASE,
      ...(faults.overlong ? { renewDeadline: 25_000 } : {}),
      identity: this.identity,
    };
    this.election = new ElectionMachine(settings, () => 0.5);
    this.elect({ kind: "start" });
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
    if (this.electionAt === null || this.writerAt === null) return this.electionAt ?? this.writerAt;
    return Math.min(this.electionAt, this.writerAt);
  }

  tick(now: Instant): void {
    this.now = now;
    if (this.electionAt !== null && this.electionAt <= now) {
      this.note("timer", 0);
      this.electionAt = null;
      this.elect({ kind: "time" });
    }
    if (this.alive && this.writerAt !== null && this.writerAt <= now) {
      this.note("timer", 1);
      this.writerAt = null;
      this.write({ kind: "time" });
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
    const acts = this.decider.turn(keys, watch.pools, poolsChanged, now);
    const writes: ServiceWrite[] = acts.filter((act) => act.kind === "write");
    const intentions = this.writes.intentions(writes);
    const wanted = this.faults.unordered ? intentions.map(({ key, value }) => ({ key, value })) : intentions;
    if (wanted.length > 0) this.write({ kind: "want", intentions: wanted });
    for (const act of acts)
      if (act.kind === "settle" || act.kind === "forget") {
        if (act.kind === "forget") this.writes.forget(act.key);
        else this.writes.settle(act.key);
        this.write({ kind: "settle", key: act.key });
      }
  }

  /** Killed: what is on its way may still arrive. */
  crash(now: Instant): void {
    if (this.alive) this.note("died");
    this.alive = false;
    this.orphan(() => true, now);
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
    else this.write({ kind: "drain", until: now + DRAIN });
  }

  private orphan(which: (request: Request) => boolean, now: Instant): void {
    for (const request of this.requests) if (which(request)) request.orphanUntil ??= now + LATE;
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
          this.write({ kind: "stop" });
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

  private write(event: WriterEvent<Wanted>): void {
    for (const effect of this.writer.step(event, this.now))
      switch (effect.kind) {
        case "perform":
          this.perform(effect.key, effect.value, effect.stage);
          break;
        case "abort": {
          const inFlight = this.requests.filter(({ kind, orphanUntil }) => isService(kind) && orphanUntil === null);
          this.orphan(({ kind }) => isService(kind), this.now);
          for (const request of inFlight) request.answer(null, NONE);
          break;
        }
        case "wake":
          this.writerAt = effect.at;
          break;
        case "ended":
          if (this.leaving) this.elect({ kind: "stop", keep: !effect.clean && !this.faults.hasty });
      }
  }

  private perform(key: string, wanted: Wanted, stage: Stage): void {
    const fail = (failure: Failure): void =>
      this.faults.swallowing
        ? this.write({ kind: "done", key })
        : this.write({ kind: "failed", key, retryAfter: failure.retryAfter, doubtful: isDoubtful(failure) });
    if (!this.mayWrite()) return this.later(() => fail(NONE));
    const read = (then: (next: AfterRead) => void): void =>
      this.send(
        "read",
        SERVICE_TIMEOUT,
        () => this.api.objects.get(key) ?? null,
        (object, failure) =>
          failure ? fail(failure) : then(this.writes.afterRead(key, wanted, stage, object as Json | null, DATE)),
      );
    read((next) => {
      if (next.kind !== "put") return this.write({ kind: next.kind, key });
      if (!this.faults.guardedOnce && !this.mayWrite()) return fail(NONE);
      this.put(key, wanted, stage, next, fail, () =>
        read((then) => (then.kind === "put" ? fail(NONE) : this.write({ kind: then.kind, key }))),
      );
    });
  }

  private put(
    key: string,
    wanted: Wanted,
    stage: Stage,
    { object, base }: Extract<AfterRead, { readonly kind: "put" }>,
    fail: (failure: Failure) => void,
    refused: () => void,
  ): void {
    const serve = () => this.api.writeStatus(key, object, !this.faults.unconditional);
    this.send("write", SERVICE_TIMEOUT, serve, (value, failure) => {
      if (failure && failure.status !== 409) return fail(failure);
      const result = value as ReturnType<ModelApi["writeStatus"]> | null;
      if (failure || result?.kind !== "written") return refused();
      const made = resourceVersionOf(result.object);
      this.decider.wrote(key, base, made);
      this.writes.afterWrite(key, wanted, stage, made);
      this.write({ kind: "done", key });
    });
  }

  private mayWrite(): boolean {
    return this.faults.unguarded === true || this.election.isLeader(this.now);
  }

  /** An answer that needs no API, but its turn. */
  private later(then: () => void): void {
    this.send("read", SERVICE_TIMEOUT, () => null, then);
  }

  private send(kind: Request["kind"], timeout: Duration, serve: Request["serve"], answer: Request["answer"]): void {
    this.requests.push({
      from: this,
      number: this.sent++,
      kind,
      sentAt: this.now,
      timeout,
      serve,
      answer,
      result: null,
      orphanUntil: null,
      lost: false,
    });
  }

  /** Hands an answer, or the lack of one, to the process. */
  receive(request: Request, failure: Failure | null, now: Instant): void {
    this.now = now;
    this.requests.splice(this.requests.indexOf(request), 1);
    if (!this.alive || request.orphanUntil !== null) return;
    this.trace.note(happened(failure ? "failed" : "answered", this.id, request.number));
    if (failure) this.trace.note(failure.status);
    request.answer(request.result?.value ?? null, failure);
  }

  note(what: Parameters<typeof happened>[0], how = 0): void {
    this.trace.note(happened(what, this.id, how));
  }
}

const isDoubtful = ({ status }: Failure): boolean => status === 0 || status >= 500;

const isService = (kind: Request["kind"]): boolean => kind === "read" || kind === "write";
