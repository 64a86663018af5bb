import type { Service } from "#api";
import { type Layer2Verdict, type LeftOut, sentence } from "#planner";
import type { Logger } from "#process";
import type { Recorder } from "./announcements.ts";
import type { Layer2Status } from "./layer2-status.ts";

export interface Layer2TellerOptions {
  readonly node: string;
  readonly recorder: Recorder;
  readonly status: Pick<Layer2Status, "want">;
  readonly log: Logger;
}

/** What was told of a Service that this node announces. */
interface Told {
  readonly ips: readonly string[];
  /** Null: all. */
  readonly interfaces: readonly string[] | null;
  /** The interfaces are named, and none of them is here; null: the interfaces are not known yet. */
  readonly lacking: boolean | null;
  readonly leftOut: string;
}

type Subject = Pick<Service, "namespace" | "name" | "uid">;

/** Log, events and status objects of the Services that this node announces by layer 2. */
export class Layer2Teller {
  private readonly options: Layer2TellerOptions;
  private readonly told = new Map<string, Told & { readonly subject: Subject }>();
  /** Of this host, but for those that are left alone; null: not known yet. */
  private names: ReadonlySet<string> | null = null;

  constructor(options: Layer2TellerOptions) {
    this.options = options;
  }

  /** Services that this node announces, with their addresses. */
  *announced(): Generator<readonly [service: string, ips: readonly string[]]> {
    for (const [key, { ips }] of this.told) yield [key, ips];
  }

  /** The Services that this node announces with the address. */
  holdersOf(address: string): readonly string[] {
    return [...this.told].flatMap(([key, { ips }]) => (ips.includes(address) ? [key] : []));
  }

  /** The engines have what was decided of the Service. */
  tell(key: string, service: Subject | undefined, verdict: Layer2Verdict): void {
    if (verdict.announced) return this.announces(key, service, verdict);
    const { log, status } = this.options;
    const { reason } = verdict;
    if (!this.told.delete(key))
      return log.debug(sentence(verdict), { op: "plan", service: key, protocol: "layer2", reason });
    log.info("service is no longer announced", {
      op: "withdraw",
      event: "serviceWithdrawn",
      service: key,
      protocol: "layer2",
      reason,
    });
    status.want(key, null);
  }

  /** The interfaces of this host are these. */
  takeNames(names: ReadonlySet<string>): void {
    this.names = names;
    for (const [key, told] of this.told) {
      const lacking = this.lacks(told.interfaces);
      if (lacking === told.lacking) continue;
      const now = { ...told, lacking };
      this.told.set(key, now);
      this.showStatus(key, now);
      if (lacking) this.complain(now);
    }
  }

  private announces(
    key: string,
    service: Subject | undefined,
    { ips, interfaces, leftOut }: Extract<Layer2Verdict, { announced: true }>,
  ): void {
    const { node, log, recorder } = this.options;
    const before = this.told.get(key);
    const subject = service ?? before?.subject;
    if (!subject) return;
    const told = { ips, interfaces, lacking: this.lacks(interfaces), leftOut: textOf(leftOut), subject };
    this.told.set(key, told);
    this.showStatus(key, told);
    log.info("service has an address announced", {
      op: "announce",
      event: "serviceAnnounced",
      service: key,
      ips,
      protocol: "layer2",
    });
    const isOther = String(before?.ips) !== String(ips);
    if (isOther)
      recorder.event(subject, "Normal", "nodeAssigned", `announcing from node "${node}" with protocol "layer2"`);
    if (told.lacking && (isOther || !before?.lacking || String(before.interfaces) !== String(interfaces)))
      this.complain(told);
    if (told.leftOut !== "" && told.leftOut !== before?.leftOut)
      recorder.event(subject, "Normal", "nodesLeftOut", told.leftOut);
  }

  /** One that is announced nowhere has no status object. */
  private showStatus(key: string, { interfaces, lacking }: Told): void {
    if (lacking !== null) this.options.status.want(key, lacking ? null : (interfaces ?? []));
  }

  private complain({ subject, ips }: Told & { readonly subject: Subject }): void {
    const { node, recorder } = this.options;
    for (const ip of ips)
      recorder.event(
        subject,
        "Warning",
        "announceFailed",
        `the interfaces specified by LB IP "${ip}" doesn't exist in assigned node "${node}" with protocol "layer2"`,
      );
  }

  private lacks(interfaces: readonly string[] | null): boolean | null {
    if (interfaces === null) return false;
    return this.names && !interfaces.some((name) => this.names?.has(name));
  }
}

const textOf = (leftOut: readonly LeftOut[]): string =>
  leftOut.length === 0 ? "" : `these nodes cannot announce it: ${leftOut.map(sentence).join("; ")}`;
