import { Counter, Gauge, type Registry } from "prom-client";
import type { BfdCounters } from "#bfd";
import { noMessages, type PeerSettings } from "#bgp";
import { formatIp } from "#net";
import type { Plan } from "#planner";
import type { BfdSessions } from "./bfd-sessions.ts";
import type { BgpSessions } from "./bgp-sessions.ts";
import type { DatedCounters } from "./dated.ts";

export interface SessionFigures {
  readonly plan: () => Plan;
  readonly sessions: BgpSessions;
  readonly bfd: BfdSessions;
  /** Whether the native names have FRR's label `vrf`, also for the default one. */
  readonly vrfLabels: boolean;
}

/** One metric: its name without prefix, and what it says of a session. */
type Row<Of> = readonly [name: string, kind: "gauge" | "counter", help: string, value: (of: Of) => number];

type BgpFigures = Omit<DatedCounters, "peer" | "holdEndsAt"> & { readonly up: boolean };

/** Of a peer whose counters were not told yet: its rows are there as soon as it is configured. */
const NOTHING_YET: Omit<BgpFigures, "up"> = {
  ...noMessages(),
  updatesSent: 0,
  bytesSent: 0,
  announcedPrefixes: 0,
  pendingPrefixes: 0,
};

const BGP: readonly Row<BgpFigures>[] = [
  ["session_up", "gauge", "BGP session state (1 is up, 0 is down)", ({ up }) => (up ? 1 : 0)],
  [
    "announced_prefixes_total",
    "gauge",
    "Number of prefixes currently being advertised on the BGP session",
    ({ announcedPrefixes }) => announcedPrefixes,
  ],
  [
    "pending_prefixes_total",
    "gauge",
    "Number of prefixes that should be advertised on the BGP session",
    ({ pendingPrefixes }) => pendingPrefixes,
  ],
  ["updates_total", "counter", "Number of BGP UPDATE messages sent", ({ updatesSent }) => updatesSent],
  ["opens_sent", "counter", "Number of BGP OPEN messages sent", ({ opensSent }) => opensSent],
  ["opens_received", "counter", "Number of BGP OPEN messages received", ({ opensReceived }) => opensReceived],
  [
    "notifications_sent",
    "counter",
    "Number of BGP NOTIFICATION messages sent",
    ({ notificationsSent }) => notificationsSent,
  ],
  ["keepalives_sent", "counter", "Number of BGP KEEPALIVE messages sent", ({ keepalivesSent }) => keepalivesSent],
  [
    "keepalives_received",
    "counter",
    "Number of BGP KEEPALIVE messages received",
    ({ keepalivesReceived }) => keepalivesReceived,
  ],
  [
    "updates_total_received",
    "counter",
    "Number of BGP UPDATE messages received",
    ({ updatesReceived }) => updatesReceived,
  ],
  // This speaker keeps no routes, so it has nothing to ask for again.
  ["route_refresh_sent", "counter", "Number of BGP ROUTE-REFRESH messages sent", () => 0],
  [
    "total_sent",
    "counter",
    "Number of BGP messages sent",
    ({ opensSent, notificationsSent, updatesSent, keepalivesSent }) =>
      opensSent + notificationsSent + updatesSent + keepalivesSent,
  ],
  [
    "total_received",
    "counter",
    "Number of BGP messages received",
    ({ opensReceived, notificationsReceived, updatesReceived, keepalivesReceived, routeRefreshesReceived }) =>
      opensReceived + notificationsReceived + updatesReceived + keepalivesReceived + routeRefreshesReceived,
  ],
];

/** What frr-k8s has of a session and upstream's speaker has not; and not the other way round. */
const ONLY_FRR_K8S: Row<BgpFigures> = [
  "received_prefixes_total",
  "gauge",
  "Number of prefixes that were taken from the peer: none, since this speaker only announces",
  () => 0,
];
const NOT_FRR_K8S: ReadonlySet<string> = new Set(["pending_prefixes_total"]);

