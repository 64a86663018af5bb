import { ApiError, KeyedWriter, type KubeClient, type KubeObject, RESOURCES } from "#kube";
import { errorText } from "#process";
import { ANNOUNCED, type ConditionText } from "./watched-service.ts";

interface Wanted {
  /** Null: none is to stand there. */
  readonly condition: ConditionText | null;
  /** RFC 3339; null: now. */
  readonly since: string | null;
}

const PARALLEL = 4;
/** What is forbidden is not asked for again for so long, milliseconds. */
const FORBIDDEN = 5 * 60_000;
const BACKOFF = { first: 1_000, max: 60_000 };
/** As field manager it owns this one condition and nothing else. */
const MANAGER = "metallb-announced";

/**
 * Writes one condition by server-side apply, so that it neither reads the Service before nor can take
 * anything else with it: not an address, not another's condition.
 */
export class AnnouncedWriter {
  private readonly client: KubeClient;
  private readonly writer: KeyedWriter<Wanted>;
  private forbiddenUntil = 0;

  constructor(client: KubeClient, mayWrite: () => boolean, trouble: (message: string) => void) {
    this.client = client;
    this.writer = new KeyedWriter<Wanted>({
      parallel: PARALLEL,
      mayWrite,
      backoff: BACKOFF,
      perform: async (key, wanted, { signal }) => {
        if (performance.now() < this.forbiddenUntil) return "stale";
        try {
          await this.apply(key, wanted, signal);
        } catch (error) {
          if (!(error instanceof ApiError)) throw error;
          if (error.isNotFound) return "done";
          if (error.status !== 403) throw error;
          this.forbiddenUntil = performance.now() + FORBIDDEN;
          trouble(`${error.message}: the ClusterRole of the controller needs the verb patch on services/status`);
          return "stale";
        }
        return "done";
      },
      onFailure: (_, error) => trouble(errorText(error)),
    });
  }

  /** `since`: when the status became what it is; null: now. */
  want(key: string, condition: ConditionText | null, since: string | null): void {
    this.writer.want(key, { condition, since });
  }

  /** Nothing is to be written. */
  forget(key: string): void {
    this.writer.settle(key);
  }

  stop(): Promise<void> {
    return this.writer.stop();
  }

  private async apply(key: string, { condition, since }: Wanted, signal: AbortSignal): Promise<void> {
    const slash = key.indexOf("/");
    const where = { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
    const lastTransitionTime = since || new Date().toISOString().replace(/\.\d+Z$/, "Z");
    const conditions = condition ? [{ type: ANNOUNCED, ...condition, lastTransitionTime }] : [];
    const object: KubeObject = { apiVersion: "v1", kind: "Service", metadata: where, status: { conditions } };
    await this.client.apply(RESOURCES.services, { ...where, subresource: "status" }, object, MANAGER, true, { signal });
  }
}
