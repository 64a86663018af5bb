import { type KubeClient, type KubeObject, RESOURCES } from "#kube";
import { errorText, type Logger } from "#process";
import type { OwnPod } from "#world";
import type { Leaving } from "./engine-registry.ts";

export interface LeavingSources {
  readonly client: Pick<KubeClient, "get">;
  readonly namespace: string;
  readonly node: string;
  readonly owner: Promise<OwnPod | null>;
  /** Whether any peer is to keep routes: otherwise it makes no difference, and nothing is asked. */
  readonly graceful: boolean;
  readonly log: Pick<Logger, "info" | "warn">;
  /** Milliseconds that the API may take to answer; the kubelet does not wait for long. */
  readonly limit?: number;
}

/**
 * What the API says of an object: `unknown` where it gave no answer, `refused` where it may not be asked, `none`
 * where there is nothing to ask for.
 */
type Found = KubeObject | "gone" | "refused" | "unknown" | "none";

/** The kubelet kills after two seconds (terminationGracePeriodSeconds); until the answer all goes on as before. */
const LIMIT = 1_200;
/** Milliseconds until it is asked anew. */
const AGAIN = 50;

/**
 * What becomes of the routes when the speaker ends. A speaker is expected back, so peers with graceful restart
 * keep them; the routes are withdrawn where nobody comes back, or traffic would find nobody: the node is gone or
 * shuts down, the DaemonSet is deleted, or the right to read nodes, without which no speaker works, was taken
 * away with all else. What cannot be found out counts as a restart. An uninstallation takes the rights away one
 * after the other while the Pods end already: where the first are gone, it is asked again whether all are.
 */
export async function leavingOf({
  client,
  namespace,
  node,
  owner,
  graceful,
  log,
  limit = LIMIT,
}: LeavingSources): Promise<Leaving> {
  if (!graceful) {
    log.info("shutting down: no peer has graceful restart, so every route is withdrawn", { op: "shutdown", node });
    return "withdraw";
  }
  const over = new Promise<"over">((resolve) => setTimeout(resolve, limit, "over").unref());
  let isOver = false;
  void over.then(() => {
    isOver = true;
  });
  const find = (resource: (typeof RESOURCES)["nodes"], where: { name: string; namespace?: string }): Promise<Found> =>
    Promise.race([
      client.get(resource, where).catch((error: unknown): Found => {
        const { status } = error as { status?: unknown };
        if (status === 404) return "gone";
        if (status === 401 || status === 403) return "refused";
        log.warn("cannot find out why the speaker ends", { op: "shutdown", of: where.name, error: errorText(error) });
        return "unknown";
      }),
      over.then((): Found => "unknown"),
    ]);
  const pod = await Promise.race([owner, Promise.resolve(null)]);
  const ask = async (): Promise<{ readonly why: string | null; readonly isDoubtful: boolean }> => {
    const [ownNode, daemonSet] = await Promise.all([
      find(RESOURCES.nodes, { name: node }),
      pod?.daemonSet ? find(RESOURCES.daemonsets, { namespace, name: pod.daemonSet }) : ("none" as const),
    ]);
    const isDoubtful = ownNode === "unknown" || daemonSet === "unknown" || daemonSet === "refused";
    return { why: reasonToWithdraw(ownNode, daemonSet), isDoubtful };
  };
  let { why, isDoubtful } = await ask();
  while (why === null && isDoubtful && !isOver) {
    await Promise.race([over, new Promise((resolve) => setTimeout(resolve, AGAIN))]);
    ({ why, isDoubtful } = await ask());
  }
  log.info(
    why === null
      ? "shutting down: the speaker is expected back, so peers with graceful restart keep the routes"
      : `shutting down: ${why}, so every route is withdrawn`,
    { op: "shutdown", node },
  );
  return why === null ? "keep" : "withdraw";
}

function reasonToWithdraw(node: Found, daemonSet: Found): string | null {
  if (node === "gone") return "the node is gone";
  if (node === "refused") return "its rights were taken away, as when MetalLB is uninstalled";
  if (isObject(node) && isShuttingDown(node)) return "the node shuts down";
  if (daemonSet === "gone" || (isObject(daemonSet) && daemonSet.metadata?.deletionTimestamp !== undefined))
    return "the DaemonSet is deleted";
  return null;
}

const isObject = (found: Found): found is KubeObject => typeof found === "object";

/** The kubelet says so while it ends Pods because the machine goes down (graceful node shutdown). */
function isShuttingDown({ status }: KubeObject): boolean {
  const { conditions } = (status ?? {}) as { conditions?: readonly Record<string, unknown>[] };
  return (conditions ?? []).some(
    ({ type, status: is, message }) => type === "Ready" && is !== "True" && message === "node is shutting down",
  );
}
