import type { AddressFamily } from "../settings.ts";
import { type PackParameters, packKey, packUpdates } from "./pack.ts";
import type { Entry, RouteTable } from "./route-table.ts";

/** Why a family's whole table is told. */
export type Whole = "initial" | "refresh" | "again";

/** Entries that are due, of which a turn takes some; each is told as it stands when its turn comes. */
export interface Job {
  /** Sessions that have jobs of one name share what is encoded; empty: nobody else has it. */
  readonly name: string;
  readonly entries: readonly Entry[];
  /** Changes from this position on are told later, and not by this job. */
  readonly bound: number;
  /** Markers around it. */
  readonly before: readonly Uint8Array[];
  readonly after: readonly Uint8Array[];
  /** Whose whole table it is, and why. */
  readonly whole: readonly [AddressFamily, Whole] | null;
  at: number;
}

/** What one peer is being told, a turn at a time: see {@link RouteTable.turn}. */
export class Turns {
  private jobs: Job[] = [];

  add(name: string, entries: readonly Entry[], bound: number, more: Partial<Job>): void {
    const unique = name && `${name} ${bound}`;
    this.jobs.push({ name: unique, entries, bound, before: [], after: [], whole: null, at: 0, ...more });
  }

  /** Entries that are still to be told. */
  get left(): number {
    return this.jobs.reduce((sum, { entries, at }) => sum + entries.length - at, 0);
  }

  /** What was begun and is not at its end is not told any more. */
  giveUp(): readonly Job[] {
    return this.jobs.splice(0);
  }

  /** The messages of one turn. `more` adds what else is due, when all is told. */
  next(
    table: RouteTable,
    families: readonly AddressFamily[],
    parameters: PackParameters,
    more: () => void,
  ): readonly Uint8Array[] {
    const chunks: Uint8Array[] = [];
    // A turn that brings nothing is none: nobody would call for the next.
    for (let room = table.turn; room > 0 || chunks.length === 0; ) {
      if (this.jobs.length === 0) more();
      const [job] = this.jobs;
      if (!job) break;
      if (room <= 0) room = table.turn;
      if (job.at === 0) chunks.push(...job.before);
      const end = Math.min(job.entries.length, job.at + room);
      room -= end - job.at;
      chunks.push(...packed(job, end, table, families, parameters));
      job.at = end;
      if (end < job.entries.length) continue;
      chunks.push(...job.after);
      this.jobs.shift();
    }
    return chunks;
  }
}

/** Sessions with equal parameters at an equal place share what is encoded once. */
function packed(
  { name, entries, at, bound }: Job,
  end: number,
  table: RouteTable,
  families: readonly AddressFamily[],
  parameters: PackParameters,
): readonly Uint8Array[] {
  if (at === end) return [];
  const key = `${name} ${at} ${end} ${packKey(parameters, families)}`;
  const known = name === "" ? undefined : table.cache.get(key);
  if (known) return known;
  // What changed meanwhile is told with the changes, and what lost its next hop is withdrawn elsewhere.
  const [four, six] = [families.includes("ipv4-unicast"), families.includes("ipv6-unicast")];
  const still: Entry[] = [];
  for (let i = at; i < end; i++) {
    const entry = entries[i] as Entry;
    if (entry.changedAt < bound && (entry.attributes === null || (typeof entry.key === "number" ? four : six)))
      still.push(entry);
  }
  const chunks = packUpdates(still, parameters);
  table.packed += end - at;
  if (name !== "") table.cache.set(key, chunks);
  return chunks;
}