const BFD: readonly Row<BfdCounters>[] = [
  ["session_up", "gauge", "BFD session state (1 is up, 0 is down)", ({ up }) => (up ? 1 : 0)],
  ["control_packet_input", "counter", "Number of received BFD control packets", (of) => of.controlPacketsInput],
  ["control_packet_output", "counter", "Number of sent BFD control packets", (of) => of.controlPacketsOutput],
  ["echo_packet_input", "counter", "Number of received BFD echo packets", (of) => of.echoPacketsInput],
  ["echo_packet_output", "counter", "Number of sent BFD echo packets", (of) => of.echoPacketsOutput],
  ["session_up_events", "counter", "Number of BFD session up events", (of) => of.upEvents],
  ["session_down_events", "counter", "Number of BFD session down events", (of) => of.downEvents],
  // There is no Zebra: the BGP engine is told at once.
  ["zebra_notifications", "counter", "Number of BFD zebra notifications", () => 0],
];

type Labels = { readonly peer: string; readonly vrf?: string };

/** Metrics of BGP and BFD sessions, under the names and with the labels of upstream's native and FRR modes and of frr-k8s. */
export function addSessionMetrics(registry: Registry, { plan, sessions, bfd, vrfLabels }: SessionFigures): void {
  const add = <Of>(prefix: string, rows: readonly Row<Of>[], all: () => Iterable<readonly [Labels, Of]>): void => {
    for (const [name, kind, help, value] of rows) {
      const options = { name: `${prefix}_${name}`, help, labelNames: ["peer", "vrf"], registers: [registry] };
      if (kind === "gauge")
        new Gauge({
          ...options,
          collect() {
            this.reset();
            for (const [labels, of] of all()) this.set(labels, value(of));
          },
        });
      else
        new Counter({
          ...options,
          collect() {
            this.reset();
            for (const [labels, of] of all()) this.inc(labels, value(of));
          },
        });
    }
  };
  function* bgpFigures(withPort: boolean): Generator<readonly [Labels, BgpFigures]> {
    const { peers } = plan();
    const labels = peerLabels(peers, withPort);
    for (const name of peers.keys()) {
      const of = labels.get(name);
      const counters = sessions.counters.get(name) ?? NOTHING_YET;
      const figures = { ...counters, up: sessions.reports.get(name)?.state === "Established" };
      const plain = withPort && !vrfLabels && of?.vrf === "default";
      if (of) yield [plain ? { peer: of.peer } : of, figures];
    }
  }
  function* bfdFigures(): Generator<readonly [Labels, BfdCounters]> {
    const taken = new Set<string>();
    for (const { report, counters } of bfd.counters()) {
      const peer = formatIp(report.remote);
      const vrf = report.vrf ?? "default";
      const key = `${peer} ${vrf}`;
      yield [{ peer: taken.has(key) ? `${peer}/${report.session}` : peer, vrf }, counters];
      taken.add(key);
    }
  }
  add("metallb_bgp", BGP, () => bgpFigures(true));
  add("frrk8s_bgp", [...BGP.filter(([name]) => !NOT_FRR_K8S.has(name)), ONLY_FRR_K8S], () => bgpFigures(false));
  add("metallb_bfd", BFD, bfdFigures);
  add("frrk8s_bfd", BFD, bfdFigures);
}

/**
 * Upstream's label of a peer: address and port, without the port for frr-k8s. Of several peers at one place the
 * first by name has it, and the others their name behind it, so that none is hidden by another.
 */
function peerLabels(peers: Plan["peers"], withPort: boolean): ReadonlyMap<string, Required<Labels>> {
  const labels = new Map<string, Required<Labels>>();
  const taken = new Set<string>();
  for (const [name, settings] of [...peers].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const peer = withPort ? placeWithPort(settings) : placeOf(settings);
    const vrf = settings.vrf ?? "default";
    const key = `${peer} ${vrf}`;
    labels.set(name, { peer: taken.has(key) ? `${peer}/${name}` : peer, vrf });
    taken.add(key);
  }
  return labels;
}

const placeOf = ({ endpoint }: PeerSettings): string =>
  endpoint.kind === "interface" ? endpoint.interface : formatIp(endpoint.address);

function placeWithPort(settings: PeerSettings): string {
  const place = placeOf(settings);
  return `${place.includes(":") ? `[${place}]` : place}:${settings.port}`;
}
