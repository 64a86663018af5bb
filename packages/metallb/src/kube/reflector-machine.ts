import { backoff, type Duration, type Instant, type Seconds } from "#net";

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
      /** As the API or the client names it, such as TooLarge; may be empty. */
      readonly reason: string;
      readonly message: string;
      readonly retryAfter: Duration | null;
    }
  /** The server took the watch; lines will follow. */
  | { readonly kind: "watch-opened" }
  /** One parsed line of the watch. */
  | { readonly kind: "watch-line"; readonly type: string; readonly object: unknown }
  /** The watch ended: by the server (status 0, no message), or with an error. */
  | {
      readonly kind: "watch-ended";
      readonly status: number;
      readonly message: string;
      readonly retryAfter: Duration | null;
    }
  /** Another watch of the same server was found dead: this one may have gone the same way. */
  | { readonly kind: "suspect" }
  | { readonly kind: "time" };

/** What the machine asks of the shell. */
export type ReflectorEffect =
  | { readonly kind: "list"; readonly continueToken: string; readonly limit: number }
  | { readonly kind: "watch"; readonly resourceVersion: string; readonly timeoutSeconds: Seconds }
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
  /** Something fails; `status` is that of HTTP, 0 without one, and `verb` what was tried. */
  | { readonly kind: "trouble"; readonly message: string; readonly status: number; readonly verb: "list" | "watch" }
  /** This watch was silent for too long: others may be dead too, and not have noticed. */
  | { readonly kind: "silent" }
  /** What was in trouble goes well again. */
  | { readonly kind: "well" };

type Phase = "stopped" | "listing" | "watching" | "waiting-to-list" | "waiting-to-watch";

/**
 * A watch is asked to end between 40 and 45 s, and goes on from where it was: the server sends a bookmark just before
 * (kube-apiserver where anything of the kind changed), so that no list is needed. One whose end does not come is dead,
 * whatever holds its connection open between us. Spread, so that not all clients come back at once.
 */
const WATCH_SECONDS = { least: 40, spread: 5 };
/** Objects a page; fewer where a page is too large to be taken. */
const PAGE = 500;
/**
 * A watch that outlives its time by this is half open, which is then known within 55 s of the last octet that could
 * have come. (A connection whose other end is gone is noticed sooner, by TCP's own probes: see the client.)
 */
