import { type Ip, ipEquals } from "#net";
import type { Layer2Decision } from "./layer2.ts";
import type { Placeable } from "./layer2-placement.ts";
import type { Layer2Claim, Layer2Difference, Layer2Verdict, Layer2Withdrawal, Plan } from "./plan.ts";

interface Claimed {
  readonly verdict: Layer2Verdict;
  readonly ips: readonly Ip[];
  readonly watches: readonly string[];
  readonly fenced: boolean;
}

/** The layer-2 verdicts of those Services whose pool an L2Advertisement speaks of, and what they claim. */
export class Layer2Claims {
  private readonly claimed = new Map<string, Claimed>();
  private announce: Layer2Claim[] = [];
  private withdraw: Layer2Withdrawal[] = [];

  /** Nodes whose silence must be noticed at once, and for how many Services. */
  readonly watched = new Map<string, number>();

  /** Balanced Services: where they may be, and are, placed. */
  readonly placeable = new Map<string, Placeable>();

  /** What the plan shows of it. */
  readonly view: Pick<Plan, "layer2" | "watched" | "placeable"> = {
    layer2: () => this.all(),
    watched: this.watched,
    placeable: this.placeable,
  };

  /** Services that take part. */
  keys(): Iterable<string> {
    return this.claimed.keys();
  }

  verdict(key: string): Layer2Verdict | undefined {
    return this.claimed.get(key)?.verdict;
  }

  *all(): Generator<Layer2Claim> {
    for (const [holder, { verdict, ips, fenced }] of this.claimed)
      if (verdict.announced)
        for (const address of ips) yield { holder, address, interfaces: verdict.interfaces, fenced };
  }

  /** Sets what is decided; null: the Service takes no part. True when the verdict differs. */
  set(holder: string, decision: Layer2Decision | null, ips: readonly Ip[]): boolean {
    const before = this.claimed.get(holder);
    const verdict = decision?.verdict;
    const { watches = [], fenced = false } = decision ?? {};
    if (decision?.placeable) this.placeable.set(holder, decision.placeable);
    else this.placeable.delete(holder);
    this.watch(before?.watches ?? [], watches);
    if (verdict) {
      const isSame = before && before.fenced === fenced && JSON.stringify(before.verdict) === JSON.stringify(verdict);
      this.claimed.set(holder, { verdict, ips: verdict.announced ? ips : [], watches, fenced });
      if (isSame) return false;
    } else if (!this.claimed.delete(holder)) return false;
    const old = before?.ips ?? [];
    const now = verdict?.announced ? ips : [];
    for (const address of old)
      if (!now.some((each) => ipEquals(each, address)))
        this.withdraw.push({ holder, address, fenced: before?.fenced ?? false });
    const sameInterfaces =
      before?.fenced === fenced &&
      before.verdict.announced &&
      verdict?.announced &&
      String(before.verdict.interfaces) === String(verdict.interfaces);
    for (const address of now)
      if (!sameInterfaces || !old.some((each) => ipEquals(each, address)))
        this.announce.push({ holder, address, interfaces: verdict?.announced ? verdict.interfaces : null, fenced });
    return true;
  }

  private watch(before: readonly string[], now: readonly string[]): void {
    for (const node of now) this.watched.set(node, (this.watched.get(node) ?? 0) + 1);
    for (const node of before) {
      const left = (this.watched.get(node) ?? 0) - 1;
      if (left > 0) this.watched.set(node, left);
      else this.watched.delete(node);
    }
  }

  /** What differs since it was last taken. */
  take(): Layer2Difference {
    const { announce, withdraw } = this;
    this.announce = [];
    this.withdraw = [];
    return { announce, withdraw };
  }
}
