import type { Labels } from "#api";
import type { LabelPredicate } from "#config";
import type { Carried, Told } from "./told.ts";

/** A node as the whole cluster sees it. */
export interface NodeState {
  readonly name: string;
  readonly labels: Labels;
  /** What its speaker tells; null: none answers there. */
  readonly told: Told | null;
}

interface Speaking {
  readonly nodes: LabelPredicate;
  /** Null: all peers. Of an L2Advertisement absent. */
  readonly peers?: ReadonlySet<string> | null;
}

/** What a node that an advertisement selects does for it. */
export interface Reached {
  readonly state: NodeState;
  /** Peers of the advertisement with which the node should have a session. */
  readonly named: readonly string[];
  /** Those of them that are up, and what they carry. */
  readonly up: ReadonlyMap<string, Carried>;
}

/** The nodes that one advertisement selects, kept by difference: a change of one node costs one look at each advertisement. */
export class Reach {
  readonly nodes = new Map<string, Reached>();
  private readonly of: Speaking;

  constructor(of: Speaking, all: Iterable<NodeState>) {
    this.of = of;
    for (const state of all) this.set(state.name, state);
  }

  /** Null: the node is gone. */
  set(name: string, state: NodeState | null): void {
    if (state === null || !this.of.nodes(state.labels)) {
      this.nodes.delete(name);
      return;
    }
    const { peers: asked = null } = this.of;
    const named: string[] = [];
    const up = new Map<string, Carried>();
    for (const [peer, carried] of state.told?.peers ?? []) {
      if (asked !== null && !asked.has(peer)) continue;
      named.push(peer);
      if (carried !== "") up.set(peer, carried);
    }
    this.nodes.set(name, { state, named, up });
  }
}
