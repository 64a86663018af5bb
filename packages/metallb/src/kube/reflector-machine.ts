import { backoff } from "#net";

/** Milliseconds on a clock that never goes back. */
export type Instant = number;

/** What the shell tells the machine. */
export type ReflectorEvent =
  | { readonly kind: "start" }
  | { readonly kind: "stop" }
  /** A page of the list. */
  | {
      readonly kind: "page";
      readonly items: readonly unknown[];
      readonly resourceVersion: string;
      readonly continueToken: string;
    }
  | {
      readonly kind: "list-failed";
      readonly status: number;
      readonly message: string;
      readonly retryAfter: number | null;
    }
  /** One parsed line of the watch. */
  | { readonly kind: "watch-line"; readonly type: string; readonly object: unknown }
  /** The watch ended: by the server (status 0, no message), or with an error. */
  | {
      readonly kind: "watch-ended";
      readonly status: number;
      readonly message: string;
      readonly retryAfter: number | null;
    }
  | { readonly kind: "time" };

/** What the machine asks of the shell. */
export type ReflectorEffect =
  | { readonly kind: "list"; readonly continueToken: string }
  | { readonly kind: "watch"; readonly resourceVersion: string; readonly timeoutSeconds: number }
  /** Ends the list or watch under way, whose later answers do not count. */
  | { readonly kind: "abort" }
  /** A list begins: what it brings is gathered beside what stands. */
  | { readonly kind: "gather" }
  | { readonly kind: "gathered"; readonly items: readonly unknown[] }
  /** The list is whole: what was gathered takes the place of what stood, at once. */
  | { readonly kind: "swap" }
  | { readonly kind: "put"; readonly object: unknown }
  | { readonly kind: "delete"; readonly object: unknown }
  | { readonly kind: "wake"; readonly at: Instant | null }
  | { readonly kind: "trouble"; readonly message: string };

type Phase = "stopped" | "listing" | "watching" | "waiting-to-list" | "waiting-to-watch";

/** A watch is asked to end between 5 and 10 minutes, so that not all clients come back at once. */
const WATCH_SECONDS = 300;
/** The API server sends a bookmark about once a minute; a watch that outlives its timeout by this is half open. */
const QUIET_MARGIN = 30_000;
/** A watch that the server ends sooner than this was none. */
const SHORT_WATCH = 1_000;
const PAUSE = { first: 500, max: 30_000 };

/**
 * List in pages, watch from there, list again when the server has forgotten where we were. Pure: the
 * same events give the same effects; only `random` (0 to 1) spreads clients in time.
 * Kubernetes API concepts: "Efficient detection of changes", "Resource versions".
 */
export class ReflectorMachine {
  private readonly random: () => number;
  private phase: Phase = "stopped";
  private resourceVersion = "";
  /** Troubles in a row, since a watch was last heard or lasted. */
  private failures = 0;
  private watchingSince: Instant = 0;
  private wakeAt: Instant | null = null;

  constructor(random: () => number) {
    this.random = random;
  }

  step(event: ReflectorEvent, now: Instant): readonly ReflectorEffect[] {
    switch (event.kind) {
      case "start":
        return this.phase === "stopped" ? this.list() : [];
      case "stop":
        this.phase = "stopped";
        return [{ kind: "abort" }, this.wake(null)];
      case "page":
        return this.phase === "listing" ? this.page(event, now) : [];
      case "list-failed":
        return this.phase === "listing" ? this.listFailed(event, now) : [];
      case "watch-line":
        return this.phase === "watching" ? this.line(event.type, event.object, now) : [];
      case "watch-ended":
        return this.phase === "watching" ? this.ended(event, now) : [];
      case "time":
        if (this.wakeAt === null) return [];
        // A timer may go off a moment early: then it has to be set again, or nobody ever wakes.
        return now >= this.wakeAt ? this.woken(now) : [this.wake(this.wakeAt)];
    }
  }

  private list(): readonly ReflectorEffect[] {
    this.phase = "listing";
    return [this.wake(null), { kind: "gather" }, { kind: "list", continueToken: "" }];
  }

