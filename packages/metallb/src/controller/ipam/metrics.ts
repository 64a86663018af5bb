import { Counter, Gauge, type Registry } from "prom-client";
import type { Operation, OperationResult } from "./client.ts";

const OPERATIONS: readonly Operation[] = ["list", "allocate", "adopt", "release"];
const RESULTS: readonly OperationResult[] = ["ok", "refused", "failed"];

/** Requests to the IPAM, counted from the start. */
export class IpamFigures {
  private readonly counts = new Map<string, number>();
  readonly count = (operation: Operation, result: OperationResult): void => {
    const key = `${operation} ${result}`;
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  };

  of(operation: Operation, result: OperationResult): number {
    return this.counts.get(`${operation} ${result}`) ?? 0;
  }
}

export interface IpamSource {
  readonly figures: IpamFigures;
  readonly ipam: { readonly trouble: string | null; readonly waiting: number };
}

/** The metrics of an IPAM, where there is one. */
export function ipamMetrics(registry: Registry, { figures, ipam }: IpamSource): void {
  const registers = [registry];
  new Gauge({
    name: "metallb_ipam_up",
    help: "Whether the IPAM outside answers (1) or not (0)",
    registers,
    collect() {
      this.set(ipam.trouble === null ? 1 : 0);
    },
  });
  new Gauge({
    name: "metallb_ipam_waiting_services",
    help: "Services that wait for an address that the IPAM chooses",
    registers,
    collect() {
      this.set(ipam.waiting);
    },
  });
  new Counter({
    name: "metallb_ipam_requests_total",
    help: "Requests to the IPAM, by operation (list, allocate, adopt, release) and result (ok, refused, failed)",
    labelNames: ["operation", "result"],
    registers,
    collect() {
      this.reset();
      for (const operation of OPERATIONS)
        for (const result of RESULTS) this.inc({ operation, result }, figures.of(operation, result));
    },
  });
}
