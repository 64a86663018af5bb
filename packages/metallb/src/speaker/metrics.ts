import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { PeerCounters } from "#bgp";
import { type AnswerCounts, clientMetrics, type UpdateFigures, updateMetrics } from "#http";
import type { KubeClient } from "#kube";
import { formatIp } from "#net";
import type { Plan } from "#planner";
import type { WatchedWorld } from "#world";
import type { Announcements } from "./announcements.ts";
import type { BgpSessions } from "./bgp-sessions.ts";
import { addLayer2Metrics, type Layer2Figures } from "./layer2-metrics.ts";
import type { PlanLoop } from "./plan-loop.ts";

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
  plan: () => Plan,
  sessions: BgpSessions,
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
  const labels = (): ReadonlyMap<string, string> => peerLabels(plan().peers);
  const gauge = (name: string, help: string, value: (counters: PeerCounters) => number) =>
    new Gauge({
      name: `metallb_bgp_${name}`,
      help,
      labelNames: ["peer"],
      registers: [registry],
      collect() {
        this.reset();
        const of = labels();
        for (const [name, counters] of sessions.counters) {
          const peer = of.get(name);
          if (peer !== undefined) this.set({ peer }, value(counters));
        }
      },
    });
  gauge("session_up", "BGP session state (1 is up, 0 is down)", ({ peer }) =>
    sessions.reports.get(peer)?.state === "Established" ? 1 : 0,
  );
  gauge(
    "announced_prefixes_total",
    "Number of prefixes currently being advertised on the BGP session",
    (counters) => counters.announcedPrefixes,
  );
  gauge(
    "pending_prefixes_total",
    "Number of prefixes that should be advertised on the BGP session",
    (counters) => counters.pendingPrefixes,
  );
  const counter = (name: string, help: string, value: (counters: PeerCounters) => number) =>
    new Counter({
      name: `metallb_bgp_${name}`,
      help,
      labelNames: ["peer"],
      registers: [registry],
      collect() {
        this.reset();
        const of = labels();
        for (const [name, counters] of sessions.counters) {
          const peer = of.get(name);
          if (peer !== undefined) this.inc({ peer }, value(counters));
        }
      },
    });
  counter("updates_total", "Number of BGP UPDATE messages sent", ({ updatesSent }) => updatesSent);
  counter("opens_sent", "Number of BGP OPEN messages sent", ({ opensSent }) => opensSent);
  counter("opens_received", "Number of BGP OPEN messages received", ({ opensReceived }) => opensReceived);
  counter(
    "notifications_sent",
    "Number of BGP NOTIFICATION messages sent",
    ({ notificationsSent }) => notificationsSent,
  );
  counter("keepalives_sent", "Number of BGP KEEPALIVE messages sent", ({ keepalivesSent }) => keepalivesSent);
  counter(
    "keepalives_received",
    "Number of BGP KEEPALIVE messages received",
    ({ keepalivesReceived }) => keepalivesReceived,
  );
  counter("updates_total_received", "Number of BGP UPDATE messages received", ({ updatesReceived }) => updatesReceived);
  // This speaker keeps no routes, so it has nothing to ask for again.
  counter("route_refresh_sent", "Number of BGP ROUTE-REFRESH messages sent", () => 0);
  counter(
    "total_sent",
    "Number of BGP messages sent",
    ({ opensSent, notificationsSent, updatesSent, keepalivesSent }) =>
      opensSent + notificationsSent + updatesSent + keepalivesSent,
  );
  counter(
    "total_received",
    "Number of BGP messages received",
    ({ opensReceived, notificationsReceived, updatesReceived, keepalivesReceived, routeRefreshesReceived }) =>
      opensReceived + notificationsReceived + updatesReceived + keepalivesReceived + routeRefreshesReceived,
  );
  updateMetrics(registry, kubernetes.updates);
  clientMetrics(registry, kubernetes.answers, kubernetes.server);
  addLayer2Metrics(registry, layer2);
  return registry;
}

/**
 * Upstream's label of a peer: address and port. Of several peers at one address and port the first by
 * name has it, and the others their name behind it, so that none is hidden by another.
 */
function peerLabels(peers: Plan["peers"]): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  const taken = new Set<string>();
  for (const [name, { endpoint, port }] of [...peers].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const text = endpoint.kind === "interface" ? endpoint.interface : formatIp(endpoint.address);
    const label = `${text.includes(":") ? `[${text}]` : text}:${port}`;
    labels.set(name, taken.has(label) ? `${label}/${name}` : label);
    taken.add(label);
  }
  return labels;
}
