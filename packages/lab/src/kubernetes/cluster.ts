import { crdOf, DEFINITIONS } from "metallb/api";
import {
  ApiError,
  createClient,
  type KubeClient,
  keyOf,
  loadCluster,
  RESOURCES,
  type Resource,
  watch,
} from "metallb/kube";
import { until } from "#base";
import {
  type Forward,
  forwardsOf,
  type PoolFacts,
  projectPool,
  projectService,
  projectSlice,
  type ServiceFacts,
} from "./facts.ts";
import type { KubeObject } from "./objects.ts";

/** The lab's own view of its cluster, kept up to date by watches. */
export interface LabCluster {
  /** Server-side apply of all at once; a status is written apart. */
  apply(objects: readonly KubeObject[]): Promise<void>;
  /** Whether there is such an object already. */
  has(object: KubeObject): Promise<boolean>;
  /** Of type LoadBalancer, by key. */
  services(): readonly ServiceFacts[];
  pools(): readonly PoolFacts[];
  /** What the nodes should forward. */
  forwards(): readonly Forward[];
  /** Told after each change of what `forwards` answers. */
  onChange(listener: () => void): void;
  close(): void;
}

const MANAGER = "metallb-lab";
/** Milliseconds until the API serves a kind that was just defined. */
const ESTABLISHED = 20_000;

/** Defines the custom resources and begins to watch. */
export async function openCluster(kubeconfig: string): Promise<LabCluster> {
  const loaded = loadCluster({ kubeconfig, env: {} });
  if (!loaded.ok) throw new Error(loaded.error);
  const client = createClient(loaded.value, { userAgent: MANAGER });
  await defineResources(client);

  const services = watch(client, RESOURCES.services, { project: projectService });
  const pools = watch(client, RESOURCES.ipaddresspools, { project: projectPool });
  const slices = watch(client, RESOURCES.endpointslices, {
    project: projectSlice,
    indexes: { service: (slice) => [slice.service] },
  });
  const reflectors = [services, pools, slices];
  for (const reflector of reflectors) reflector.start();
  await Promise.all(reflectors.map((reflector) => reflector.synced));
  return {
    apply: async (objects) => void (await Promise.all(objects.map((object) => apply(client, object)))),
    has: (object) => has(client, object),
    services: () => [...services.store.values()].toSorted((a, b) => a.key.localeCompare(b.key)),
    pools: () => [...pools.store.values()].toSorted((a, b) => a.name.localeCompare(b.name)),
    forwards: () =>
      [...services.store.values()].flatMap((service) =>
        forwardsOf(service, [...slices.store.by("service", service.key)]),
      ),
    onChange: (listener) => {
      services.onChange(listener);
      slices.onChange(listener);
    },
    close: () => {
      for (const reflector of reflectors) reflector.stop();
      client.close();
    },
  };
}

async function defineResources(client: KubeClient): Promise<void> {
  await Promise.all(DEFINITIONS.map((definition) => apply(client, crdOf(definition) as unknown as KubeObject)));
  const kinds = Object.values(RESOURCES).filter(({ group }) => group === "metallb.io");
  await until(
    async () => {
      const lists = kinds.map((kind) => client.list(kind, {}, { limit: 1 }));
      const answers = await Promise.allSettled(lists);
      return answers.every(({ status }) => status === "fulfilled") ? true : null;
    },
    { limit: ESTABLISHED, late: () => "the API does not serve the kinds of metallb.io" },
  );
}

async function apply(client: KubeClient, object: KubeObject): Promise<void> {
  const { status, ...main } = object;
  const resource = resourceOf(object);
  const where = { name: object.metadata.name, namespace: object.metadata.namespace };
  await client.apply(resource, where, main, MANAGER);
  if (status === undefined) return;
  // Not by apply: a node's addresses are a list keyed by type, and one of both families has a type twice.
  await client.patch(resource, { ...where, subresource: "status" }, "merge", { status });
}

async function has(client: KubeClient, object: KubeObject): Promise<boolean> {
  const { name, namespace } = object.metadata;
  try {
    const found = await client.get(resourceOf(object), { name, namespace });
    return keyOf(found) !== null;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return false;
    throw error;
  }
}

function resourceOf({ apiVersion, kind }: KubeObject): Resource {
  const resources: readonly Resource[] = Object.values(RESOURCES);
  const found = resources.find(
    ({ group, version, kind: name }) =>
      name === kind && (group === "" ? version : `${group}/${version}`) === apiVersion,
  );
  if (found === undefined) throw new Error(`the lab knows no ${kind} of ${apiVersion}`);
  return found;
}
