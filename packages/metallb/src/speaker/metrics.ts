import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { WatchedWorld } from "#world";
import type { Announcements } from "./announcements.ts";
import { addLayer2Metrics, type Layer2Figures } from "./layer2-metrics.ts";
import { addSessionMetrics, type SessionFigures } from "./session-metrics.ts";

/** The speaker's metrics, with upstream's names; read at each scrape from what is so then. */
export function createMetrics(
  node: string,
  world: Pick<WatchedWorld, "config">,
  /** Whether the configuration has problems that concern this node. */
  isStale: () => boolean,
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
  const flag = (name: string, help: string, value: () => boolean) =>
    new Gauge({
      name: `metallb_k8s_client_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(value() ? 1 : 0);
      },
    });
  flag("config_loaded_bool", "1 if a configuration was loaded", () => world.config !== null);
  flag("config_stale_bool", "1 if the last configuration has problems", isStale);
  addLayer2Metrics(registry, layer2);
  return registry;
}
