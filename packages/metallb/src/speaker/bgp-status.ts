import {
  ApiError,
  KeyedWriter,
  type KubeClient,
  type KubeObject,
  keyOf,
  RESOURCES,
  type Reflector,
  type WriteOutcome,
  watch,
} from "#kube";
import { errorText, type Logger } from "#process";
import { type OwnPod, ownedBy } from "#world";
import type { BgpStatusWriter } from "./announcements.ts";

export interface BgpStatusOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly node: string;
  /** The own Pod, which then owns the objects, so that they go with it; null: nobody owns them. */
  readonly owner: Promise<OwnPod | null>;
  readonly log: Pick<Logger, "warn">;
  readonly trouble: (message: string) => void;
  /** The peers that a Service is announced to now; null: none. */
  readonly peersOf: (service: string) => readonly string[] | null;
}

interface Standing {
  readonly name: string;
  readonly service: string;
  readonly peers: readonly string[];
}

/** One object a Service and node does not scale: beyond so many on this node none are added. */
const STATUS_LIMIT = 2_000;
/** Writes in flight: one object that the API is slow with delays no other. */
const PARALLEL = 8;
const BACKOFF = { first: 1_000, max: 60_000 };

const LABEL = {
  node: "metallb.io/node",
  name: "metallb.io/service-name",
  namespace: "metallb.io/service-namespace",
} as const;

/** Keeps the ServiceBGPStatus objects of this node equal to what is announced; writes nothing without a difference. */
export class BgpStatus implements BgpStatusWriter {
  private readonly options: BgpStatusOptions;
  private readonly objects: Reflector<Standing>;
  private readonly writer: KeyedWriter<readonly string[] | null>;
  private readonly wanted = new Map<string, readonly string[]>();
  /** Services that are left out since there are too many. */
  private readonly refused = new Set<string>();
  /** Objects that were made and that the watch has not told of yet, by Service. */
  private readonly made = new Map<string, Standing>();
  private isTold = false;
  private isLimitTold = false;

  constructor(options: BgpStatusOptions) {
    this.options = options;
    const { client, namespace, node, trouble } = options;
    this.objects = watch(client, RESOURCES.servicebgpstatuses, {
      namespace,
      labelSelector: `${LABEL.node}=${node}`,
      project: standing,
      indexes: { service: ({ service }) => [service] },
      same: (a, b) => a.service === b.service && String(a.peers) === String(b.peers),
      onTrouble: trouble,
    });
    this.writer = new KeyedWriter({
      parallel: PARALLEL,
      backoff: BACKOFF,
      perform: (service, peers, { signal }) => this.perform(service, peers, signal),
      onFailure: (_, error) => {
        if (!(error instanceof ApiError && (error.isConflict || error.isNotFound))) trouble(errorText(error));
      },
    });
  }

  start(): Promise<void> {
    this.objects.onChange((keys) => this.look(keys));
    this.objects.start();
    return this.objects.synced;
  }

  async stop(): Promise<void> {
    this.objects.stop();
    await this.writer.stop();
  }

  want(service: string, peers: readonly string[] | null): void {
    if (peers !== null && this.wanted.size >= STATUS_LIMIT && !this.wanted.has(service)) {
      this.refused.add(service);
      return this.tellLimit();
    }
    if (peers) this.wanted.set(service, peers);
    else if (this.wanted.delete(service)) this.admit();
    else this.refused.delete(service);
    this.write(service);
  }

  begin(): void {
    if (this.isTold) return;
    this.isTold = true;
    void this.objects.synced.then(() => {
      for (const service of new Set([
        ...this.wanted.keys(),
        ...[...this.objects.store.values()].map(({ service }) => service),
      ]))
        this.write(service);
    });
  }

  has(service: string): readonly string[] | undefined {
    return this.first(service)?.peers;
  }

  /** More Services are announced than have an object. */
  get isLimited(): boolean {
    return this.refused.size > 0;
  }

  private first(service: string): Standing | undefined {
    return this.objects.store.by("service", service).next().value;
  }

