import type { Duration } from "#net";
/** What the API server answered instead of what was asked for, or why it could not be asked. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  /** `reason` of the Status object, such as Conflict, Expired, NotFound; empty without one. */
  readonly reason: string;
  /** Milliseconds that the server asks to wait; null when it does not. */
  readonly retryAfter: Duration | null;

  constructor(status: number, reason: string, message: string, retryAfter: Duration | null = null, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
    this.reason = reason;
    this.retryAfter = retryAfter;
  }

  /** How long whoever answered with this error asks to wait; 0 when it does not. */
  static asks(error: unknown): Duration {
    return (error instanceof ApiError ? error.retryAfter : null) ?? 0;
  }

  get isConflict(): boolean {
    return this.status === 409 && this.reason !== "AlreadyExists";
  }

  get isNotFound(): boolean {
    return this.status === 404;
  }

  get isForbidden(): boolean {
    return this.status === 403;
  }
}
