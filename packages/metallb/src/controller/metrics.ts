import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { type AnswerCounts, clientMetrics, type NamedWriters, writerMetrics } from "#http";
import type { Allocation } from "./allocation.ts";
import { count } from "./pool-status.ts";
import type { WriterCounters } from "./service-writer.ts";

export interface MetricSources {
  readonly allocation: Pick<Allocation, "usage" | "outcomes">;
  readonly writes: () => WriterCounters;
  readonly writers: NamedWriters;
  /** Writes at once, by the writer's name. */
  readonly parallel: Readonly<Record<string, number>>;
  readonly answers: AnswerCounts;
  /** URL of the API. */
  readonly server: string;
  /** Whether a configuration was read, and whether the last one has problems. */
  readonly config: () => { readonly loaded: boolean; readonly stale: boolean };
}

/** The controller's metrics, with upstream's names; read at each scrape from what is so then. */
export function createMetrics(sources: MetricSources): Registry {
  const { allocation, writes, config } = sources;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  writerMetrics(registry, sources.writers, sources.parallel);
  clientMetrics(registry, sources.answers, sources.server);
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
  const counter = (name: string, help: string, value: () => number) =>
    new Counter({
      name: `metallb_k8s_client_${name}`,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  counter("updates_total", "Number of Kubernetes object updates that have been tried", () => writes().updates);
  counter("update_errors_total", "Number of Kubernetes object updates that failed", () => writes().errors);
  const flag = (name: string, help: string, value: () => boolean) =>
    new Gauge({
      name: `metallb_k8s_client_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(value() ? 1 : 0);
      },
    });
  flag("config_loaded_bool", "1 if a configuration was loaded", () => config().loaded);
  flag("config_stale_bool", "1 if the last configuration has problems", () => config().stale);
  return registry;
}
