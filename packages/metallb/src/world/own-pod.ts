import { ApiError, type KubeClient, type KubeObject, RESOURCES } from "#kube";
import { backoff } from "#net";
import { errorText, type Logger } from "#process";

export interface OwnPod {
  readonly name: string;
  readonly uid: string;
  /** The name of the DaemonSet that runs it; null: none does. */
  readonly daemonSet: string | null;
}

/**
 * What makes an object go when the Pod goes; nothing where there is none. Holds these fields and no others: a
 * server-side apply is refused for a field that the API does not know.
 */
export const ownedBy = (pod: Pick<OwnPod, "name" | "uid"> | null) =>
  pod === null ? {} : { ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: pod.name, uid: pod.uid }] };

/** Pauses between tries while the API does not answer. */
const PAUSE = { first: 500, max: 30_000 };

/**
 * The own Pod, which status objects are made to go with; null when there is none or it may not be read. While the
 * API does not answer, as where a node starts before its control plane, it is asked again.
 */
export async function findOwnPod(
  client: Pick<KubeClient, "get">,
  namespace: string,
  name: string,
  log: Pick<Logger, "warn">,
): Promise<OwnPod | null> {
  if (name === "") return null;
  for (let failures = 1; ; failures++) {
    try {
      return podOf(name, await client.get(RESOURCES.pods, { namespace, name }));
    } catch (error) {
      const status = error instanceof ApiError ? error.status : 0;
      if (status === 403 || status === 404) {
        log.warn("cannot read this process's Pod: its status objects will not be garbage-collected", {
          op: "startup",
          pod: name,
          error: errorText(error),
        });
        return null;
      }
      // What the API does not answer is told by those who watch it.
      const pause = Math.max(backoff(PAUSE, failures, Math.random()), ApiError.asks(error));
      await new Promise<void>((resolve) => void setTimeout(resolve, pause).unref());
    }
  }
}

function podOf(name: string, { metadata }: KubeObject): OwnPod | null {
  if (!metadata?.uid) return null;
  const owners = (metadata.ownerReferences ?? []) as readonly { readonly kind: string; readonly name: string }[];
  const owner = owners.find(({ kind }) => kind === "DaemonSet");
  return { name, uid: metadata.uid, daemonSet: owner?.name ?? null };
}
