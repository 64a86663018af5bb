import type { Node } from "#api";
import type { Duration, Ip, Timestamp } from "#net";
import { type DrainPhase, readDrain } from "#planner";
import type { Logger } from "#process";
import type { EngineThread } from "./engine-thread.ts";

/** For routers to read the withdrawals before the session ends, milliseconds. */
const LAST_READING: Duration = 1_000;

/** What a router's operator reads when the session ends (RFC 9003). */
const FAREWELL = "the node is drained (metallb.io/drain)";

export interface DrainParts {
  readonly node: string;
  readonly engines: Pick<EngineThread, "send">;
  readonly fallbackRouterId: Ip;
  readonly log: Pick<Logger, "info" | "warn">;
  /** It is to be planned anew. */
  readonly changed: () => void;
  /** Calls back after so many milliseconds; gives what takes that back. Absent: the process's own timers. */
  readonly later?: (milliseconds: Duration, then: () => void) => () => void;
}

const later = (milliseconds: Duration, then: () => void): (() => void) => {
  const timer = setTimeout(then, milliseconds);
  timer.unref();
  return () => clearTimeout(timer);
};

/**
 * How far the drain of the own node has come. While it is asked for, routers are asked to take other ways (RFC 8326:
 * GRACEFUL_SHUTDOWN, LOCAL_PREF 0), then what other nodes announce too is withdrawn, and when nothing stands any
 * more the sessions end. A node that is being drained when its speaker starts announces only what no other would.
 */
export class Drain {
  phase: DrainPhase = "none";
  /** Since when it is in this phase. */
  since: Timestamp = 0 as Timestamp;
  private readonly parts: DrainParts;
  private asked: string | null = null;
  private isFirst = true;
  private cancel: (() => void) | null = null;

  constructor(parts: DrainParts) {
    this.parts = parts;
  }

  /** What to tell the peers that are removed now; null: nothing. */
  get farewell(): string | null {
    return this.phase === "closed" ? FAREWELL : null;
  }

  /** Looks at the own node before each plan. `node` undefined: the API does not know it, which changes nothing. */
  look(node: Pick<Node, "drain"> | undefined): void {
    if (!node) return;
    const { drain } = node;
    const isFirst = this.isFirst;
    this.isFirst = false;
    if (drain === this.asked) return;
    const wasAsked = this.asked !== null;
    this.asked = drain;
    if (drain === null) this.end();
    else if (!wasAsked) this.begin(drain, isFirst);
  }

  /** After each plan: `isLast`: something stands that no other node would announce. */
  planned(isLast: boolean): void {
    if (this.phase === "closed" && isLast) this.enter("withdrawn", "announcing again what no other node would");
    if (this.phase !== "withdrawn") return;
    if (isLast) {
      this.cancel?.();
      this.cancel = null;
    }
    if (isLast || this.cancel !== null) return;
    this.after(LAST_READING, () => this.enter("closed", "nothing is announced any more: ending the sessions"));
  }

  private begin(drain: string, atStart: boolean): void {
    const { log, node } = this.parts;
    const { wait, complaint } = readDrain(drain);
    if (complaint !== null) log.warn(complaint, { op: "drain", node });
    // What was never announced needs no warning, but for what no other node would announce.
    if (atStart) {
      this.tell(true);
      this.set("withdrawn");
      log.info("the node is being drained: announcing only what no other node would", { op: "drain", node });
      return;
    }
    this.set("warned");
    log.info("the node is being drained: asking routers to take other ways", { op: "drain", node, wait: `${wait}s` });
    this.tell(true, () => {
      if (this.phase === "warned")
        this.after(wait * 1_000, () => this.enter("withdrawn", "withdrawing what other nodes announce"));
    });
  }

  private end(): void {
    const { log, node } = this.parts;
    this.cancel?.();
    this.cancel = null;
    this.set("none");
    this.tell(false);
    log.info("the node is not drained any more: announcing again", { op: "drain", node });
  }

  /** The engine marks what it announces, or does so no more; `applied`: it has taken that. */
  private tell(drain: boolean, applied = () => {}): void {
    const { engines, fallbackRouterId } = this.parts;
    engines.send("bgp", [{ routes: [], peersSet: [], peersRemoved: [], fallbackRouterId, drain }], applied);
  }

  private enter(phase: DrainPhase, what: string): void {
    this.set(phase);
    this.parts.log.info(`the node is being drained: ${what}`, { op: "drain", node: this.parts.node });
    this.parts.changed();
  }

  private set(phase: DrainPhase): void {
    this.phase = phase;
    this.since = Date.now();
  }

  private after(milliseconds: Duration, then: () => void): void {
    this.cancel?.();
    this.cancel = (this.parts.later ?? later)(milliseconds, () => {
      this.cancel = null;
      then();
    });
  }
}
