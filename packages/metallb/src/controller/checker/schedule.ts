import type { Duration, Instant } from "#net";
import type { Faults } from "./faults.ts";
import { judgeEnd } from "./judge.ts";
import { ModelApi } from "./model-api.ts";
import { ModelProcess } from "./model-process.ts";
import { Random } from "./random.ts";
import { type Failure, LATE, type Request } from "./requests.ts";
import { happened, Trace } from "./trace.ts";
import { NAMES, Users } from "./users.ts";

export interface Verdict {
  /** What of the invariants was broken; empty: nothing. */
  readonly violations: readonly string[];
  /** Of all that happened in its order, to count the different ones. */
  readonly hash: number;
  readonly steps: number;
}

const CALM = 40;
const MAX_SETTLING = 2_000;
const PAUSES: readonly Duration[] = [20, 300, 2_000, 8_000];
const STALLS: readonly Duration[] = [2_000, 9_000, 14_000, 25_000];
const CONFLICT: Failure = { status: 409, retryAfter: null };
const TOO_MANY: Failure = { status: 429, retryAfter: 2_000 };
const BROKEN: Failure = { status: 500, retryAfter: null };
const SILENCE: Failure = { status: 0, retryAfter: null };

/**
 * One run: users, watches, answers, timers, crashes and hand-overs in an order that the seed chooses;
 * then faults end and everything must settle; then nobody edits anything, and nothing may be written.
 */
export function runSchedule(seed: number, faults: Faults = {}): Verdict {
  return new Schedule(seed, faults).run();
}

class Schedule {
  private readonly random: Random;
  private readonly users: Users;
  private readonly faults: Faults;
  private readonly api = new ModelApi();
  private readonly processes: ModelProcess[] = [];
  private now = 0;
  private started = 0;
  private readonly trace = new Trace();

  constructor(seed: number, faults: Faults) {
    this.random = new Random(seed);
    this.users = new Users(this.api, this.random, this.trace);
    this.faults = faults;
    this.start();
    this.start();
  }

  run(): Verdict {
    const length = 30 + this.random.below(120);
    for (let i = 0; i < length && this.isFine(); i++) this.step(true);
    this.settle();
    if (this.isFine()) judgeEnd(this.api, this.now);
    this.api.calm = true;
    for (let i = 0; i < CALM && this.isFine(); i++) this.step(false);
    // What was right before is right now: nothing was written.
    this.settle();
    return { violations: this.api.violations, hash: this.trace.hash, steps: this.trace.steps };
  }

  private isFine(): boolean {
    return this.api.violations.length === 0;
  }

  private start(): void {
    this.trace.note(happened("started", this.started));
    this.processes.push(new ModelProcess(this.api, this.started++, this.trace, this.faults, this.now));
  }

  /** One step of whoever the seed chooses. */
  private step(editing: boolean): void {
    const choice = this.random.below(100);
    const process = this.random.pick(this.processes);
    if (choice < 20) {
      if (editing) this.users.edit();
      else this.users.relabel();
    } else if (choice < 40) this.traffic();
    else if (choice < 56) this.pass(this.random.pick(PAUSES));
    else if (choice < 60) this.usurp(process);
    else if (choice < 62) this.stall(process, this.random.pick(STALLS));
    else if (choice < 64) this.revive();
    else if (process.alive && process.stalledUntil <= this.now) this.act(process, choice);
    let leaders = 0;
    for (const each of this.processes) if (each.leads(this.now)) leaders++;
    if (leaders > 1) this.api.violations.push("two lead");
  }

  private act(process: ModelProcess, choice: number): void {
    if (choice < 76) {
      const count = process.watch.deliver(1 + this.random.below(3));
      if (count > 0) process.note("told", count);
    } else if (choice < 90) {
      if (process.deciding) process.turn(this.now);
    } else if (choice < 93) {
      if (process.watch.follows || process.watch.behind > 0) process.note("relisted");
      process.watch.relist();
    } else if (choice < 96) this.duplicate(process);
    else if (choice < 98) process.crash(this.now);
    else process.leave(this.now);
  }

  private stall(process: ModelProcess, time: Duration): void {
    if (process.alive) process.note("stalled");
    process.stalledUntil = this.now + time;
  }

  /** The leader stalls, leaves or dies with its requests on their way, and another one takes over. */
  private usurp(process: ModelProcess): void {
    if (!process.leads(this.now) || process.stalledUntil > this.now) return;
    if (process.hasNews) process.turn(this.now);
    const way = this.random.below(3);
    for (const request of process.requests) if (request.kind === "read" && this.random.chance(0.7)) this.serve(request);
    if (way === 0) this.stall(process, 16_000 + this.random.below(8_000));
    else if (way === 1) process.leave(this.now);
    else process.crash(this.now);
    this.revive();
    for (let round = 0; round < 40; round++) {
      const heir = this.processes.find((each) => each.leads(this.now) && each !== process);
      for (const request of [...(heir?.requests ?? [])]) if (request.kind === "list") this.handle(request);
      if (heir?.deciding) return this.contend(process, heir);
      this.pass(way === 1 ? 100 : 1_000);
    }
  }

  /** What the heir writes may land before what its predecessor left on its way. */
  private contend(predecessor: ModelProcess, heir: ModelProcess): void {
    heir.turn(this.now);
    for (let round = 0; round < 2; round++)
      for (const request of [...heir.requests]) if (this.random.chance(0.6)) this.handle(request);
    // It wakes, and hears its answers before its timers.
    if (this.random.chance(0.5)) predecessor.stalledUntil = this.now;
    for (let round = 0; round < 2; round++)
      for (const request of [...predecessor.requests]) if (this.random.chance(0.6)) this.handle(request);
  }

