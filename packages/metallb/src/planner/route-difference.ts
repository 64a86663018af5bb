import type { PathAttributes, TableChange } from "#bgp";
import type { Prefix } from "#net";
import type { BgpContext, Table } from "./bgp-context.ts";
import type { Route } from "./plan.ts";
import { type Holders, type PrefixHolders, type PrefixKey, prefixOfKey } from "./prefix-holders.ts";

export interface RouteDifference {
  /** In tables that peers read. */
  readonly routes: readonly TableChange[];
  /** In tables that no peer reads any more. */
  readonly after: readonly TableChange[];
}

class Change implements TableChange {
  readonly table: string;
  readonly announce: Route[] = [];
  readonly withdraw: Prefix[] = [];

  constructor(table: string) {
    this.table = table;
  }

  note(prefix: Prefix, now: PathAttributes | null): void {
    if (now) this.announce.push({ prefix, attributes: now });
    else this.withdraw.push(prefix);
  }
}

const isSome = ({ announce, withdraw }: Change): boolean => announce.length + withdraw.length > 0;

/**
 * What differs in each table. `touched`: prefixes whose holders changed, with the holders before; null
 * as `before`: there was nothing. With two contexts every prefix is looked at, with one those touched.
 */
export function routeDifference(
  before: BgpContext | null,
  now: BgpContext,
  touched: ReadonlyMap<PrefixKey, Holders>,
  holders: PrefixHolders,
): RouteDifference {
  const tables = pairs(before, now);
  const look = (key: PrefixKey, then: Holders): void => {
    const were = before?.effectsOf(then) ?? [];
    const are = now.effectsOf(holders.of(key));
    let prefix: Prefix | null = null;
    for (const { change, old, table } of tables) {
      const was = before && old ? before.attributesOf(old, key, were) : null;
      const is = table ? now.attributesOf(table, key, are) : null;
      if (was === is) continue;
      prefix ??= prefixOfKey(key);
      change.note(prefix, is);
    }
  };
  for (const [key, then] of touched) look(key, then);
  if (before !== now) for (const key of holders.prefixes()) if (!touched.has(key)) look(key, holders.of(key));
  return {
    routes: tables
      .filter(({ table }) => table)
      .map(({ change }) => change)
      .filter(isSome),
    after: tables
      .filter(({ table }) => !table)
      .map(({ change }) => change)
      .filter(isSome),
  };
}

/** The tables of both, each once. */
function pairs(
  before: BgpContext | null,
  now: BgpContext,
): readonly { readonly change: Change; readonly old: Table | undefined; readonly table: Table | undefined }[] {
  const olds = before?.parts.tables ?? new Map<string, Table>();
  const { tables } = now.parts;
  return [...new Set([...tables.keys(), ...olds.keys()])].map((name) => ({
    change: new Change(name),
    old: olds.get(name),
    table: tables.get(name),
  }));
}
