import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { type AnswerCounts, clientMetrics, type UpdateFigures, updateMetrics } from "#http";
import type { KubeClient } from "#kube";
import type { WatchedWorld } from "#world";
import type { Announcements } from "./announcements.ts";
import { addLayer2Metrics, type Layer2Figures } from "./layer2-metrics.ts";
import type { PlanLoop } from "./plan-loop.ts";
import { addSessionMetrics, type SessionFigures } from "./session-metrics.ts";

/** What passes between this process and the API. */
export interface KubernetesFigures {
  readonly updates: UpdateFigures;
  readonly answers: AnswerCounts;
  /** URL of the API. */
  readonly server: string;
}

export const kubernetesFigures = (
  { client, answers }: { readonly client: Pick<KubeClient, "server">; readonly answers: AnswerCounts },
  world: Pick<WatchedWorld, "config">,
  loop: Pick<PlanLoop, "handled" | "failed">,
  /** Whether the configuration has problems that concern this node. */
  isStale: () => boolean,
): KubernetesFigures => ({
  updates: {
    updates: () => loop.handled,
    errors: () => loop.failed,
    isLoaded: () => world.config !== null,
    isStale,
  },
  answers,
  server: client.server,
});

/** The speaker's metrics, with upstream's names; read at each scrape from what is so then. */
export function createMetrics(
  node: string,
  kubernetes: KubernetesFigures,
  announced: Pick<Announcements, "announced">,
  figures: SessionFigures,
  layer2: Layer2Figures,
): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: "metallb_speaker_announced",
    help: "Services being announced from this node. This is desired state, it does not guarantee that the routing protocols have converged.",
    labelNames: ["service", "protocol", "node", "ip"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [service, ips] of announced.announced)
        for (const ip of ips) this.set({ service, protocol: "bgp", node, ip }, 1);
      for (const [service, ips] of layer2.announced)
        for (const ip of ips) this.set({ service, protocol: "layer2", node, ip }, 1);
    },
  });
  addSessionMetrics(registry, figures);
  updateMetrics(registry, kubernetes.updates);
  clientMetrics(registry, kubernetes.answers, kubernetes.server);
  addLayer2Metrics(registry, layer2);
  return registry;
}
