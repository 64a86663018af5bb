import {
  ApiError,
  KeyedWriter,
  type KubeClient,
  type KubeObject,
  RESOURCES,
  type Reflector,
  type WriteOutcome,
  watch,
} from "#kube";
import { errorText } from "#process";
import { type OwnPod, ownedBy } from "#world";

export interface Layer2StatusOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly node: string;
  /** The own Pod, which then owns the objects, so that they go with it; null: nobody owns them. */
  readonly owner: Promise<OwnPod | null>;
  readonly trouble: (message: string) => void;
}

interface Standing {
  readonly name: string;
  readonly service: string;
  readonly node: string;
  readonly interfaces: readonly string[];
  /** Its status names this node and this Service. */
  readonly isTrue: boolean;
}

const LABEL = {
  node: "metallb.io/node",
  name: "metallb.io/service-name",
  namespace: "metallb.io/service-namespace",
} as const;
const PARALLEL = 8;
const BACKOFF = { first: 1_000, max: 60_000 };
/** As many objects as the API bears; beyond it announcements have none. */
const STATUS_LIMIT = 5_000;

/**
 * One ServiceL2Status a Service, written by the node that announces it: a new owner makes its own and
 * removes those of others, one that stopped removes its own alone.
 */
export class Layer2Status {
  private readonly options: Layer2StatusOptions;
  private readonly own: Reflector<Standing>;
  private readonly writer: KeyedWriter<readonly string[] | null>;
  private readonly wanted = new Map<string, readonly string[]>();

  constructor(options: Layer2StatusOptions) {
    this.options = options;
    const { client, namespace, node, trouble } = options;
    this.own = watch(client, RESOURCES.servicel2statuses, {
      namespace,
      labelSelector: `${LABEL.node}=${node}`,
      project: standing,
      indexes: { service: ({ service }) => [service] },
      same: (a, b) => a.service === b.service && sameInterfaces(a, b.interfaces) && a.isTrue === b.isTrue,
      onTrouble: trouble,
    });
    this.writer = new KeyedWriter({
      parallel: PARALLEL,
      backoff: BACKOFF,
      perform: (service, interfaces, { signal }) => this.perform(service, interfaces, signal),
      onFailure: (_, error) => {
        if (!(error instanceof ApiError && (error.isConflict || error.isNotFound))) trouble(errorText(error));
      },
    });
  }

  /** What stands of an earlier run and is not wanted goes once the first plan was told. */
  start(): void {
    this.own.onChange(() => this.look());
    this.own.start();
  }

  async stop(): Promise<void> {
    this.own.stop();
    await this.writer.stop();
  }

  /** Names of interfaces, empty for all; null: this node does not announce the Service. */
  want(service: string, interfaces: readonly string[] | null): void {
    if (interfaces === null) this.wanted.delete(service);
    else if (this.wanted.size < STATUS_LIMIT || this.wanted.has(service)) this.wanted.set(service, interfaces);
    if (this.own.isSynced) this.writer.want(service, this.wanted.get(service) ?? null);
  }

  /** Compares what stands with what is wanted: somebody may have deleted or changed it. */
  private look(): void {
    const seen = new Set<string>();
    for (const standing of this.own.store.values()) {
      const { service } = standing;
      const twice = seen.has(service);
      seen.add(service);
      const wanted = this.wanted.get(service);
      if (twice || !wanted || !says(standing, wanted)) this.writer.want(service, wanted ?? null);
    }
    for (const [service, interfaces] of this.wanted) if (!seen.has(service)) this.writer.want(service, interfaces);
  }

  private async perform(
    service: string,
    interfaces: readonly string[] | null,
    signal: AbortSignal,
  ): Promise<WriteOutcome> {
    const { node } = this.options;
    const all = await this.standing(service);
    const mine = all.filter((each) => each.node === node);
    if (interfaces === null) {
      for (const { name } of mine) await this.remove(name, signal);
      return "done";
    }
    const [first, ...others] = mine;
    if (!first) await this.create(service, interfaces, signal);
    else if (!says(first, interfaces)) await this.writeStatus(first.name, service, interfaces, signal);
    for (const { name } of [...others, ...all.filter((each) => each.node !== node)]) await this.remove(name, signal);
    return "done";
  }

  private async standing(service: string): Promise<readonly Standing[]> {
    const [namespace = "", name = ""] = service.split("/");
    const { items } = await this.options.client.list(
      RESOURCES.servicel2statuses,
      { namespace: this.options.namespace },
      { labelSelector: `${LABEL.namespace}=${namespace},${LABEL.name}=${name}` },
    );
    return (items ?? []).flatMap((item) => standing(item) ?? []);
  }

  private async create(service: string, interfaces: readonly string[], signal: AbortSignal): Promise<void> {
    const { client, namespace, node, owner } = this.options;
    const [serviceNamespace = "", serviceName = ""] = service.split("/");
    const pod = await owner;
    const object: KubeObject = {
      apiVersion: "metallb.io/v1beta1",
      kind: "ServiceL2Status",
      metadata: {
        generateName: "l2-",
        namespace,
        labels: { [LABEL.node]: node, [LABEL.name]: serviceName, [LABEL.namespace]: serviceNamespace },
        ...ownedBy(pod),
      },
    };
    const created = await client.create(RESOURCES.servicel2statuses, { namespace }, object, { signal });
    if (created.metadata?.name) await this.writeStatus(created.metadata.name, service, interfaces, signal);
  }

  private async writeStatus(
    name: string,
    service: string,
    interfaces: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    const { client, namespace, node } = this.options;
    const [serviceNamespace, serviceName] = service.split("/");
    const status = { node, serviceName, serviceNamespace, interfaces: interfaces.map((each) => ({ name: each })) };
    const where = { namespace, name, subresource: "status" } as const;
    await client.patch(RESOURCES.servicel2statuses, where, "merge", { status }, { signal });
  }

  private async remove(name: string, signal: AbortSignal): Promise<void> {
    const { client, namespace } = this.options;
    try {
      await client.remove(RESOURCES.servicel2statuses, { namespace, name }, undefined, { signal });
    } catch (error) {
      if (!(error instanceof ApiError && error.isNotFound)) throw error;
    }
  }
}

const sameInterfaces = ({ interfaces }: Standing, others: readonly string[]): boolean =>
  interfaces.length === others.length && interfaces.every((name, i) => name === others[i]);

const says = (standing: Standing, interfaces: readonly string[]): boolean =>
  standing.isTrue && sameInterfaces(standing, interfaces);

function standing(object: unknown): Standing | null {
  const { metadata, status } = object as {
    metadata?: { name?: string; labels?: Record<string, string> };
    status?: { interfaces?: unknown; node?: unknown; serviceName?: unknown; serviceNamespace?: unknown };
  };
  const labels = metadata?.labels ?? {};
  if (metadata?.name === undefined) return null;
  const list = Array.isArray(status?.interfaces) ? (status.interfaces as { name?: unknown }[]) : [];
  const [namespace = "", name = "", node = ""] = [labels[LABEL.namespace], labels[LABEL.name], labels[LABEL.node]];
  return {
    name: metadata.name,
    service: `${namespace}/${name}`,
    node,
    isTrue: status?.node === node && status.serviceName === name && status.serviceNamespace === namespace,
    interfaces: list.flatMap((each) => (typeof each.name === "string" ? [each.name] : [])),
  };
}
