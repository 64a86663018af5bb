import type { Service } from "#api";
import { ApiError, EventRecorder, type KubeClient, type KubeObject, RESOURCES, type Resource, type Where } from "#kube";
import type { Logger } from "#process";
import type { PoolApi } from "./pool-status.ts";
import type { Json, Recorder, ServiceApi, WriteResult } from "./ports.ts";

async function read(client: KubeClient, resource: Resource, where: Where): Promise<Json | null> {
  try {
    return await client.get(resource, where);
  } catch (error) {
    if (error instanceof ApiError && error.isNotFound) return null;
    throw error;
  }
}

async function writeStatus(client: KubeClient, resource: Resource, where: Where, object: Json): Promise<WriteResult> {
  try {
    const written = await client.replace(resource, { ...where, subresource: "status" }, object as KubeObject);
    return { kind: "written", object: written };
  } catch (error) {
    if (error instanceof ApiError && error.isConflict) return { kind: "conflict" };
    if (error instanceof ApiError && error.isNotFound) return { kind: "gone" };
    throw error;
  }
}

/** `leading` is asked right before a write: a process that slept through its lease must not write. */
export const serviceApi = (client: KubeClient, leading: () => boolean): ServiceApi => ({
  read: (namespace, name) => read(client, RESOURCES.services, { namespace, name }),
  writeStatus: (namespace, name, object) => {
    if (!leading()) throw new Error("the lease is not held");
    return writeStatus(client, RESOURCES.services, { namespace, name }, object);
  },
});

export const poolApi = (client: KubeClient, namespace: string): PoolApi => ({
  read: (name) => read(client, RESOURCES.ipaddresspools, { namespace, name }),
  writeStatus: (name, object) => writeStatus(client, RESOURCES.ipaddresspools, { namespace, name }, object),
});

/** Events on Services, as `metallb-controller`. */
export function eventRecorder(client: KubeClient, log: Logger): Recorder {
  const recorder = new EventRecorder(client, {
    component: "metallb-controller",
    onTrouble: (message) => log.warn(message, { op: "event" }),
  });
  return {
    record: ({ namespace, name, uid }: Service, { type, reason, message }) =>
      recorder.event({ resource: RESOURCES.services, namespace, name, uid }, type, reason, message),
  };
}
