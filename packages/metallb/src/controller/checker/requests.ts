import type { Duration, Instant } from "#net";
export type Failure = { readonly status: number; readonly retryAfter: Duration | null };

interface Sender {
  readonly id: number;
  readonly stalledUntil: Instant;
  receive(request: Request, failure: Failure | null, now: Instant): void;
}

/** A request on its way: `serve` is what it does to the API, `answer` what the process does then. */
export interface Request {
  readonly from: Sender;
  /** Which of the sender's it is. */
  readonly number: number;
  readonly kind: "read" | "write" | "list" | "lease" | "ipam";
  readonly sentAt: Instant;
  readonly timeout: Duration;
  readonly serve: () => unknown;
  readonly answer: (result: unknown, failure: Failure | null) => void;
  result: { readonly value: unknown } | null;
  /** Nobody waits for it any more; it may arrive until then. */
  orphanUntil: Instant | null;
  /** It never arrives. */
  lost: boolean;
}

/**
 * How long a request may still be on its way when nobody waits for it any more, or when who sent it is
 * frozen and cannot end it. Kubernetes fences nobody: where a paused machine's request arrives later than
 * the Lease allows for, no controller can help.
 */
export const LATE = 4_500;