  private page(event: Extract<ReflectorEvent, { kind: "page" }>, now: Instant): readonly ReflectorEffect[] {
    const gathered: ReflectorEffect = { kind: "gathered", items: event.items };
    if (event.continueToken !== "") return [gathered, { kind: "list", continueToken: event.continueToken }];
    this.resourceVersion = event.resourceVersion;
    return [gathered, { kind: "swap" }, ...this.watch(now)];
  }

  private listFailed(
    event: Extract<ReflectorEvent, { kind: "list-failed" }>,
    now: Instant,
  ): readonly ReflectorEffect[] {
    // 410 in the middle of a list: the snapshot behind its pages is gone. Begin anew, but not in a tight loop.
    return this.retry("waiting-to-list", event.message, event.retryAfter, now);
  }

  private watch(now: Instant): readonly ReflectorEffect[] {
    this.phase = "watching";
    this.watchingSince = now;
    const timeoutSeconds = Math.round(WATCH_SECONDS * (1 + this.random()));
    return [
      { kind: "watch", resourceVersion: this.resourceVersion, timeoutSeconds },
      this.wake(now + timeoutSeconds * 1000 + QUIET_MARGIN),
    ];
  }

  private line(type: string, object: unknown, now: Instant): readonly ReflectorEffect[] {
    if (type === "ERROR") return this.refused(object, now);
    const version = resourceVersionOf(object);
    if (version !== null) this.resourceVersion = version;
    this.failures = 0;
    if (type === "ADDED" || type === "MODIFIED") return [{ kind: "put", object }];
    if (type === "DELETED") return [{ kind: "delete", object }];
    return [];
  }

  private refused(object: unknown, now: Instant): readonly ReflectorEffect[] {
    const { code, message } = (object ?? {}) as { code?: unknown; message?: unknown };
    const abort: ReflectorEffect = { kind: "abort" };
    if (code === 410) return [abort, ...this.relist("the resource version is too old", now)];
    const text = typeof message === "string" ? message : "the watch was refused";
    return [abort, ...this.retry("waiting-to-watch", text, null, now)];
  }

  private ended(event: Extract<ReflectorEvent, { kind: "watch-ended" }>, now: Instant): readonly ReflectorEffect[] {
    if (event.status === 410) return this.relist(event.message, now);
    if (event.status === 0 && event.message === "") {
      // A server that ends each watch at once must not be asked without a pause.
      if (now - this.watchingSince < SHORT_WATCH)
        return this.retry("waiting-to-watch", "the watch ended at once", null, now);
      this.failures = 0;
      return this.watch(now);
    }
    // 400 and 422: the server does not understand the resource version, as after a restored backup.
    const then = event.status === 400 || event.status === 422 ? "waiting-to-list" : "waiting-to-watch";
    return this.retry(then, event.message, event.retryAfter, now);
  }

  /** The server has forgotten where we were. The first time is no trouble; again and again is. */
  private relist(message: string, now: Instant): readonly ReflectorEffect[] {
    if (this.failures > 0) return this.retry("waiting-to-list", message, null, now);
    this.failures = 1;
    return this.list();
  }

  private woken(now: Instant): readonly ReflectorEffect[] {
    if (this.phase === "waiting-to-list") return this.list();
    if (this.phase === "waiting-to-watch") return this.watch(now);
    if (this.phase === "watching")
      return [
        { kind: "abort" },
        { kind: "trouble", message: "the watch is half open: nothing came" },
        ...this.watch(now),
      ];
    return [];
  }

  private retry(phase: Phase, message: string, retryAfter: number | null, now: Instant): readonly ReflectorEffect[] {
    this.phase = phase;
    const delay = Math.max(backoff(PAUSE, ++this.failures, this.random()), retryAfter ?? 0);
    return [{ kind: "trouble", message }, this.wake(now + delay)];
  }

  private wake(at: Instant | null): ReflectorEffect {
    this.wakeAt = at;
    return { kind: "wake", at };
  }
}

function resourceVersionOf(object: unknown): string | null {
  const version = (object as { metadata?: { resourceVersion?: unknown } } | null)?.metadata?.resourceVersion;
  return typeof version === "string" ? version : null;
}
