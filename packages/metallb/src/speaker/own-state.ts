import type { Node } from "#api";
import type { Problem } from "#config";
import type { KubeClient } from "#kube";
import { type Carried, encodeTold, type Plan, TOLD, unfit } from "#planner";
import type { Logger } from "#process";
import { ConfigurationStateWriter, type OwnPod } from "#world";
import type { BfdSessions } from "./bfd-sessions.ts";
import type { BgpSessions } from "./bgp-sessions.ts";
import { SessionStates } from "./session-states.ts";

export interface OwnStateParts {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly node: string;
  /** The own Pod, which then owns the object. */
  readonly owner: Promise<OwnPod | null>;
  readonly log: Pick<Logger, "info">;
  readonly trouble: (what: string) => (message: string) => void;
  readonly ignoreExcludeLabel: boolean;
  readonly plan: () => Plan;
  readonly sessions: Pick<BgpSessions, "reports">;
  readonly bfd: Pick<BfdSessions, "of">;
  /** The own node as the API knows it. */
  readonly self: () => Node | undefined;
}

/** Sessions that come and go together are told together, milliseconds. */
const GATHER = 200;

/**
 * The ConfigurationState of this speaker: whether the configuration is valid, and beside it, as an
 * annotation, which sessions are up. The controller works out from it by whom a Service is announced. And of
 * each session an object of its own, for people.
 */
export class OwnState {
  private readonly parts: OwnStateParts;
  private readonly states: SessionStates;
  private writer: ConfigurationStateWriter | null = null;
  private problems: readonly Problem[] | null = null;
  private timer: NodeJS.Timeout | null = null;
  private isOver = false;

  constructor(parts: OwnStateParts) {
    this.parts = parts;
    this.states = new SessionStates({ ...parts, trouble: parts.trouble("bgpsessionstates") });
    void this.open();
  }

  /** What is wrong with the configuration as far as it concerns this node. */
  tell(problems: readonly Problem[]): void {
    this.problems = problems;
    this.writer?.tell(problems);
  }

  /** The first plan was made. */
  begin(): void {
    this.states.start();
  }

  /** Peers, sessions or the own node may differ. */
  look(): void {
    this.states.look();
    if (this.timer || this.isOver) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.writer?.annotate({ [TOLD]: this.told() });
    }, GATHER);
    this.timer.unref();
  }

  async stop(): Promise<void> {
    this.isOver = true;
    if (this.timer) clearTimeout(this.timer);
    this.writer?.stop();
    await this.states.stop();
  }

  /** Status objects wait for their owner; routes do not. */
  private async open(): Promise<void> {
    const { client, namespace, node, owner, trouble } = this.parts;
    const identity = {
      name: `speaker-${node}`,
      component: "speaker",
      node,
      owner: await owner,
      fieldManager: "configReconciler",
      conditionType: "configReconcilerValid",
    } as const;
    if (this.isOver) return;
    this.writer = new ConfigurationStateWriter({
      client,
      namespace,
      identity,
      trouble: trouble("configurationstates"),
    });
    this.writer.start();
    if (this.problems) this.writer.tell(this.problems);
    this.look();
  }

  private told(): string {
    const { plan, sessions, self, ignoreExcludeLabel } = this.parts;
    const peers = new Map<string, Carried>();
    for (const peer of plan().peers.keys()) {
      const report = sessions.reports.get(peer);
      const has = (family: string): boolean =>
        report?.state === "Established" && report.families.some((each) => each === family);
      peers.set(peer, `${has("ipv4-unicast") ? "4" : ""}${has("ipv6-unicast") ? "6" : ""}` as Carried);
    }
    const node = self();
    const why = node ? unfit(node, ignoreExcludeLabel) : ({ reason: "nodeUnknown" } as const);
    return encodeTold({ peers, unfit: why?.reason ?? null });
  }
}
