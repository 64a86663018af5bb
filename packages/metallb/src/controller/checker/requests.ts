export type Failure = { readonly status: number; readonly retryAfter: number | null };

interface Sender {
  readonly stalledUntil: number;
  receive(request: Request, failure: Failure | null, now: number): void;
}

/** A request on its way: `serve` is what it does to the API, `answer` what the process does then. */
export interface Request {
  readonly from: Sender;
  readonly kind: "read" | "write" | "list" | "lease";
  readonly sentAt: number;
  readonly timeout: number;
  readonly serve: () => unknown;
  readonly answer: (result: unknown, failure: Failure | null) => void;
  result: { readonly value: unknown } | null;
  /** Nobody waits for it any more; it may arrive until then. */
  orphanUntil: number | null;
  /** It never arrives. */
  lost: boolean;
}

/**
 * How long a request may still be on its way when nobody waits for it any more, or when who sent it is
 * frozen and cannot end it. Kubernetes fences nobody: where a paused machine's request arrives later than
 * the Lease allows for, no controller can help.
 */
export const LATE = 4_500;
