import type { Duration, Instant } from "#net";
import { type Failure, LATE, type Request } from "./requests.ts";
import { happened, type Trace } from "./trace.ts";

/** The requests of one process that are on their way. */
export class Outbox {
  readonly requests: Request[] = [];
  private readonly from: Request["from"];
  private readonly trace: Trace;
  private sent = 0;

  constructor(from: Request["from"], trace: Trace) {
    this.from = from;
    this.trace = trace;
  }

  send(
    kind: Request["kind"],
    sentAt: Instant,
    timeout: Duration,
    serve: Request["serve"],
    answer: Request["answer"],
  ): void {
    const fate = { result: null, orphanUntil: null, lost: false };
    this.requests.push({ from: this.from, number: this.sent++, kind, sentAt, timeout, serve, answer, ...fate });
  }

  /** Nobody waits for these any more. */
  orphan(which: (request: Request) => boolean, now: Instant): void {
    for (const request of this.requests) if (which(request)) request.orphanUntil ??= now + LATE;
  }

  /** Hands an answer, or the lack of one, to the process, if it lives and waits for it. */
  receive(request: Request, failure: Failure | null, isAlive: boolean): void {
    this.requests.splice(this.requests.indexOf(request), 1);
    if (!isAlive || request.orphanUntil !== null) return;
    this.trace.note(happened(failure ? "failed" : "answered", this.from.id, request.number));
    if (failure) this.trace.note(failure.status);
    request.answer(request.result?.value ?? null, failure);
  }
}
