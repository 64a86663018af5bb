import { equal, type JsonObject, number, object, strings, text, texts } from "../base/json.ts";
import { generateName } from "../base/names.ts";
import { labelsOf } from "../kinds/resource.ts";
import type { Change, Collection } from "../store/storage.ts";
import type { Cluster } from "./cluster.ts";
import { serviceOf, slicesOf } from "./slices.ts";

type Labels = Readonly<Record<string, string>>;

/**
 * Makes the EndpointSlices of Services with a selector, as the controller of a real cluster does, and
 * runs beside the embedded API. A change of a Pod touches only the Services that select it: Services
 * are found by one label of their selector, Pods by each of theirs. Returns how to stop.
 */
export function runEndpointSlices(cluster: Cluster): () => void {
  const controller = new Controller(cluster);
  return controller.start();
}

class Controller {
  private readonly cluster: Cluster;
  private readonly services: Collection;
  private readonly pods: Collection;
  private readonly slices: Collection;
  /** `namespace key=value` → keys of the Services whose selector's first pair this is. */
  private readonly selectors = new Map<string, Set<string>>();
  /** `namespace key=value` → keys of the Pods with the label. */
  private readonly labelled = new Map<string, Set<string>>();
  /** Service key → keys of its slices. */
  private readonly owned = new Map<string, Set<string>>();
  private readonly dirty = new Set<string>();
  private scheduled = false;
  private stopped = false;

  constructor(cluster: Cluster) {
    this.cluster = cluster;
    this.services = cluster.storage.collection("services");
    this.pods = cluster.storage.collection("pods");
    this.slices = cluster.storage.collection("endpointslices");
  }

  start(): () => void {
    for (const pod of this.pods.values()) this.indexPod(pod.key, pod.object, true);
    for (const slice of this.slices.values()) this.indexSlice(slice.key, slice.object, true);
    for (const service of this.services.values()) {
      this.indexService(service.key, service.object, true);
      this.mark(service.key);
    }
    this.cluster.storage.follow((collection, change) => {
      if (!this.stopped) this.changed(collection, change);
    });
    return () => {
      this.stopped = true;
    };
  }

  private changed(collection: Collection, { type, entry, previous }: Change): void {
    const now = type === "DELETED" ? null : entry.object;
    const before = previous?.object ?? null;
    if (collection === this.services) {
      if (before) this.indexService(entry.key, before, false);
      if (now) this.indexService(entry.key, now, true);
      if (!now || !before || !equal(now.spec, before.spec) || !equal(labelsOf(now), labelsOf(before)))
        this.mark(entry.key);
    } else if (collection === this.pods) {
      for (const pod of [before, now]) if (pod) for (const service of this.selecting(pod)) this.mark(service);
      if (before) this.indexPod(entry.key, before, false);
      if (now) this.indexPod(entry.key, now, true);
    } else if (collection === this.slices) {
      if (before) this.indexSlice(entry.key, before, false);
      if (now) this.indexSlice(entry.key, now, true);
      // Somebody took one away: it is made again.
      if (!now && before) this.mark(serviceOf(before) ?? "");
    }
  }

  private mark(service: string): void {
    if (service === "") return;
    this.dirty.add(service);
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      if (this.stopped) return;
      const due = [...this.dirty];
      this.dirty.clear();
      for (const key of due) this.sync(key);
    });
  }

  private selecting(pod: JsonObject): string[] {
    const namespace = text(pod, "metadata", "namespace");
    const labels = labelsOf(pod);
    return Object.entries(labels)
      .flatMap(([key, value]) => [...(this.selectors.get(`${namespace} ${key}=${value}`) ?? [])])
      .filter((key) => matches(selectorOf(this.services.get(key)?.object), labels));
  }

  private selected(namespace: string, selector: Labels): JsonObject[] {
    const [first] = Object.entries(selector);
    if (!first) return [];
    const keys = this.labelled.get(`${namespace} ${first[0]}=${first[1]}`) ?? new Set<string>();
    return [...keys]
      .sort()
      .flatMap((key) => this.pods.get(key) ?? [])
      .map((entry) => entry.object)
      .filter((pod) => matches(selector, labelsOf(pod)));
  }

  private sync(key: string): void {
    const service = this.services.get(key)?.object;
    const present = [...(this.owned.get(key) ?? [])];
    const selector = selectorOf(service);
    if (!service || Object.keys(selector).length === 0 || text(service, "spec", "type") === "ExternalName") {
      // Without its Service nothing keeps a slice; without a selector slices are somebody else's.
      if (!service) for (const slice of present) this.drop(slice);
      return;
    }
    const pods = this.selected(text(service, "metadata", "namespace"), selector);
    const unused = new Set(present);
    for (const family of texts(service, "spec", "ipFamilies"))
      for (const wanted of slicesOf(service, pods, family)) this.put(wanted, unused);
    for (const slice of unused) this.drop(slice);
  }

  /** Writes the wanted slice into the one that fits best; nothing when one is already so. */
  private put(wanted: JsonObject, unused: Set<string>): void {
    const fitting = [...unused].filter((key) => {
      const slice = this.slices.get(key)?.object;
      return text(slice, "addressType") === wanted.addressType && equal(slice?.ports, wanted.ports);
    });
    const same = fitting.find((key) => {
      const slice = this.slices.get(key)?.object;
      return equal(slice?.endpoints, wanted.endpoints) && equal(labelsOf(slice ?? {}), labelsOf(wanted));
    });
    const found = same ?? fitting[0];
    if (found === undefined) {
      const metadata = object(wanted, "metadata");
      const name = generateName(text(metadata, "generateName"));
      this.cluster.create(this.slices, { ...wanted, metadata: { ...metadata, name } });
      return;
    }
    unused.delete(found);
    const old = this.slices.get(found)?.object;
    if (same !== undefined || !old) return;
    const before = object(old, "metadata");
    const metadata: JsonObject = {
      ...before,
      labels: object(wanted, "metadata", "labels"),
      generation: (number(before, "generation") ?? 0) + 1,
    };
    this.cluster.storage.commit(this.slices, found, { ...wanted, metadata });
  }

  private drop(key: string): void {
    if (this.slices.get(key)) this.cluster.delete(this.slices, key);
  }

  private indexService(key: string, service: JsonObject, add: boolean): void {
    const [first] = Object.entries(selectorOf(service));
    if (first) put(this.selectors, `${text(service, "metadata", "namespace")} ${first[0]}=${first[1]}`, key, add);
  }

  private indexPod(key: string, pod: JsonObject, add: boolean): void {
    const namespace = text(pod, "metadata", "namespace");
    for (const [label, value] of Object.entries(labelsOf(pod)))
      put(this.labelled, `${namespace} ${label}=${value}`, key, add);
  }

  private indexSlice(key: string, slice: JsonObject, add: boolean): void {
    const service = serviceOf(slice);
    if (service !== null) put(this.owned, service, key, add);
  }
}

function put(index: Map<string, Set<string>>, key: string, value: string, add: boolean): void {
  const set = index.get(key) ?? new Set();
  if (add) set.add(value);
  else set.delete(value);
  if (set.size === 0) index.delete(key);
  else index.set(key, set);
}

const selectorOf = (service: JsonObject | undefined): Labels => strings(service, "spec", "selector");

const matches = (selector: Labels, labels: Labels): boolean =>
  Object.keys(selector).length > 0 && Object.entries(selector).every(([key, value]) => labels[key] === value);
