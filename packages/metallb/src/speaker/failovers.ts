import type { Duration, Timestamp } from "#net";
import type { ReportedFailover } from "#report";

/** An end that lies further back did not cause what is announced now: somebody else had the address meanwhile. */
const CAUSE: Duration = 30_000;

/** How long addresses were without an owner, as the node that took them over measures it. */
export class Failovers {
  /** When a speaker was last heard, of those that are lost. */
  private readonly lost = new Map<string, Timestamp>();
  /** Who announces a Service that this node does not. */
  private readonly owners = new Map<string, string>();
  /** Addresses that are being taken over, and from whom. */
  private readonly taking = new Map<string, string>();
  private readonly last = new Map<string, ReportedFailover>();

  /** A speaker says farewell, or nothing was heard of it since `at`; null: it is there. */
  member(name: string, lostAt: Timestamp | null): void {
    if (lostAt === null) this.lost.delete(name);
    else if (!this.lost.has(name)) this.lost.set(name, lostAt);
  }

  /** Who announces the Service; null: this node, or nobody. */
  owner(service: string, owner: string | null): void {
    if (owner === null) this.owners.delete(service);
    else this.owners.set(service, owner);
  }

  /** This node is to announce the address of the Service. */
  take(service: string, address: string): void {
    const from = this.owners.get(service);
    if (from !== undefined) this.taking.set(address, from);
  }

  /** It does, since then. */
  announced(address: string, at: Timestamp): void {
    const from = this.taking.get(address);
    this.taking.delete(address);
    const lostAt = from === undefined ? undefined : this.lost.get(from);
    if (from === undefined || lostAt === undefined || at - lostAt > CAUSE) return;
    this.last.set(address, { from, milliseconds: Math.max(0, Math.round(at - lostAt)), at });
  }

  withdrawn(address: string): void {
    this.taking.delete(address);
    this.last.delete(address);
  }

  /** The failover that brought the address here; null: it came otherwise. */
  of(address: string): ReportedFailover | null {
    return this.last.get(address) ?? null;
  }
}
