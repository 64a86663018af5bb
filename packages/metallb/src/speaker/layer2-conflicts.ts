import type { Service } from "#api";
import type { AddressReport } from "#neighbor";
import { formatIp } from "#net";
import type { Layer2Verdict, ReasonCode } from "#planner";
import type { Logger } from "#process";
import type { Recorder } from "./announcements.ts";
import type { Conflict, ConflictConditions } from "./conflict-conditions.ts";
import type { Dated } from "./dated.ts";

export interface Layer2ConflictsOptions {
  readonly node: string;
  readonly recorder: Recorder;
  readonly conditions: Pick<ConflictConditions, "want" | "forget" | "tidy">;
  readonly services: () => ReadonlyMap<string, Service>;
  /** The Services that this node announces with the address. */
  readonly holdersOf: (address: string) => readonly string[];
  readonly log: Logger;
}

/** No node announces the Service by layer 2, whichever is asked. */
const NOBODYS: ReadonlySet<string> = new Set([
  "notLoadBalancer",
  "otherClass",
  "noClass",
  "noIPAllocated",
  "invalidIP",
  "ipNotAllowed",
  "noL2Advertisement",
  "sharedIPWithServiceSelector",
  "noEndpoints",
] satisfies ReasonCode[]);

/** Foreign hosts that have or claim an address: told in the log, by an event, and by a condition as long as it lasts. */
export class Layer2Conflicts {
  private readonly options: Layer2ConflictsOptions;
  private readonly conflicts = new Map<string, Conflict>();
  /** Services that this node announces. */
  private readonly own = new Map<string, readonly string[]>();

  constructor(options: Layer2ConflictsOptions) {
    this.options = options;
  }

  /** Where an address stands on the LAN. */
  take(report: Dated<AddressReport>): void {
    const address = formatIp(report.address);
    const conflict = this.conflictOf(address, report);
    const before = this.conflicts.get(address);
    if (before?.message === conflict?.message) return;
    if (conflict) this.conflicts.set(address, conflict);
    else this.conflicts.delete(address);
    const { holdersOf, services, recorder, conditions, log } = this.options;
    const { foreign } = report;
    if (conflict && foreign)
      log.warn(conflict.message, { op: "conflict", ip: address, mac: foreign.mac, interface: foreign.interface });
    for (const key of holdersOf(address)) {
      const service = services().get(key);
      if (conflict && service) recorder.event(service, "Warning", "addressConflict", conflict.message);
      conditions.want(key, this.of(key));
    }
  }

  /** The engines have what was decided of the Service. */
  tell(key: string, verdict: Layer2Verdict): void {
    const { conditions } = this.options;
    if (verdict.announced) {
      this.own.set(key, verdict.ips);
      return conditions.want(key, this.of(key));
    }
    const wasOwn = this.own.delete(key);
    if (verdict.reason === "ownedByOther") return conditions.forget(key);
    if (wasOwn) return conditions.want(key, null);
    // Whoever wrote the condition may have ended before it could take it away.
    if (NOBODYS.has(verdict.reason)) conditions.tidy(key);
  }

  private conflictOf(address: string, { foreign, state }: Dated<AddressReport>): Conflict | null {
    if (!foreign || state === "withdrawn") return null;
    const host = `the host ${foreign.mac} on interface ${foreign.interface}`;
    return state === "conflict"
      ? { reason: "AddressInUse", message: `address ${address} is not announced: ${host} has it` }
      : {
          reason: "AddressClaimed",
          message: `${host} claims address ${address}, which node "${this.options.node}" announces`,
        };
  }

  /** Of all addresses of the Service together; null: none. */
  private of(key: string): Conflict | null {
    const all = (this.own.get(key) ?? []).flatMap((ip) => this.conflicts.get(ip) ?? []);
    const [first] = all;
    return first ? { reason: first.reason, message: all.map(({ message }) => message).join("; ") } : null;
  }
}
