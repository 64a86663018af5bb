import { randomUUID } from "node:crypto";
import { ensure, isObject, type JsonObject, list, object, objects, text } from "../base/json.ts";
import { MAX_OBJECT } from "../base/limits.ts";
import { CustomResources } from "../custom/custom-resources.ts";
import { definitionStrategy } from "../custom/definition.ts";
import { builtinResources } from "../kinds/builtin.ts";
import { Registry } from "../kinds/registry.ts";
import { apiVersionOf } from "../kinds/resource.ts";
import { ServiceAllocators } from "../kinds/service-allocators.ts";
import { type Change, type Collection, objectKey, type Storage } from "../store/storage.ts";

const DEFAULT_NAMESPACES = ["default", "kube-system", "kube-public", "kube-node-lease"];

/**
 * The state of the cluster: what is stored, what is served, and what follows from the objects
 * (addresses taken, objects per namespace, dependents per owner). Everything happens synchronously.
 */
export class Cluster {
  readonly storage: Storage;
  readonly registry = new Registry();
  readonly customResources: CustomResources;
  private readonly allocators = new ServiceAllocators();
  /** Keys (`collection key`) of the objects in a namespace. */
  private readonly contents = new Map<string, Set<string>>();
  /** Keys of the objects that name an owner's uid. */
  private readonly dependents = new Map<string, Set<string>>();
  private readonly now: () => number;

  constructor(storage: Storage, now: () => number) {
    this.storage = storage;
    this.now = now;
    for (const resource of builtinResources(this.allocators, definitionStrategy)) this.registry.add(resource);
    this.customResources = new CustomResources(this.registry, storage, now);
    // What a journal restored has no changes to follow.
    for (const collection of storage.all())
      for (const entry of collection.values()) this.follow(collection, entry.object, null);
    for (const entry of storage.collection("customresourcedefinitions").values())
      this.customResources.serve(entry.object);
    storage.follow((collection, change) => {
      this.follow(collection, change.type === "DELETED" ? null : change.entry.object, change.previous?.object ?? null);
      this.react(collection, change);
    });
    this.seed();
  }

  /** RFC 3339 with whole seconds, as metadata has it. */
  timestamp(): string {
    return `${new Date(this.now()).toISOString().slice(0, 19)}Z`;
  }

  /** Commits an object with a fresh identity. */
  create(collection: Collection, body: JsonObject): Change {
    const metadata = ensure(body, "metadata");
    metadata.uid ??= randomUUID();
    metadata.creationTimestamp ??= this.timestamp();
    const key = objectKey(text(metadata, "namespace"), text(metadata, "name"));
    return this.storage.commit(collection, key, body, MAX_OBJECT);
  }

  /** Removes an object and, as the garbage collector would, what it owned. */
  remove(collection: Collection, key: string): Change {
    return this.storage.commit(collection, key, null);
  }

  /** Deletes, or marks as deleting while finalizers remain. Returns what is left, null when it is gone. */
  delete(collection: Collection, key: string): Change | null {
    const entry = collection.get(key);
    if (!entry) return null;
    const metadata = object(entry.object, "metadata");
    if (list(metadata, "finalizers").length === 0) return this.remove(collection, key);
    if (metadata.deletionTimestamp !== undefined) return null;
    return this.storage.commit(collection, key, this.marked(entry.object));
  }

  /** The object with the marks of one that is being deleted. */
  marked(value: JsonObject): JsonObject {
    const metadata: JsonObject = {
      ...object(value, "metadata"),
      deletionTimestamp: this.timestamp(),
      deletionGracePeriodSeconds: 0,
    };
    if (typeof metadata.generation === "number") metadata.generation += 1;
    return { ...value, metadata };
  }

  /** Empties a terminating namespace and removes it once nothing is left in it. */
  private drain(namespace: string): void {
    for (const place of this.contents.get(namespace) ?? []) {
      const [collection = "", key = ""] = place.split(" ");
      this.delete(this.storage.collection(collection), key);
    }
    this.finish(namespace);
  }

  private finish(namespace: string): void {
    const namespaces = this.storage.collection("namespaces");
    const entry = namespaces.get(namespace);
    if (!entry || text(entry.object, "metadata", "deletionTimestamp") === "") return;
    if ((this.contents.get(namespace)?.size ?? 0) > 0 || list(entry.object, "metadata", "finalizers").length > 0)
      return;
    this.remove(namespaces, namespace);
  }

