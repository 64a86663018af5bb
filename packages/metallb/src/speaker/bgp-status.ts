import { type KubeClient, type KubeObject, RESOURCES } from "#kube";
import type { Logger } from "#process";
import type { OwnPod } from "#world";
import type { BgpStatusWriter } from "./announcements.ts";
import { type StatusKind, StatusObjects } from "./status-objects.ts";

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

/** What an object says: the peers, sorted; and in the one that sums up, of how many Services. */
interface Said {
  readonly peers: readonly string[];
  readonly further: number;
}

/** One object a Service and node does not scale: beyond so many on this node one object stands for the rest. */
const STATUS_LIMIT = 2_000;
/** The key of that object; no Service has it, since the names of Services are not empty. */
const SUMMARY = "/";
/** Services that come and go together are summed up together, milliseconds. */
const GATHER = 500;

const LABEL = {
  node: "metallb.io/node",
  name: "metallb.io/service-name",
  namespace: "metallb.io/service-namespace",
} as const;

/** Keeps the ServiceBGPStatus objects of this node equal to what is announced. */
export class BgpStatus implements BgpStatusWriter {
  private readonly options: BgpStatusOptions;
  private readonly objects: StatusObjects<Said>;
  /** Services that have no object of their own since there are too many, with their peers. */
  private readonly refused = new Map<string, readonly string[]>();
  private isLimitTold = false;
  private summing: NodeJS.Timeout | null = null;
  private isOver = false;

  constructor(options: BgpStatusOptions) {
    this.options = options;
    const { client, namespace, node, owner, trouble } = options;
    this.objects = new StatusObjects({ client, namespace, owner, trouble, kind: kindOf(node) });
  }

  start(): Promise<void> {
    return this.objects.start();
  }

  async stop(): Promise<void> {
    this.isOver = true;
    if (this.summing) clearTimeout(this.summing);
    await this.objects.stop();
  }

  want(service: string, peers: readonly string[] | null): void {
    const { wants } = this.objects;
    const own = wants.size - (wants.has(SUMMARY) ? 1 : 0);
    if (peers !== null && own >= STATUS_LIMIT && !wants.has(service)) {
      this.refused.set(service, peers);
      this.tellLimit();
      return this.sumUp();
    }
    if (peers === null && this.refused.delete(service)) return this.sumUp();
    const had = wants.has(service);
    this.objects.want(service, peers === null ? null : { peers, further: 0 });
    if (peers === null && had) this.admit();
  }

  begin(): void {
    this.writeSummary();
    this.objects.begin();
  }

  has(service: string): readonly string[] | undefined {
    return this.objects.standing(service)?.peers;
  }

  /** More Services are announced than have an object. */
  get isLimited(): boolean {
    return this.refused.size > 0;
  }

  /** Room for one that was left out. */
  private admit(): void {
    for (const service of this.refused.keys()) {
      this.refused.delete(service);
      this.sumUp();
      const peers = this.options.peersOf(service);
      if (!peers) continue;
      return this.objects.want(service, { peers, further: 0 });
    }
  }

  private sumUp(): void {
    if (this.isOver) return;
    this.summing ??= setTimeout(() => {
      this.summing = null;
      this.writeSummary();
    }, GATHER).unref();
  }

  private writeSummary(): void {
    const peers = new Set<string>();
    for (const each of this.refused.values()) for (const peer of each) peers.add(peer);
    const further = this.refused.size;
    if (further > 0) this.objects.want(SUMMARY, { peers: [...peers].sort(), further });
    else if (this.objects.wants.has(SUMMARY)) this.objects.want(SUMMARY, null);
  }

  private tellLimit(): void {
    if (this.isLimitTold) return;
    this.isLimitTold = true;
    this.options.log.warn(
      `more than ${STATUS_LIMIT} Services are announced: one ServiceBGPStatus sums up those beyond`,
      { op: "status" },
    );
  }
}

const kindOf = (node: string): StatusKind<Said> => ({
  resource: RESOURCES.servicebgpstatuses,
  labelSelector: `${LABEL.node}=${node}`,
  metadata: (key) => {
    const [namespace = "", name = ""] = key.split("/");
    const service = key === SUMMARY ? {} : { [LABEL.name]: name, [LABEL.namespace]: namespace };
    return { generateName: key === SUMMARY ? "bgp-summary-" : "bgp-", labels: { [LABEL.node]: node, ...service } };
  },
  read,
  same: (a, b) => a.further === b.further && String(a.peers) === String(b.peers),
  body: (key, { peers, further }) => {
    if (key === SUMMARY) return { node, peers, furtherServices: further };
    const [serviceNamespace, serviceName] = key.split("/");
    return { node, serviceName, serviceNamespace, peers };
  },
});

function read(object: unknown): ReturnType<StatusKind<Said>["read"]> {
  const { metadata, status } = object as {
    metadata?: KubeObject["metadata"];
    status?: { peers?: unknown; furtherServices?: unknown };
  };
  const labels = metadata?.labels ?? {};
  const key = `${labels[LABEL.namespace] ?? ""}/${labels[LABEL.name] ?? ""}`;
  if (!status) return { key, status: null };
  const peers = Array.isArray(status.peers) ? status.peers.filter((peer) => typeof peer === "string") : [];
  const further = typeof status.furtherServices === "number" ? status.furtherServices : 0;
  return { key, status: { peers, further } };
}
