import type { EventReason, Service } from "#api";
import type { EventSubject } from "#kube";
import { type Plan, type Reason, sentence } from "#planner";
import type { Logger } from "#process";

/** Tells people on the Service itself. */
export interface Recorder {
  event(
    subject: Pick<EventSubject, "namespace" | "name" | "uid">,
    type: "Normal" | "Warning",
    reason: EventReason,
    message: string,
  ): void;
}

/** The peers that each Service is announced to, written as objects that kubectl shows. */
export interface BgpStatusWriter {
  /** Null: not announced. */
  want(service: string, peers: readonly string[] | null): void;
  /** All that is wanted at the start was told: what stands beyond it is of the past. */
  begin(): void;
  /** There are more Services than objects, so that nothing standing says nothing of what was before. */
  readonly isLimited: boolean;
  /** What stands in the API of this node's objects: the peers, or undefined. */
  has(service: string): readonly string[] | undefined;
}

/** Turns changed verdicts into log lines, events and status objects, once a change. */
export class Announcements {
  private readonly node: string;
  private readonly log: Logger;
  private readonly recorder: Recorder;
  private readonly status: BgpStatusWriter;
  /** What was told to be announced: the Service and its addresses. */
  private readonly standing = new Map<string, readonly string[]>();
  /** What was last told of attributes that a Service may not set. */
  private readonly refusals = new Map<string, string>();
  /** Services whose event waits until it is known what stood before the start; null: it is known. */
  private waiting: Set<string> | null = new Set();
  /** What stood before the start can be asked for, or was given up on. */
  private known = false;
  /** The first plan has been told. */
  private begun = false;

  constructor(node: string, log: Logger, recorder: Recorder, status: BgpStatusWriter) {
    this.node = node;
    this.log = log;
    this.recorder = recorder;
    this.status = status;
  }

  get announced(): ReadonlyMap<string, readonly string[]> {
    return this.standing;
  }

  /** The Services whose verdict differs from what was last told. */
  tell(keys: Iterable<string>, plan: Plan, services: ReadonlyMap<string, Service>): void {
    for (const key of keys) this.one(key, plan, services.get(key));
    this.begun = true;
    this.status.begin();
    this.recallStanding(plan, services);
  }

  /** Once the state before the restart is known or given up on, events are emitted for changes only. */
  recall(plan: Plan, services: ReadonlyMap<string, Service>): void {
    this.known = true;
    this.recallStanding(plan, services);
  }

  private recallStanding(plan: Plan, services: ReadonlyMap<string, Service>): void {
    if (!this.known || !this.begun || !this.waiting) return;
    const waiting = this.waiting;
    this.waiting = null;
    for (const key of waiting) {
      const service = services.get(key);
      const verdict = plan.verdict(key, service).bgp;
      const stood = this.status.has(key);
      if (!service || !verdict.announced || (stood === undefined && this.status.isLimited)) continue;
      if (!sameList(stood, verdict.peers)) this.event(service);
    }
  }

  /** Once for each text; a node tells it of the Services that it announces. */
  private tellRefusals(key: string, service: Service | undefined, notes: readonly Reason[]): void {
    const told = notes.filter(({ reason }) => reason === "attributeRefused").map(sentence);
    if (told.length === 0) {
      this.refusals.delete(key);
      return;
    }
    const message = told.join("; ");
    if (!service || this.refusals.get(key) === message) return;
    this.refusals.set(key, message);
    this.log.warn(message, { op: "plan", service: key, protocol: "bgp", reason: "attributeRefused" });
    this.recorder.event(service, "Warning", "attributeRefused", message);
  }

  private event(service: Service): void {
    const message = `announcing from node "${this.node}" with protocol "bgp"`;
    this.recorder.event(service, "Normal", "nodeAssigned", message);
  }

  private one(key: string, plan: Plan, service: Service | undefined): void {
    const verdict = plan.verdict(key, service).bgp;
    if (!verdict.announced) {
      const { reason } = verdict;
      if (this.standing.delete(key))
        this.log.info("service is no longer announced", {
          op: "withdraw",
          event: "serviceWithdrawn",
          service: key,
          protocol: "bgp",
          reason,
        });
      else this.log.debug(sentence(verdict), { op: "plan", service: key, protocol: "bgp", reason });
      this.status.want(key, null);
      this.tellRefusals(key, service, []);
      return;
    }
    const isNews = !this.standing.has(key);
    this.standing.set(key, verdict.ips);
    this.status.want(key, verdict.peers);
    this.tellRefusals(key, service, verdict.notes ?? []);
    this.log.info("service has an address announced", {
      op: "announce",
      event: "serviceAnnounced",
      service: key,
      ips: verdict.ips,
      protocol: "bgp",
    });
    if (!isNews || !service) return;
    if (this.waiting) this.waiting.add(key);
    else this.event(service);
  }
}

const sameList = (a: readonly string[] | undefined, b: readonly string[]): boolean =>
  a?.length === b.length && a.every((each, i) => each === b[i]);
