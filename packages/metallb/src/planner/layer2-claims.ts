import { type Ip, ipEquals } from "#net";
import type { Layer2Claim, Layer2Difference, Layer2Verdict } from "./plan.ts";

interface Claimed {
  readonly verdict: Layer2Verdict;
  readonly ips: readonly Ip[];
}

/** The layer-2 verdicts of those Services whose pool an L2Advertisement speaks of, and what they claim. */
export class Layer2Claims {
  private readonly claimed = new Map<string, Claimed>();
  private announce: Layer2Claim[] = [];
  private withdraw: Omit<Layer2Claim, "interfaces">[] = [];

  /** Services that take part. */
  keys(): Iterable<string> {
    return this.claimed.keys();
  }

  verdict(key: string): Layer2Verdict | undefined {
    return this.claimed.get(key)?.verdict;
  }

  *all(): Generator<Layer2Claim> {
    for (const [holder, { verdict, ips }] of this.claimed)
      if (verdict.announced) for (const address of ips) yield { holder, address, interfaces: verdict.interfaces };
  }

  /** Sets what is decided; null: the Service takes no part. True when the verdict differs. */
  set(holder: string, verdict: Layer2Verdict | null, ips: readonly Ip[]): boolean {
    const before = this.claimed.get(holder);
    if (verdict) {
      if (before && JSON.stringify(before.verdict) === JSON.stringify(verdict)) return false;
      this.claimed.set(holder, { verdict, ips: verdict.announced ? ips : [] });
    } else if (!this.claimed.delete(holder)) return false;
    const old = before?.ips ?? [];
    const now = verdict?.announced ? ips : [];
    for (const address of old)
      if (!now.some((each) => ipEquals(each, address))) this.withdraw.push({ holder, address });
    const sameInterfaces =
      before?.verdict.announced &&
      verdict?.announced &&
      String(before.verdict.interfaces) === String(verdict.interfaces);
    for (const address of now)
      if (!sameInterfaces || !old.some((each) => ipEquals(each, address)))
        this.announce.push({ holder, address, interfaces: verdict?.announced ? verdict.interfaces : null });
    return true;
  }

  /** What differs since it was last taken. */
  take(): Layer2Difference {
    const { announce, withdraw } = this;
    this.announce = [];
    this.withdraw = [];
    return { announce, withdraw };
  }
}