  /** Until all that is wanted is known, what stands is not wrong. */
  private write(service: string): void {
    if (this.isTold && this.objects.isSynced) this.writer.want(service, this.wanted.get(service) ?? null);
  }

  private look(keys: ReadonlySet<string>): void {
    let isGone = false;
    for (const key of keys) {
      const object = this.objects.store.get(key);
      if (!object) isGone = true;
      else {
        if (this.made.get(object.service)?.name === object.name) this.made.delete(object.service);
        if (!this.isAsWanted(object.service)) this.write(object.service);
      }
    }
    // What somebody deleted is written again: which Service it was is no longer known, so all that lack one are looked at.
    if (isGone) for (const service of this.wanted.keys()) if (!this.first(service)) this.write(service);
  }

  private isAsWanted(service: string): boolean {
    const [first, ...others] = this.objects.store.by("service", service);
    return others.length === 0 && String(first?.peers) === String(this.wanted.get(service));
  }

  /** Room for one that was left out. */
  private admit(): void {
    for (const service of this.refused) {
      this.refused.delete(service);
      const peers = this.options.peersOf(service);
      if (!peers) continue;
      this.wanted.set(service, peers);
      return this.write(service);
    }
  }

  private tellLimit(): void {
    if (this.isLimitTold) return;
    this.isLimitTold = true;
    this.options.log.warn(
      `more than ${STATUS_LIMIT} Services are announced: no further ServiceBGPStatus objects are written`,
      { op: "status" },
    );
  }

  private async perform(service: string, peers: readonly string[] | null, signal: AbortSignal): Promise<WriteOutcome> {
    const { client, namespace } = this.options;
    const found = [...this.objects.store.by("service", service)];
    const made = this.made.get(service);
    if (made && !found.some(({ name }) => name === made.name)) found.push(made);
    const [first, ...others] = found;
    for (const { name } of peers ? others : found) await this.remove(name, signal);
    if (!peers) this.made.delete(service);
    else if (first) {
      if (String(first.peers) === String(peers)) return "done";
      await this.writeStatus(first.name, service, peers, signal).catch((error: unknown) => {
        // Somebody deleted it before the watch told of it: the next try makes it anew.
        if (isGone(error)) this.made.delete(service);
        throw error;
      });
    } else {
      const created = await client.create(RESOURCES.servicebgpstatuses, { namespace }, await this.object(service), {
        signal,
      });
      const name = created.metadata?.name;
      if (!name) return "done";
      this.made.set(service, { name, service, peers: [] });
      await this.writeStatus(name, service, peers, signal);
      if (this.made.has(service)) this.made.set(service, { name, service, peers });
    }
    return "done";
  }

  private async remove(name: string, signal: AbortSignal): Promise<void> {
    try {
      await this.options.client.remove(
        RESOURCES.servicebgpstatuses,
        { namespace: this.options.namespace, name },
        undefined,
        { signal },
      );
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  private async writeStatus(
    name: string,
    service: string,
    peers: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    const [serviceNamespace, serviceName] = service.split("/");
    const { client, namespace, node } = this.options;
    const status = { node, serviceName, serviceNamespace, peers };
    const where = { namespace, name, subresource: "status" } as const;
    await client.patch(RESOURCES.servicebgpstatuses, where, "merge", { status }, { signal });
  }

  private async object(service: string): Promise<KubeObject> {
    const [serviceNamespace = "", serviceName = ""] = service.split("/");
    const { node, namespace } = this.options;
    const owner = await this.options.owner;
    return {
      apiVersion: "metallb.io/v1beta1",
      kind: "ServiceBGPStatus",
      metadata: {
        generateName: "bgp-",
        namespace,
        labels: { [LABEL.node]: node, [LABEL.name]: serviceName, [LABEL.namespace]: serviceNamespace },
        ...ownedBy(owner),
      },
    };
  }
}

const isGone = (error: unknown): boolean => error instanceof ApiError && error.isNotFound;

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
