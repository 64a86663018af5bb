interface Pending {
  /** Addresses that the API may show in the Service: seen by the watch, written by us, or on their way. */
  readonly held: ReadonlySet<string>;
  readonly wanted: readonly string[];
}

/**
 * Which Services have yet to give an address up in the API. Only those whose write is pending are kept,
 * so that it costs nothing while nothing moves.
 */
export class Givers {
  private readonly pending = new Map<string, Pending>();
  /** Address → keys of Services that may show it and are not to have it any more. */
  private readonly byAddress = new Map<string, Set<string>>();

  /** The Service may show the addresses in `held`, and is to show those in `wanted`. */
  intend(key: string, held: readonly string[], wanted: readonly string[]): void {
    const before = this.pending.get(key);
    // What was on its way may have arrived without an answer, or arrive yet.
    this.set(key, { held: new Set([...held, ...(before?.held ?? []), ...(before?.wanted ?? [])]), wanted });
  }

  /** Those that have to give up one of the addresses first. */
  of(addresses: readonly string[]): readonly string[] {
    return [...new Set(addresses.flatMap((address) => [...(this.byAddress.get(address) ?? [])]))];
  }

  /** Whether some Service may show the address that is not to have it any more. */
  mayShow(address: string): boolean {
    return this.byAddress.has(address);
  }

  /** The API has confirmed that the Service shows nothing. */
  released(key: string): void {
    const pending = this.pending.get(key);
    if (pending) this.set(key, { ...pending, held: new Set() });
  }

  /** The API has confirmed that the Service shows these. */
  confirmed(key: string, addresses: readonly string[]): void {
    const pending = this.pending.get(key);
    if (!pending) return;
    // A newer intention may have come while this one was written.
    if (String(pending.wanted) === String(addresses)) this.settle(key);
    else this.set(key, { ...pending, held: new Set(addresses) });
  }

  settle(key: string): void {
    this.set(key, null);
  }

  private set(key: string, pending: Pending | null): void {
    const before = this.pending.get(key);
    for (const address of before?.held ?? []) {
      const keys = this.byAddress.get(address);
      keys?.delete(key);
      if (keys?.size === 0) this.byAddress.delete(address);
    }
    if (pending === null) {
      this.pending.delete(key);
      return;
    }
    this.pending.set(key, pending);
    for (const address of pending.held)
      if (!pending.wanted.includes(address)) {
        const keys = this.byAddress.get(address) ?? new Set<string>();
        this.byAddress.set(address, keys.add(key));
      }
  }
}
