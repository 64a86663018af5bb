import type { PathAttributes, TableChange } from "#bgp";
import type { BgpAdvertisement } from "#config";
import { formatPrefix, type Prefix } from "#net";
import type { AttributeTable } from "./attributes.ts";
import type { Route } from "./plan.ts";

interface Shared {
  readonly prefix: Prefix;
  /** How many Services want the prefix by each advertisement. */
  readonly wanted: Map<BgpAdvertisement, number>;
  attributes: PathAttributes;
}

/**
 * The routes of one table with a count of who wants each, so that one Service of an address that is
 * shared, or of an aggregate, comes and goes at a cost that does not grow with the others.
 */
export class RouteSet {
  private readonly routes = new Map<string, Shared>();
  private readonly touched = new Set<string>();
  private readonly attributes: AttributeTable;

  /** Names of the advertisements for named peers whose routes stand here too. */
  readonly named: ReadonlySet<string>;

  constructor(attributes: AttributeTable, named: ReadonlySet<string>) {
    this.attributes = attributes;
    this.named = named;
  }

  add(prefix: Prefix, advertisement: BgpAdvertisement): void {
    const key = formatPrefix(prefix);
    let route = this.routes.get(key);
    if (!route) {
      route = { prefix, wanted: new Map(), attributes: this.attributes.of([advertisement]) };
      this.routes.set(key, route);
      this.touched.add(key);
    }
    const count = route.wanted.get(advertisement) ?? 0;
    route.wanted.set(advertisement, count + 1);
    if (count === 0) this.touched.add(key);
  }

  remove(prefix: Prefix, advertisement: BgpAdvertisement): void {
    const key = formatPrefix(prefix);
    const route = this.routes.get(key);
    const count = route?.wanted.get(advertisement);
    if (!route || count === undefined) return;
    if (count > 1) route.wanted.set(advertisement, count - 1);
    else {
      route.wanted.delete(advertisement);
      this.touched.add(key);
    }
  }

  /** What changed since it was last asked; `told` is what the peers were told before, prefix text → attributes. */
  takeChange(table: string, told: Map<string, Route>): TableChange | null {
    const announce: Route[] = [];
    const withdraw: Prefix[] = [];
    for (const key of this.touched) {
      const route = this.routes.get(key);
      const before = told.get(key);
      if (route && route.wanted.size > 0) {
        route.attributes = this.attributes.of(route.wanted.keys());
        if (before?.attributes === route.attributes) continue;
        const now = { prefix: route.prefix, attributes: route.attributes };
        announce.push(now);
        told.set(key, now);
        continue;
      }
      this.routes.delete(key);
      if (!before) continue;
      withdraw.push(before.prefix);
      told.delete(key);
    }
    this.touched.clear();
    return announce.length + withdraw.length === 0 ? null : { table, announce, withdraw };
  }

  /** Marks everything that the peers were told and this set does not hold, so that it is withdrawn. */
  touchAll(told: ReadonlyMap<string, Route>): void {
    for (const key of told.keys()) this.touched.add(key);
  }
}