  private follow(collection: Collection, value: JsonObject | null, old: JsonObject | null): void {
    if (collection.name === "services") this.allocators.adopt(value, old);
    for (const [one, add] of [[old, false] as const, [value, true] as const]) {
      if (one === null) continue;
      const namespace = text(one, "metadata", "namespace");
      const place = `${collection.name} ${objectKey(namespace, text(one, "metadata", "name"))}`;
      if (namespace !== "") mark(this.contents, namespace, place, add);
      for (const owner of objects(one, "metadata", "ownerReferences"))
        mark(this.dependents, text(owner, "uid"), place, add);
    }
  }

  /** What the controllers of a real cluster would do, once the present write is answered. */
  private react(collection: Collection, change: Change): void {
    const value = change.entry.object;
    const deleted = change.type === "DELETED";
    if (collection.name === "customresourcedefinitions") this.customResources.changed(change);
    if (collection.name === "namespaces" && !deleted && text(value, "metadata", "deletionTimestamp") !== "")
      setImmediate(() => this.drain(text(value, "metadata", "name")));
    if (!deleted) return;
    const namespace = text(value, "metadata", "namespace");
    if (namespace !== "" && this.contents.get(namespace) === undefined) setImmediate(() => this.finish(namespace));
    const owned = this.dependents.get(text(value, "metadata", "uid"));
    if (owned) setImmediate(() => this.collect([...owned], text(value, "metadata", "uid")));
  }

  private collect(places: readonly string[], owner: string): void {
    for (const place of places) {
      const [name = "", key = ""] = place.split(" ");
      const collection = this.storage.collection(name);
      const owners = objects(collection.get(key)?.object, "metadata", "ownerReferences");
      // Another living owner keeps it.
      if (owners.length > 0 && owners.every((one) => text(one, "uid") === owner)) this.delete(collection, key);
    }
  }

  private seed(): void {
    const namespaces = this.storage.collection("namespaces");
    for (const name of DEFAULT_NAMESPACES) {
      if (namespaces.get(name)) continue;
      this.create(namespaces, {
        apiVersion: "v1",
        kind: "Namespace",
        metadata: { name, labels: { "kubernetes.io/metadata.name": name } },
        spec: { finalizers: ["kubernetes"] },
        status: { phase: "Active" },
      });
    }
  }

  /** The Service `kubernetes`, whose endpoint is this server. */
  seedService(address: string, port: number): void {
    const services = this.storage.collection("services");
    const old = services.get("default/kubernetes")?.object ?? null;
    const service: JsonObject = {
      apiVersion: "v1",
      kind: "Service",
      metadata: {
        name: "kubernetes",
        namespace: "default",
        labels: { component: "apiserver", provider: "kubernetes" },
      },
      spec: {
        type: "ClusterIP",
        clusterIP: "10.96.0.1",
        clusterIPs: ["10.96.0.1"],
        ipFamilies: ["IPv4"],
        ipFamilyPolicy: "SingleStack",
        internalTrafficPolicy: "Cluster",
        sessionAffinity: "None",
        ports: [{ name: "https", port: 443, protocol: "TCP", targetPort: port }],
      },
      status: { loadBalancer: {} },
    };
    if (old === null) this.create(services, service);
    const slices = this.storage.collection("endpointslices");
    const slice: JsonObject = {
      apiVersion: apiVersionOf({ group: "discovery.k8s.io", version: "v1" }),
      kind: "EndpointSlice",
      metadata: {
        name: "kubernetes",
        namespace: "default",
        generation: 1,
        labels: { "kubernetes.io/service-name": "kubernetes" },
      },
      addressType: address.includes(":") ? "IPv6" : "IPv4",
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
      ports: [{ name: "https", port, protocol: "TCP" }],
    };
    const known = slices.get("default/kubernetes");
    if (!known) this.create(slices, slice);
    else if (isObject(known.object.metadata))
      this.storage.commit(slices, known.key, { ...slice, metadata: known.object.metadata });
  }
}

function mark(index: Map<string, Set<string>>, key: string, place: string, add: boolean): void {
  const set = index.get(key);
  if (add) {
    if (set) set.add(place);
    else index.set(key, new Set([place]));
  } else if (set) {
    set.delete(place);
    if (set.size === 0) index.delete(key);
  }
}
