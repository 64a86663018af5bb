import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { Outcome } from "#allocator";
import {
  type AnswerCounts,
  clientMetrics,
  electionMetrics,
  type NamedWriters,
  type UpdateFigures,
  updateMetrics,
  type WebhookFigures,
  writerMetrics,
} from "#http";
import { WEBHOOK_PATHS } from "./admission.ts";
import type { Allocation } from "./allocation.ts";
import { type IpamSource, ipamMetrics } from "./ipam/metrics.ts";
import { count } from "./pool-status.ts";

export interface MetricSources {
  readonly allocation: Pick<Allocation, "usage" | "outcomes">;
  readonly updates: UpdateFigures;
  readonly writers: NamedWriters;
  /** Writes at once, by the writer's name. */
  readonly parallel: Readonly<Record<string, number>>;
  readonly answers: AnswerCounts;
  /** URL of the API. */
  readonly server: string;
  /** The Lease's name. */
  readonly lease: string;
  readonly isLeader: () => boolean;
  readonly webhooks: WebhookFigures;
  /** Null: there is no IPAM. */
  readonly ipam: IpamSource | null;
}

/** The controller's metrics, with upstream's names; read at each scrape from what is so then. */
export function createMetrics(sources: MetricSources): Registry {
  const { allocation } = sources;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  writerMetrics(registry, sources.writers, sources.parallel);
  clientMetrics(registry, sources.answers, sources.server);
  electionMetrics(registry, sources.lease, sources.isLeader);
  updateMetrics(registry, sources.updates);
  sources.webhooks.register(registry, WEBHOOK_PATHS);
  if (sources.ipam) ipamMetrics(registry, sources.ipam);
  const pools = (name: string, help: string, value: (usage: ReturnType<Allocation["usage"]>[number]) => number) =>
    new Gauge({
      name: `metallb_allocator_${name}`,
      help,
      labelNames: ["pool"],
      registers: [registry],
      collect() {
        this.reset();
        for (const usage of allocation.usage()) this.set({ pool: usage.pool }, value(usage));
      },
    });
  pools("addresses_total", "Number of usable IP addresses, per pool", ({ ipv4, ipv6 }) =>
    count(ipv4.total + ipv6.total),
  );
  pools("ipv4_addresses_total", "Number of usable IPv4 addresses, per pool", ({ ipv4 }) => count(ipv4.total));
  pools("ipv6_addresses_total", "Number of usable IPv6 addresses, per pool", ({ ipv6 }) => count(ipv6.total));
  pools("addresses_in_use_total", "Number of IP addresses in use, per pool", ({ ipv4, ipv6 }) => ipv4.used + ipv6.used);
  pools("ipv4_addresses_in_use_total", "Number of IPv4 addresses in use, per pool", ({ ipv4 }) => ipv4.used);
  pools("ipv6_addresses_in_use_total", "Number of IPv6 addresses in use, per pool", ({ ipv6 }) => ipv6.used);
  new Gauge({
    name: "metallb_allocator_services_allocated_total",
    help: "Number of Services that have addresses, per pool",
    labelNames: ["pool"],
    registers: [registry],
    collect() {
      this.reset();
      for (const outcome of allocation.outcomes.values())
        if (outcome.kind === "allocated") this.inc({ pool: outcome.pool });
    },
  });
  new Gauge({
    name: "metallb_allocator_services_waiting",
    help: "Number of Services that have no address although they want one, per reason",
    labelNames: ["reason"],
    registers: [registry],
    collect() {
      this.reset();
      for (const outcome of allocation.outcomes.values()) {
        const reason = reasonToWait(outcome);
        if (reason !== null) this.inc({ reason });
      }
    },
  });
  return registry;
}

/** One of a table of two dozen: no text of anybody's becomes a label. */
function reasonToWait(outcome: Outcome): string | null {
  if (outcome.kind !== "refused" && outcome.kind !== "pending") return null;
  if (outcome.refusal.code === "deleting") return null;
  return outcome.refusal.code;
}
