import { type KubeClient, RESOURCES } from "#kube";
import type { Logger } from "#process";

/** The Pod that status objects belong to, so that they go with it. */
export interface Owner {
  readonly name: string;
  readonly uid: string;
}

/** The own Pod's reference; null when there is none or it may not be read. */
export async function ownPod(
  client: Pick<KubeClient, "get">,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  log: Logger,
): Promise<Owner | null> {
  if (name === "") return null;
  try {
    const { metadata } = await client.get(RESOURCES.pods, { namespace, name });
    return metadata?.uid ? { name, uid: metadata.uid } : null;
  } catch (error) {
    log.warn("cannot read this speaker's Pod: its status objects will not be garbage-collected", {
      op: "startup",
      pod: name,
      error: (error as Error).message,
    });
    return null;
  }
}