const LATE = 10_000;
/** A watch that brought something so lately is not suspected with another one. */
const LIVELY = 5_000;
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
  /** When the watch began or last brought a line. */
  private heard: Instant = 0;
  private wakeAt: Instant | null = null;
  private limit = PAGE;
  private continueToken = "";
  private timeoutSeconds: Seconds = 0;
  /** A watch that has not ended by then is half open. */
  private deadline: Instant = 0;
  private troubled = false;

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
        return this.phase === "listing" ? this.gotPage(event, now) : [];
      case "list-failed":
        return this.phase === "listing" ? this.listFailed(event, now) : [];
      case "watch-opened":
        return this.phase === "watching" ? this.opened(now) : [];
      case "watch-line":
        return this.phase === "watching" ? this.line(event.type, event.object, now) : [];
      case "watch-ended":
        return this.phase === "watching" ? this.ended(event, now) : [];
      case "suspect":
        if (this.phase !== "watching" || now - this.heard < LIVELY) return [];
        return [{ kind: "abort" }, ...this.watch(now)];
      case "time":
        if (this.wakeAt === null) return [];
        // A timer may go off a moment early: then it has to be set again, or nobody ever wakes.
        return now >= this.wakeAt ? this.woken(now) : [this.wake(this.wakeAt)];
    }
  }

  private list(): readonly ReflectorEffect[] {
    this.phase = "listing";
    this.continueToken = "";
    return [this.wake(null), { kind: "gather" }, this.page("")];
  }

  private page(continueToken: string): ReflectorEffect {
    this.continueToken = continueToken;
    return { kind: "list", continueToken, limit: this.limit };
  }

  private gotPage(event: Extract<ReflectorEvent, { kind: "page" }>, now: Instant): readonly ReflectorEffect[] {
    const gathered: ReflectorEffect = { kind: "gathered", items: event.items };
    if (event.continueToken !== "") return [gathered, this.page(event.continueToken)];
    this.resourceVersion = event.resourceVersion;
    this.limit = Math.min(PAGE, 2 * this.limit);
    return [gathered, { kind: "swap" }, ...this.watch(now)];
  }

  private listFailed(
    event: Extract<ReflectorEvent, { kind: "list-failed" }>,
    now: Instant,
  ): readonly ReflectorEffect[] {
    if (event.reason === "TooLarge" && this.limit > 1) {
      this.limit = this.limit >> 1;
      return [this.page(this.continueToken)];
    }
    // 410 in the middle of a list: the snapshot behind its pages is gone. Begin anew, but not in a tight loop.
    return this.retry("waiting-to-list", event, now);
  }

  private watch(now: Instant): readonly ReflectorEffect[] {
    this.phase = "watching";
    this.watchingSince = now;
    this.heard = now;
    this.timeoutSeconds = WATCH_SECONDS.least + Math.round(WATCH_SECONDS.spread * this.random());
    const { resourceVersion, timeoutSeconds } = this;
    return [{ kind: "watch", resourceVersion, timeoutSeconds }, this.awaitEnd(now)];
  }

  /** The server counts from when it took the watch: a slow one is given its time twice, to answer and to end. */
  private opened(now: Instant): readonly ReflectorEffect[] {
    return [...this.well(), this.awaitEnd(now)];
  }

  private awaitEnd(now: Instant): ReflectorEffect {
    this.deadline = now + this.timeoutSeconds * 1000 + LATE;
    return this.wake(this.deadline);
  }

  /** The watch goes well. */
  private well(): readonly ReflectorEffect[] {
    const effects: ReflectorEffect[] = this.troubled ? [{ kind: "well" }] : [];
    this.troubled = false;
    return effects;
  }

  private line(type: string, object: unknown, now: Instant): readonly ReflectorEffect[] {
    if (type === "ERROR") return this.refused(object, now);
    const version = resourceVersionOf(object);
    if (version !== null) this.resourceVersion = version;
    this.failures = 0;
    this.heard = now;
    const well = this.well();
    if (type === "ADDED" || type === "MODIFIED") return [{ kind: "put", object }, ...well];
    if (type === "DELETED") return [{ kind: "delete", object }, ...well];
    return well;
  }

  private refused(object: unknown, now: Instant): readonly ReflectorEffect[] {
    const { code, message } = (object ?? {}) as { code?: unknown; message?: unknown };
    const abort: ReflectorEffect = { kind: "abort" };
    const status = typeof code === "number" ? code : 0;
    if (code === 410) return [abort, ...this.relist("the resource version is too old", now)];
    const text = typeof message === "string" ? message : "the watch was refused";
    return [abort, ...this.retry("waiting-to-watch", { status, message: text, retryAfter: null }, now)];
  }

  private ended(event: Extract<ReflectorEvent, { kind: "watch-ended" }>, now: Instant): readonly ReflectorEffect[] {
    if (event.status === 410) return this.relist(event.message, now);
    if (event.status === 0 && event.message === "") {
      // A server that ends each watch at once must not be asked without a pause.
      if (now - this.watchingSince < SHORT_WATCH)
        return this.retry("waiting-to-watch", { ...event, message: "the watch ended at once" }, now);
      this.failures = 0;
      return [...this.well(), ...this.watch(now)];
    }
    // 400 and 422: the server does not understand the resource version, as after a restored backup.
    const then = event.status === 400 || event.status === 422 ? "waiting-to-list" : "waiting-to-watch";
    return this.retry(then, event, now);
  }

  /** The server has forgotten where we were. The first time is no trouble; again and again is. */
  private relist(message: string, now: Instant): readonly ReflectorEffect[] {
    if (this.failures > 0) return this.retry("waiting-to-list", { status: 410, message, retryAfter: null }, now);
    this.failures = 1;
    return this.list();
  }

  private woken(now: Instant): readonly ReflectorEffect[] {
    if (this.phase === "waiting-to-list") return this.list();
    if (this.phase === "waiting-to-watch") return this.watch(now);
    if (this.phase !== "watching") return [];
    // A server that lives, and does not end what it should, is no trouble.
    if (this.heard > this.deadline - LATE) return [{ kind: "abort" }, ...this.watch(now)];
    this.troubled = true;
    const message = "the watch did not end in time: its connection is taken for dead";
    const trouble = { kind: "trouble", status: 0, verb: "watch", message } as const;
    return [{ kind: "abort" }, trouble, { kind: "silent" }, ...this.watch(now)];
  }

  private retry(
    phase: "waiting-to-list" | "waiting-to-watch",
    { status, message, retryAfter }: { status: number; message: string; retryAfter: Duration | null },
    now: Instant,
  ): readonly ReflectorEffect[] {
    const verb = this.phase === "listing" ? "list" : "watch";
    this.phase = phase;
    this.troubled = true;
    const delay = Math.max(backoff(PAUSE, ++this.failures, this.random()), retryAfter ?? 0);
    return [{ kind: "trouble", status, verb, message }, this.wake(now + delay)];
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
