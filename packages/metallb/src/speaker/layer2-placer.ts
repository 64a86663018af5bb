import { L2_NODE } from "#api";
import { ApiError, KeyedWriter, type KubeClient, RESOURCES, type WriteOutcome } from "#kube";
import type { Duration } from "#net";
import { type Plan, placements, placerOf } from "#planner";
import { errorText } from "#process";

export interface Layer2PlacerOptions {
  readonly client: Pick<KubeClient, "get" | "patch">;
  readonly node: string;
  readonly plan: () => Pick<Plan, "placeable">;
  /** Speakers that are alive; null: nothing is known, and nothing is placed. */
  readonly members: () => ReadonlySet<string> | null;
  readonly sha256: (text: string) => Uint8Array;
  readonly trouble: (message: string) => void;
  /** What differs within this is looked at together. */
  readonly after?: Duration;
}

const AFTER: Duration = 100;
const PARALLEL = 4;
const BACKOFF = { first: 500, max: 60_000 };

/**
 * Places balanced Services that have no place, or whose node is lost, by an annotation that all speakers read. One
 * member does so; until it has, and where it may not write, the election decides.
 */
export class Layer2Placer {
  private readonly options: Layer2PlacerOptions;
  private readonly writer: KeyedWriter<string>;
  private timer: NodeJS.Timeout | null = null;
  private stopped = false;

  constructor(options: Layer2PlacerOptions) {
    this.options = options;
    this.writer = new KeyedWriter({
      parallel: PARALLEL,
      backoff: BACKOFF,
      perform: (key, node, { signal }) => this.perform(key, node, signal),
      onFailure: (_, error) => options.trouble(errorText(error)),
    });
  }

  /** The plan differs. */
  look(): void {
    const { plan, after = AFTER } = this.options;
    if (this.stopped || this.timer || plan().placeable.size === 0) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.place();
    }, after).unref();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    if (this.timer) clearTimeout(this.timer);
    await this.writer.stop();
  }

  /** The node whose speaker places; null: nobody does. */
  get node(): string | null {
    const { members, sha256 } = this.options;
    const alive = members();
    return alive && placerOf(alive, sha256);
  }

  private place(): void {
    const { node, plan } = this.options;
    if (this.node !== node) return;
    for (const [key, place] of placements(plan().placeable)) this.writer.want(key, place);
  }

  /** Only where the Service is as it was: an operator may have moved it meanwhile. */
  private async perform(key: string, node: string, signal: AbortSignal): Promise<WriteOutcome> {
    const placeable = this.options.plan().placeable.get(key);
    const { placed = null, written } = placeable ?? {};
    // Of those that share an address each follows the first.
    if (!placeable || (placed !== null && (placed !== node || written === node))) return "stale";
    const [namespace = "", name = ""] = key.split("/");
    try {
      const { metadata } = await this.options.client.get(RESOURCES.services, { namespace, name }, { signal });
      const standing = metadata?.annotations?.[L2_NODE];
      if (standing !== undefined && (placed === null ? placeable.field.includes(standing) : standing !== written))
        return "stale";
      const patch = { metadata: { resourceVersion: metadata?.resourceVersion, annotations: { [L2_NODE]: node } } };
      const where = { namespace, name, subresource: "status" } as const;
      await this.options.client.patch(RESOURCES.services, where, "merge", patch, { signal });
    } catch (error) {
      if (!(error instanceof ApiError && [403, 404].includes(error.status))) throw error;
      if (error.status === 403) this.options.trouble(`Services are not placed: ${errorText(error)}`);
    }
    return "done";
  }
}