  /** As a Deployment does: what ended is started again, as somebody new. What it left behind is forgotten in time. */
  private revive(): void {
    let living = 0;
    for (let i = this.processes.length - 1; i >= 0; i--) {
      const process = this.processes[i] as ModelProcess;
      if (process.alive) living++;
      else if (process.requests.length === 0) this.processes.splice(i, 1);
    }
    if (living < 2) this.start();
  }

  private duplicate(process: ModelProcess): void {
    const which = this.random.below(NAMES.length);
    if (!process.deciding) return;
    process.note("repeated", which);
    process.watch.changed.add(NAMES[which] as string);
  }

  /** A request arrives, or an answer; either may fail. */
  private traffic(): void {
    let count = 0;
    for (const { requests } of this.processes) count += requests.length;
    if (count === 0) return;
    let which = this.random.below(count);
    let request: Request | undefined;
    for (const { requests } of this.processes) {
      request = requests[which];
      if (request) break;
      which -= requests.length;
    }
    if (!request) return;
    if (request.result === null) {
      const luck = this.random.below(20);
      if (luck === 0 && request.kind === "write") return this.answer(request, CONFLICT);
      if (luck === 1) return this.answer(request, TOO_MANY);
      if (luck === 2) return this.answer(request, BROKEN);
      this.serve(request);
      if (request.result === null) return;
      if (luck === 3) return this.answer(request, SILENCE);
      if (this.random.chance(0.5)) return;
    }
    this.answer(request, null);
  }

  private handle(request: Request): void {
    this.serve(request);
    if (request.result !== null) this.answer(request, null);
  }

  private serve(request: Request): void {
    if (request.result !== null || request.lost) return;
    this.trace.note(happened("served", request.from.id, request.number));
    request.result = { value: request.serve() };
  }

  private answer(request: Request, failure: Failure | null): void {
    // What nobody waits for is not answered, and what sleeps does not hear.
    if (request.orphanUntil !== null) {
      if (request.result !== null || failure !== null) request.from.receive(request, failure, this.now);
    } else if (request.from.stalledUntil <= this.now) request.from.receive(request, failure, this.now);
  }

  /** Time goes on, up to the next timer at most, so that none is jumped over by who is awake. */
  private pass(milliseconds: Duration): void {
    const until = this.now + milliseconds;
    while (this.now < until) {
      this.now = this.next(until);
      for (const process of this.processes) this.expire(process);
      for (const process of this.processes)
        if (process.alive && process.stalledUntil <= this.now) process.tick(this.now);
      this.elections();
    }
  }

  /** When something happens by itself next, `until` at the latest. */
  private next(until: Instant): Instant {
    const { now } = this;
    let next = until;
    for (const { alive, stalledUntil, wakeAt, requests } of this.processes) {
      if (stalledUntil > now) next = Math.min(next, stalledUntil);
      else if (alive && wakeAt !== null && wakeAt > now) next = Math.min(next, wakeAt);
      for (const { sentAt, timeout, orphanUntil } of requests) {
        const at = orphanUntil ?? sentAt + timeout;
        if (at > now) next = Math.min(next, at);
      }
    }
    return next;
  }

  /** Most requests for the Lease are answered at once: else nobody would ever lead for long. */
  private elections(): void {
    for (const { requests } of this.processes)
      for (let i = 0; i < requests.length; i++) {
        const request = requests[i] as Request;
        if (request.kind !== "lease" || request.orphanUntil !== null || !this.random.chance(0.7)) continue;
        this.handle(request);
        // What it was answered, it may have asked again: that is for the next time.
        break;
      }
  }

  private expire(process: ModelProcess): void {
    if (process.requests.length === 0) return;
    for (const request of [...process.requests]) {
      const { sentAt, timeout, orphanUntil, result } = request;
      const isFrozen = process.stalledUntil > this.now;
      if (isFrozen && result === null && sentAt + LATE <= this.now) request.lost = true;
      if (orphanUntil !== null && orphanUntil <= this.now) process.receive(request, null, this.now);
      else if (orphanUntil === null && sentAt + timeout <= this.now && !isFrozen) {
        // It may be on its way yet, while the process goes on as if it had failed.
        const late = result === null && !request.lost ? { ...request, orphanUntil: this.now + LATE } : null;
        process.receive(request, { status: 0, retryAfter: null }, this.now);
        if (late) process.requests.push(late);
      }
    }
  }

  /** Faults end: everybody is awake, every request is answered, and nobody edits. */
  private settle(): void {
    for (let round = 0; round < MAX_SETTLING && this.isFine(); round++) {
      this.revive();
      let busy = false;
      for (const process of this.processes) {
        process.stalledUntil = 0;
        process.watch.deliver(process.watch.behind);
        for (const request of [...process.requests]) {
          this.serve(request);
          process.receive(request, request.result === null ? SILENCE : null, this.now);
          busy ||= request.kind !== "lease";
        }
        if (process.alive && process.hasNews) {
          busy = true;
          process.turn(this.now);
        }
      }
      if (!busy && this.processes.some((process) => process.alive && process.isIdle)) return;
      this.pass(busy ? 20 : Math.max(20, this.next(this.now + 30_000) - this.now));
    }
    if (this.isFine()) this.api.violations.push("it never settles");
  }
}
