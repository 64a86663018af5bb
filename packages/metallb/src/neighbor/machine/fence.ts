import type { Instant } from "../events.ts";
import type { HeldAddress } from "./held-address.ts";

/** Addresses that are answered for only until a time, which whoever has them announced puts off again and again. */
export class Fence {
  private readonly fenced = new Set<HeldAddress>();
  private until: Instant = Number.NEGATIVE_INFINITY;
  /** Whether those are suspended. */
  private isShut = true;

  /** Takes the address in, or out; gives whether it must be silent now. */
  set(address: HeldAddress, fenced: boolean): boolean {
    if (fenced) this.fenced.add(address);
    else this.fenced.delete(address);
    return fenced && this.isShut;
  }

  delete(address: HeldAddress): void {
    this.fenced.delete(address);
  }

  /** Those to suspend, when the time has just come. One comparison where it has not. */
  shut(now: Instant): Iterable<HeldAddress> {
    if (this.isShut || now < this.until) return [];
    this.isShut = true;
    return [...this.fenced];
  }

  /** Another time; gives those to answer for again. */
  open(until: Instant, now: Instant): Iterable<HeldAddress> {
    this.until = until;
    if (!this.isShut || now >= until) return [];
    this.isShut = false;
    return [...this.fenced];
  }

  get nextDue(): Instant | null {
    return this.isShut ? null : this.until;
  }
}
