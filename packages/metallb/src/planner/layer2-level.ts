import type { Ip } from "#net";

/** An address and the Services that have it. */
export interface Item {
  readonly services: string[];
  readonly ip: Ip;
  /** The nodes that could announce it. */
  readonly field: readonly string[];
  readonly placed: string | null;
}

interface Step {
  readonly from: string;
  readonly item: Item;
}

/** The addresses of a subnet, which nodes pass on to each other until all have equally many. */
export class Level {
  private readonly places: Map<Item, string>;
  private readonly held = new Map<string, Set<Item>>();

  constructor(places: ReadonlyMap<Item, string>) {
    this.places = new Map(places);
    for (const [item, place] of places) {
      for (const node of item.field) this.heldBy(node);
      this.heldBy(place).add(item);
    }
  }

  at(item: Item): string {
    return this.places.get(item) ?? "";
  }

  /**
   * One address leaves the node that has most for one that has two less or fewer, by way of others where those alone
   * can announce what the first has. False: none can be levelled any more. Each time the sum of squares gets less.
   */
  passOn(): boolean {
    const nodes = [...this.held].sort(([a, x], [b, y]) => y.size - x.size || (a < b ? -1 : 1));
    for (const [source, { size }] of nodes) {
      const steps = this.path(source, size - 2);
      for (const { from, item, to } of steps) {
        this.heldBy(from).delete(item);
        this.heldBy(to).add(item);
        this.places.set(item, to);
      }
      if (steps.length > 0) return true;
    }
    return false;
  }

  /** The shortest way to a node that has at most so many; of those as near the one with fewest. */
  private path(source: string, most: number): readonly (Step & { readonly to: string })[] {
    if (most < 0) return [];
    const steps = new Map<string, Step>();
    for (let near: readonly string[] = [source]; near.length > 0; ) {
      const next: string[] = [];
      for (const from of near)
        for (const item of this.heldBy(from))
          for (const node of item.field) {
            if (node === source || steps.has(node)) continue;
            steps.set(node, { from, item });
            next.push(node);
          }
      const target = fewest(next, (node) => this.heldBy(node).size);
      if (target !== null && this.heldBy(target).size <= most) return way(steps, source, target);
      near = next;
    }
    return [];
  }

  private heldBy(node: string): Set<Item> {
    const items = this.held.get(node) ?? new Set<Item>();
    this.held.set(node, items);
    return items;
  }
}

function fewest(nodes: readonly string[], countOf: (node: string) => number): string | null {
  let best: string | null = null;
  for (const node of nodes) {
    const less = best === null ? -1 : countOf(node) - countOf(best);
    if (less < 0 || (less === 0 && best !== null && node < best)) best = node;
  }
  return best;
}

function way(steps: ReadonlyMap<string, Step>, source: string, target: string) {
  const taken: (Step & { to: string })[] = [];
  for (let to = target; to !== source; ) {
    const step = steps.get(to);
    if (!step) return [];
    taken.push({ ...step, to });
    to = step.from;
  }
  return taken;
}
