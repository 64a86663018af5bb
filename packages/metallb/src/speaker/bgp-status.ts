import { ApiError, type KubeClient, type KubeObject, keyOf, RESOURCES, type Reflector, watch } from "#kube";
import type { Logger } from "#process";
import type { OwnPod } from "#world";
import type { BgpStatusWriter } from "./announcements.ts";

export interface BgpStatusOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly node: string;
  /** The own Pod, which then owns the objects, so that they go with it; null: nobody owns them. */
  readonly owner: Promise<OwnPod | null>;
  readonly log: Logger;
  readonly trouble: (message: string) => void;
}

interface Standing {
  readonly name: string;
  readonly service: string;
  readonly peers: readonly string[];
}

/** One object a Service and node does not scale: beyond so many on this node none are added. */
const LIMIT = 2_000;
const FIRST_PAUSE = 1_000;
const MAX_PAUSE = 60_000;

const LABEL = {
  node: "metallb.io/node",
  name: "metallb.io/service-name",
  namespace: "metallb.io/service-namespace",
} as const;

/** Keeps the ServiceBGPStatus objects of this node equal to what is announced: one write at a time, none without a difference. */
export class BgpStatus implements BgpStatusWriter {
  readonly #options: BgpStatusOptions;
  readonly #objects: Reflector<Standing>;
  readonly #wanted = new Map<string, readonly string[]>();
  readonly #dirty = new Set<string>();
  #begun = false;
  #running = false;
  #stopped = false;
  #failures = 0;
  #limitTold = false;

  constructor(options: BgpStatusOptions) {
    this.#options = options;
    const { client, namespace, node, trouble } = options;
    this.#objects = watch(client, RESOURCES.servicebgpstatuses, {
      namespace,
      labelSelector: `${LABEL.node}=${node}`,
      project: standing,
      indexes: { service: ({ service }) => [service] },
      same: (a, b) => a.service === b.service && String(a.peers) === String(b.peers),
      onTrouble: trouble,
    });
  }

  start(): Promise<void> {
    this.#objects.onChange((keys) => {
      for (const key of keys) {
        const service = this.#objects.store.get(key)?.service;
        if (service !== undefined) this.#dirty.add(service);
      }
      // What somebody deleted is written again: which Service it was is no longer known, so all that lack one are looked at.
      if ([...keys].some((key) => !this.#objects.store.has(key)))
        for (const service of this.#wanted.keys()) if (!this.#first(service)) this.#dirty.add(service);
      this.#run();
    });
    this.#objects.start();
    return this.#objects.synced;
  }

  stop(): void {
    this.#stopped = true;
    this.#objects.stop();
  }

  want(service: string, peers: readonly string[] | null): void {
    if (peers === null) this.#wanted.delete(service);
    else if (this.#wanted.size >= LIMIT && !this.#wanted.has(service)) return this.#tellLimit();
    else this.#wanted.set(service, peers);
    this.#dirty.add(service);
    this.#run();
  }

  begin(): void {
    this.#begun = true;
    this.#run();
  }

  has(service: string): readonly string[] | undefined {
    return this.#first(service)?.peers;
  }

  #first(service: string): Standing | undefined {
    return this.#objects.store.by("service", service).next().value;
  }

  #tellLimit(): void {
    if (this.#limitTold) return;
    this.#limitTold = true;
    this.#options.log.warn(
      `more than ${LIMIT} Services are announced: no further ServiceBGPStatus objects are written`,
      { op: "status" },
    );
  }

  #run(): void {
    if (this.#begun && !this.#running && !this.#stopped && this.#objects.isSynced) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#running = true;
    for (const service of this.#dirty) {
      if (this.#stopped) break;
      this.#dirty.delete(service);
      try {
        await this.#reconcile(service);
        this.#failures = 0;
      } catch (error) {
        if (!(error instanceof ApiError && (error.isConflict || error.isNotFound)))
          this.#options.trouble((error as Error).message);
        this.#dirty.add(service);
        await new Promise((resolve) =>
          setTimeout(resolve, Math.min(MAX_PAUSE, FIRST_PAUSE * 2 ** Math.min(this.#failures++, 6))),
        );
      }
    }
    this.#running = false;
  }

  async #reconcile(service: string): Promise<void> {
    const { client, namespace } = this.#options;
    const peers = this.#wanted.get(service);
    const [first, ...others] = this.#objects.store.by("service", service);
    for (const extra of peers ? others : [...(first ? [first] : []), ...others]) await this.#remove(extra.name);
    if (!peers) return;
    if (first) {
      if (String(first.peers) !== String(peers)) await this.#writeStatus(first.name, service, peers);
      return;
    }
    const created = await client.create(RESOURCES.servicebgpstatuses, { namespace }, await this.#object(service));
    const name = created.metadata?.name;
    if (name) await this.#writeStatus(name, service, peers);
  }

  async #remove(name: string): Promise<void> {
    try {
      await this.#options.client.remove(RESOURCES.servicebgpstatuses, { namespace: this.#options.namespace, name });
    } catch (error) {
      if (!(error instanceof ApiError && error.isNotFound)) throw error;
    }
  }

  async #writeStatus(name: string, service: string, peers: readonly string[]): Promise<void> {
    const [serviceNamespace, serviceName] = service.split("/");
    const { client, namespace, node } = this.#options;
    await client.patch(RESOURCES.servicebgpstatuses, { namespace, name, subresource: "status" }, "merge", {
      status: { node, serviceName, serviceNamespace, peers },
    });
  }

  async #object(service: string): Promise<KubeObject> {
    const [serviceNamespace = "", serviceName = ""] = service.split("/");
    const { node, namespace } = this.#options;
    const owner = await this.#options.owner;
    return {
      apiVersion: "metallb.io/v1beta1",
      kind: "ServiceBGPStatus",
      metadata: {
        generateName: "bgp-",
        namespace,
        labels: { [LABEL.node]: node, [LABEL.name]: serviceName, [LABEL.namespace]: serviceNamespace },
        ...(owner ? { ownerReferences: [{ apiVersion: "v1", kind: "Pod", ...owner }] } : {}),
      },
    };
  }
}

function standing(object: unknown): Standing | null {
  const { metadata, status } = object as {
    metadata?: { name?: string; labels?: Record<string, string> };
    status?: { peers?: unknown };
  };
  const labels = metadata?.labels ?? {};
  if (keyOf(object) === null || metadata?.name === undefined) return null;
  const peers = Array.isArray(status?.peers) ? status.peers.filter((peer) => typeof peer === "string") : [];
  return { name: metadata.name, service: `${labels[LABEL.namespace] ?? ""}/${labels[LABEL.name] ?? ""}`, peers };
}
