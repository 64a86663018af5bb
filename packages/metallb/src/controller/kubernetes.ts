import type { Service } from "#api";
import { ApiError, EventRecorder, type KubeClient, type KubeObject, RESOURCES, type Resource, type Where } from "#kube";
import type { Duration } from "#net";
import type { Logger } from "#process";
import type { ConfigText } from "#world";
import { KEPT_ADDRESSES, type KeptApi } from "./kept/store.ts";
import type { PoolApi } from "./pool-status.ts";
import type { Json, Recorder, ServiceApi, WriteResult } from "./ports.ts";

/** A write must be over, or ended, long before another process may take the Lease. */
const TIMEOUT = 10_000;
/** As field manager of what it makes by server-side apply. */
const MANAGER = "metallb-controller";

const limits = (signal: AbortSignal | undefined) => ({ timeout: TIMEOUT, ...(signal ? { signal } : {}) });

async function read(client: KubeClient, resource: Resource, where: Where, signal?: AbortSignal): Promise<Json | null> {
  try {
    return await client.get(resource, where, limits(signal));
  } catch (error) {
    if (error instanceof ApiError && error.isNotFound) return null;
    throw error;
  }
}

const writeStatus = (client: KubeClient, resource: Resource, where: Where, object: Json, signal?: AbortSignal) =>
  replace(client, resource, { ...where, subresource: "status" }, object, signal);

async function replace(
  client: KubeClient,
  resource: Resource,
  where: Where,
  object: Json,
  signal?: AbortSignal,
): Promise<WriteResult> {
  try {
    const written = await client.replace(resource, where, object as KubeObject, limits(signal));
    return { kind: "written", object: written };
  } catch (error) {
    if (error instanceof ApiError && error.isConflict) return { kind: "conflict" };
    if (error instanceof ApiError && error.isNotFound) return { kind: "gone" };
    throw error;
  }
}

export const serviceApi = (client: KubeClient): ServiceApi => ({
  read: (namespace, name, signal) => read(client, RESOURCES.services, { namespace, name }, signal),
  writeStatus: (namespace, name, object, signal) =>
    writeStatus(client, RESOURCES.services, { namespace, name }, object, signal),
});

export const poolApi = (client: KubeClient, namespace: string): PoolApi => ({
  read: (name, signal) => read(client, RESOURCES.ipaddresspools, { namespace, name }, signal),
  writeStatus: (name, object, signal) =>
    writeStatus(client, RESOURCES.ipaddresspools, { namespace, name }, object, signal),
});

export function keptApi(client: KubeClient, namespace: string): KeptApi {
  const where = { namespace, name: KEPT_ADDRESSES };
  const form = { apiVersion: "v1", kind: "ConfigMap", metadata: where };
  return {
    read: (signal) => read(client, RESOURCES.configmaps, where, signal),
    // By apply, since only then a Role can name what may be made.
    make: async (data, signal) => {
      await client.apply(RESOURCES.configmaps, where, { ...form, data }, MANAGER, false, limits(signal));
    },
    write: (object, signal) => replace(client, RESOURCES.configmaps, where, object, signal),
  };
}

/** Events on Services, as `metallb-controller`. */
export function eventRecorder(
  client: KubeClient,
  log: Logger,
): Recorder & {
  /** An event on the ConfigMap of the first MetalLBs. */
  refuse(map: ConfigText, reason: string): void;
  drain(milliseconds: Duration): Promise<void>;
} {
  const recorder = new EventRecorder(client, {
    component: "metallb-controller",
    onTrouble: (message) => log.warn(message, { op: "event" }),
  });
  return {
    record: ({ namespace, name, uid }: Service, { type, reason, message }) =>
      recorder.event({ resource: RESOURCES.services, namespace, name, uid }, type, reason, message),
    refuse: ({ namespace, name, uid }, reason) =>
      recorder.event({ resource: RESOURCES.configmaps, namespace, name, uid }, "Warning", "InvalidConfig", reason),
    drain: (milliseconds) => recorder.drain(milliseconds),
  };
}
