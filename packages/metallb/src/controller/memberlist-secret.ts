import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { ApiError, type KubeClient, type KubeObject, RESOURCES } from "#kube";
import { type Backoff, backoff } from "#net";
import type { Logger } from "#process";

interface Options {
  readonly client: Pick<KubeClient, "get" | "create">;
  readonly namespace: string;
  /** Empty: no Secret is made. */
  readonly name: string;
  /** The Deployment that owns the Secret, so that both go together; empty: nobody does. */
  readonly deployment: string;
  readonly log: Logger;
  /** Ends the attempts. */
  readonly signal: AbortSignal;
  /** Pauses between attempts. */
  readonly pauses?: Backoff;
}

const PAUSES = { first: 2_000, max: 30_000 };

/**
 * Makes the Secret from which speakers derive the key of their gossip, unless there is one: `secretkey`,
 * 16 random octets as 22 characters of unpadded base64. It is made once and never changed: speakers with
 * two keys would not hear each other. Tries again until it succeeds or the signal says to end.
 */
export async function ensureMemberlistSecret(options: Options): Promise<void> {
  const { client, namespace, name, log, signal } = options;
  if (name === "") return;
  let told = "";
  for (let failures = 1; !signal.aborted; failures++) {
    let asked = 0;
    try {
      if (await exists(() => client.get(RESOURCES.secrets, { namespace, name }))) return;
      await client.create(RESOURCES.secrets, { namespace }, await secretOf(options));
      log.info("memberlist Secret created", { op: "memberlist", secret: name });
      return;
    } catch (error) {
      // Another replica was quicker.
      if (error instanceof ApiError && error.status === 409) return;
      asked = ApiError.asks(error);
      const words = (error as Error).message;
      if (words !== told)
        log.warn("cannot create the memberlist Secret", { op: "memberlist", secret: name, error: words });
      told = words;
    }
    const next = Math.max(backoff(options.pauses ?? PAUSES, failures, Math.random()), asked);
    await pause(next, undefined, { signal, ref: false }).catch(() => {});
  }
}

async function secretOf({ client, namespace, name, deployment }: Options): Promise<KubeObject> {
  const owner =
    deployment === "" ? null : await found(() => client.get(RESOURCES.deployments, { namespace, name: deployment }));
  const reference = owner && { apiVersion: "apps/v1", kind: "Deployment", name: deployment, uid: owner.metadata?.uid };
  const key = randomBytes(16).toString("base64").replace(/=+$/, "");
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace, ...(reference ? { ownerReferences: [reference] } : {}) },
    stringData: { secretkey: key },
  } as KubeObject;
}

const exists = async (get: () => Promise<KubeObject>): Promise<boolean> => (await found(get)) !== null;

async function found(get: () => Promise<KubeObject>): Promise<KubeObject | null> {
  try {
    return await get();
  } catch (error) {
    if (error instanceof ApiError && error.isNotFound) return null;
    throw error;
  }
}
