import type { Pool } from "#config";
import type { Family, IpRange } from "#net";
import { DistinctHeap } from "./heap.ts";
import { SharedList } from "./shared-list.ts";

interface Block {
  readonly range: IpRange;
  /** Position of the first usable address. */
  readonly offset: bigint;
  /** Usable addresses of the family below `range.first`. */
  readonly before: bigint;
}

interface Sharer {
  readonly group: string | null;
  readonly ports: readonly string[];
}

/**
 * The usable addresses of one pool and family, numbered without gaps in the order in which they are
 * given out: ranges as in the spec, addresses ascending, those left out by `avoidBuggyIPs` skipped by
 * arithmetic. So the lowest free address is the lowest free number, in a /32 as in a /8 or a /64.
 *
 * Which addresses are taken is not kept here: it is asked. What is kept makes the asking rare: every
 * number below the watermark is taken or in the heap of those given back.
 */
export class PoolSpace {
  readonly pool: Pool;
  readonly family: Family;
  /** How many addresses can be given out. */
  readonly capacity: bigint;
  /** Distinct addresses in use. */
  used = 0;
  /** By sharing group; those who share with nobody, whose group is null, have no list. */
  private readonly shared = new Map<string | null, SharedList>();
  /** Of reserved addresses the Services that they are for. */
  readonly reserved: ReadonlyMap<bigint, string>;
  /** How many addresses the Services of each namespace use; null where none has a quota. */
  readonly byNamespace: Map<string, number> | null;
  private readonly blocks: readonly Block[];
  private readonly byAddress: readonly Block[];
  private readonly skipsBuggy: boolean;
  /** An IPAM outside chooses the addresses. */
  readonly isOutside: boolean;
  private readonly freed = new DistinctHeap();
  private watermark = 0n;

  constructor(pool: Pool, family: Family) {
    this.pool = pool;
    this.family = family;
    this.reserved = new Map(
      [...(pool.terms?.reserved ?? [])].flatMap(([service, ips]) =>
        ips.filter((address) => address.family === family).map(({ value }) => [value, service] as const),
      ),
    );
    this.byNamespace = (pool.terms?.quotas.size ?? 0) > 0 ? new Map() : null;
    this.isOutside = pool.terms?.ipam !== undefined;
    this.skipsBuggy = pool.avoidBuggyIPs && family === 4;
    const blocks: Block[] = [];
    let offset = 0n;
    for (const range of pool.ranges) {
      if (range.family !== family) continue;
      const before = this.usableBelow(range.first);
      blocks.push({ range, offset, before });
      offset += this.usableBelow(range.last + 1n) - before;
    }
    this.blocks = blocks;
    this.byAddress = blocks.toSorted((a, b) => (a.range.first < b.range.first ? -1 : 1));
    this.capacity = offset;
  }

  /** The address's number; null for one that the pool does not give out. O(log ranges). */
  position(value: bigint): bigint | null {
    if (this.skipsBuggy && isBuggy(value)) return null;
    const block = lastWhere(this.byAddress, ({ range }) => range.first <= value);
    if (!block || block.range.last < value) return null;
    return block.offset + this.usableBelow(value) - block.before;
  }

  /** The lowest address that is free, or null when all are taken. Amortised O(log n). */
  first(isTaken: (value: bigint) => boolean): bigint | null {
    for (let position = this.freed.peek(); position !== undefined; position = this.freed.peek()) {
      const value = this.value(position);
      if (!isTaken(value)) return value;
      this.freed.pop();
    }
    for (; this.watermark < this.capacity; this.watermark++) {
      const value = this.value(this.watermark);
      if (!isTaken(value)) return value;
    }
    return null;
  }

  /** To be called when an address is free again. O(log n). */
  released(value: bigint): void {
    const position = this.positionOf(value);
    if (position < this.watermark) this.freed.push(position);
  }

  share(group: string, value: bigint): void {
    this.sharedBy(group).add(this.positionOf(value));
  }

  unshare(group: string, value: bigint): void {
    const list = this.sharedBy(group);
    list.remove(this.positionOf(value));
    if (list.size === 0) this.shared.delete(group);
  }

  /** A port became free on an address of the group. */
  improved(group: string, value: bigint): void {
    this.sharedBy(group).improved(this.positionOf(value));
  }

  /** The lowest address that the Service's group uses and that passes. Answers are remembered for those with its ports. */
  firstShared({ group, ports }: Sharer, passes: (value: bigint) => boolean): bigint | null {
    const position = this.shared.get(group)?.first(ports.join(), (candidate) => passes(this.value(candidate))) ?? null;
    return position === null ? null : this.value(position);
  }

  private sharedBy(group: string): SharedList {
    let list = this.shared.get(group);
    if (!list) {
      list = new SharedList();
      this.shared.set(group, list);
    }
    return list;
  }

  /** Of an address that the pool gives out. */
  private positionOf(value: bigint): bigint {
    return this.position(value) as bigint;
  }

  private value(position: bigint): bigint {
    const block = lastWhere(this.blocks, (candidate) => candidate.offset <= position) as Block;
    const { range, offset, before } = block;
    if (!this.skipsBuggy) return range.first + (position - offset);
    const rank = before + (position - offset);
    return ((rank / 254n) << 8n) + (rank % 254n) + 1n;
  }

  /** How many usable addresses of the whole family are below the value. */
  private usableBelow(value: bigint): bigint {
    if (!this.skipsBuggy) return value;
    const last = value & 255n;
    return (value >> 8n) * 254n + (last === 0n ? 0n : last === 255n ? 254n : last - 1n);
  }
}

/** IPv4 addresses that end in .0 or .255, which some old routers and hosts take for network and broadcast. */
const isBuggy = (value: bigint): boolean => (value & 255n) === 0n || (value & 255n) === 255n;

/** The last item of an ascending list for which the test holds; it holds for a first part of the list. */
function lastWhere<T>(list: readonly T[], test: (item: T) => boolean): T | undefined {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (test(list[middle] as T)) low = middle + 1;
    else high = middle;
  }
  return list[low - 1];
}
