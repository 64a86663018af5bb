import { type KubeClient, RESOURCES } from "#kube";
import { errorText, type Logger } from "#process";

export interface OwnPod {
  readonly name: string;
  readonly uid: string;
  /** The name of the DaemonSet that runs it; null: none does. */
  readonly daemonSet: string | null;
}

/** The own Pod, which status objects are made to go with; null when there is none or it may not be read. */
export async function findOwnPod(
  client: Pick<KubeClient, "get">,
  namespace: string,
  name: string,
  log: Pick<Logger, "warn">,
): Promise<OwnPod | null> {
  if (name === "") return null;
  try {
    const { metadata } = await client.get(RESOURCES.pods, { namespace, name });
    if (!metadata?.uid) return null;
    const owners = (metadata.ownerReferences ?? []) as readonly { readonly kind: string; readonly name: string }[];
    const owner = owners.find(({ kind }) => kind === "DaemonSet");
    return { name, uid: metadata.uid, daemonSet: owner?.name ?? null };
  } catch (error) {
    log.warn("cannot read this process's Pod: its status objects will not be garbage-collected", {
      op: "startup",
      pod: name,
      error: errorText(error),
    });
    return null;
  }
}
