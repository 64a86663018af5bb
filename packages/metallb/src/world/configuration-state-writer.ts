import type { Problem } from "#config";
import { ApiError, type KubeClient, type KubeObject, RESOURCES, type Reflector, watch } from "#kube";
import { errorText } from "#process";
import {
  ConfigurationStateMachine,
  labelsOf,
  type StandingState,
  type StateCondition,
  type StateEffect,
  type StateEvent,
  type StateIdentity,
} from "./configuration-state.ts";
import { ownedBy } from "./own-pod.ts";

export interface StateWriterOptions {
  readonly client: Pick<KubeClient, "apply" | "request" | "stream">;
  readonly namespace: string;
  readonly identity: StateIdentity;
  /** Asked right before a write: false holds it back until the next change. */
  readonly allowed?: () => boolean;
  readonly trouble: (message: string) => void;
}

type Write = Extract<StateEffect, { readonly kind: "write" }>;

/** The shell around {@link ConfigurationStateMachine}: watches the one object and writes it by server-side apply. */
export class ConfigurationStateWriter {
  private readonly options: StateWriterOptions;
  private readonly machine: ConfigurationStateMachine;
  private readonly object: Reflector<StandingState>;
  private timer: NodeJS.Timeout | null = null;
  private stopped = false;

  constructor(options: StateWriterOptions) {
    this.options = options;
    const { client, namespace, identity, trouble } = options;
    this.machine = new ConfigurationStateMachine(identity, Math.random);
    this.object = watch(client as KubeClient, RESOURCES.configurationstates, {
      namespace,
      fieldSelector: `metadata.name=${identity.name}`,
      project: (object) => standingOf(object, identity.conditionType),
      same: (a, b) => JSON.stringify(a) === JSON.stringify(b),
      onTrouble: trouble,
    });
  }

  start(): void {
    this.object.onChange(() => this.look());
    void this.object.synced.then(() => this.look());
    this.object.start();
  }

  tell(problems: readonly Problem[]): void {
    this.step({ kind: "problems", problems });
  }

  /** Annotations that the object is to bear. */
  annotate(annotations: Readonly<Record<string, string>>): void {
    this.step({ kind: "annotations", annotations });
  }

  stop(): void {
    this.stopped = true;
    this.object.stop();
    if (this.timer) clearTimeout(this.timer);
  }

  private look(): void {
    const { namespace, identity } = this.options;
    if (this.object.isSynced)
      this.step({ kind: "seen", standing: this.object.store.get(`${namespace}/${identity.name}`) ?? null });
  }

  private step(event: StateEvent): void {
    if (this.stopped) return;
    const date = new Date().toISOString().replace(/\.\d+Z$/, "Z");
    for (const effect of this.machine.step(event, performance.now(), date)) this.perform(effect);
  }

  private perform(effect: StateEffect): void {
    if (effect.kind === "write") {
      void this.write(effect);
      return;
    }
    if (this.timer) clearTimeout(this.timer);
    this.timer = setTimeout(() => this.step({ kind: "time" }), Math.max(0, effect.at - performance.now()) + 1);
    this.timer.unref();
  }

  private async write(effect: Write): Promise<void> {
    try {
      if (this.options.allowed?.() === false) throw new Error("the lease is not held");
      this.step({ kind: "written", standing: await this.apply(effect) });
    } catch (error) {
      if (!this.stopped) this.options.trouble(errorText(error));
      this.step({ kind: "failed", retryAfter: error instanceof ApiError ? error.retryAfter : null });
    }
  }

  private async apply({ whole, annotations, condition, result }: Write): Promise<StandingState> {
    const { client, namespace, identity } = this.options;
    const { name, owner, fieldManager } = identity;
    const where = { namespace, name };
    const head = { apiVersion: "metallb.io/v1beta1", kind: "ConfigurationState" };
    const metadata = {
      name,
      namespace,
      labels: labelsOf(identity),
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
      ...ownedBy(owner),
    };
    if (whole) await client.apply(RESOURCES.configurationstates, where, { ...head, metadata }, fieldManager);
    const status = { result, errorSummary: condition.message, conditions: [condition] };
    const written = await client.apply(
      RESOURCES.configurationstates,
      { ...where, subresource: "status" },
      { ...head, metadata: { name, namespace }, status },
      fieldManager,
    );
    return standingOf(written, identity.conditionType);
  }
}

function standingOf(object: unknown, conditionType: string): StandingState {
  const { metadata, status } = object as KubeObject & {
    readonly status?: {
      readonly result?: string;
      readonly errorSummary?: string;
      readonly conditions?: readonly StateCondition[];
    };
  };
  const owners = (metadata?.ownerReferences ?? []) as readonly { readonly uid?: string }[];
  const condition = status?.conditions?.find(({ type }) => type === conditionType);
  return {
    labels: metadata?.labels ?? {},
    owners: owners.map(({ uid }) => uid ?? ""),
    annotations: metadata?.annotations ?? {},
    result: status?.result ?? "",
    errorSummary: status?.errorSummary ?? "",
    condition: condition
      ? {
          type: condition.type,
          status: condition.status,
          reason: condition.reason,
          message: condition.message,
          lastTransitionTime: condition.lastTransitionTime,
        }
      : null,
  };
}
