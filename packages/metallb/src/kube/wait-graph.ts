/** Who waits for whom: keys that wait until others have confirmed what they intended then. */
export class WaitGraph {
  /** Key → keys that it waits for, and the generation of each that has to be confirmed. */
  private readonly blockers = new Map<string, Map<string, number>>();
  private readonly waiters = new Map<string, Set<string>>();

  wait(key: string, other: string, generation: number): void {
    const blockers = this.blockers.get(key) ?? new Map<string, number>();
    this.blockers.set(key, blockers.set(other, generation));
    const waiters = this.waiters.get(other) ?? new Set<string>();
    this.waiters.set(other, waiters.add(key));
  }

  isWaiting(key: string): boolean {
    return this.blockers.has(key);
  }

  /** The key waits for nobody any more. */
  free(key: string): void {
    for (const other of this.blockers.get(key)?.keys() ?? []) this.unlink(other, key);
    this.blockers.delete(key);
  }

  /** Whether the key waits, in the end, for itself. */
  isCircular(key: string): boolean {
    const seen = new Set<string>();
    const stack = [...(this.blockers.get(key)?.keys() ?? [])];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      if (next === key) return true;
      if (seen.has(next)) continue;
      seen.add(next);
      for (const further of this.blockers.get(next)?.keys() ?? []) stack.push(further);
    }
    return false;
  }

  /** The key has confirmed that generation: gives those that wait for nobody any more. */
  confirm(key: string, generation: number): readonly string[] {
    const freed: string[] = [];
    for (const waiter of [...(this.waiters.get(key) ?? [])]) {
      const blockers = this.blockers.get(waiter);
      const needed = blockers?.get(key);
      if (!blockers || needed === undefined || needed > generation) continue;
      blockers.delete(key);
      this.unlink(key, waiter);
      if (blockers.size > 0) continue;
      this.blockers.delete(waiter);
      freed.push(waiter);
    }
    return freed;
  }

  private unlink(other: string, waiter: string): void {
    const waiters = this.waiters.get(other);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.waiters.delete(other);
  }
}
