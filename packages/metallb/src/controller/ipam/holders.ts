const NOBODY: ReadonlySet<string> = new Set();

/** Which Services have or show an address, so far as they were looked at. */
export class Holders {
  private readonly byKey = new Map<string, ReadonlySet<string>>();
  private readonly byAddress = new Map<string, Set<string>>();
  /** Services that are gone and whose addresses are kept for a while. */
  readonly departed = new Set<string>();

  of(address: string): ReadonlySet<string> {
    return this.byAddress.get(address) ?? NOBODY;
  }

  /** What the Service has and shows now; `isThere`: it exists. Returns what nobody has any more. */
  set(key: string, addresses: ReadonlySet<string>, isThere: boolean): readonly string[] {
    const left: string[] = [];
    for (const address of this.byKey.get(key) ?? NOBODY) {
      if (addresses.has(address)) continue;
      const keys = this.byAddress.get(address);
      keys?.delete(key);
      if (keys?.size !== 0) continue;
      this.byAddress.delete(address);
      left.push(address);
    }
    for (const address of addresses) this.byAddress.set(address, (this.byAddress.get(address) ?? new Set()).add(key));
    if (addresses.size > 0) this.byKey.set(key, addresses);
    else this.byKey.delete(key);
    if (addresses.size > 0 && !isThere) this.departed.add(key);
    else this.departed.delete(key);
    return left;
  }
}
