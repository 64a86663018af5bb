import { expect, it } from "vitest";
import { AnswerCounts } from "#http";
import { ip } from "#net";
import { plan } from "#planner";
import { OPTIONS, peer, TestWorld } from "#planner/testing";
import { BfdSessions } from "./bfd-sessions.ts";
import { BgpSessions } from "./bgp-sessions.ts";
import type { DatedCounters } from "./dated.ts";
import { createMetrics, kubernetesFigures } from "./metrics.ts";

const counters = (name: string, updatesSent: number): DatedCounters => ({
  peer: name,
  opensSent: 1,
  opensReceived: 1,
  notificationsSent: 0,
  notificationsReceived: 0,
  updatesSent,
  updatesReceived: 2,
  keepalivesSent: 5,
  keepalivesReceived: 6,
  routeRefreshesReceived: 1,
  updatesTreatedAsWithdraw: 0,
  attributesDiscarded: 0,
  bytesSent: 0,
  announcedPrefixes: 3,
  pendingPrefixes: 0,
  holdEndsAt: null,
});

/** What is scraped of three peers, two of them at one place, and of one path that BFD watches. */
async function scrape(vrfLabels: boolean, isCounted = true): Promise<string> {
  const world = new TestWorld([], [peer("b"), peer("a"), peer("six", { address: ip(6, 1n) })]);
  const planned = plan(world, OPTIONS);
  const sessions = new BgpSessions();
  sessions.expect({ peersSet: [...planned.peers.values()], peersRemoved: [] });
  const all = [...planned.peers.keys()].map((name, i) => counters(name, i + 1));
  if (isCounted) sessions.take({ kind: "counters", counters: all });
  const announced = new Map([["default/a", ["192.0.2.5"]]]);
  const bfd = new BfdSessions();
  const report = {
    session: "path",
    users: ["a", "b"],
    remote: ip(4, 0xc00002fen),
    interface: null,
    vrf: null,
    multihop: false,
    state: "Up",
    since: 1_795_000_000_000,
    reason: "",
    path: "up",
    transmitInterval: 50,
    detectionTime: 150,
  } as const;
  bfd.take({ kind: "session", session: report });
  bfd.take({ kind: "session", session: { ...report, session: "other", vrf: "red" } });
  const counted = { session: "path", up: true, upEvents: 2, downEvents: 1, echoPacketsInput: 8, echoPacketsOutput: 9 };
  bfd.take({
    kind: "counters",
    counters: [
      { ...counted, controlPacketsInput: 6, controlPacketsOutput: 7 },
      { ...counted, session: "other", up: false, controlPacketsInput: 0, controlPacketsOutput: 0 },
    ],
  });
  const answers = new AnswerCounts();
  answers.count("GET", 200);
  return createMetrics(
    "node-1",
    kubernetesFigures(
      { client: { server: "https://10.96.0.1:443" }, answers },
      world,
      { handled: 7, failed: 1 },
      () => false,
    ),
    { announced },
    { plan: () => planned, sessions, bfd, vrfLabels },
    {
      announced: new Map([["default/b", ["192.0.2.6"]]]),
      counters: new Map([
        ["192.0.2.6", { address: ip(4, 6n), requestsReceived: 4, responsesSent: 3, gratuitousSent: 10 }],
      ]),
      addresses: new Map(),
      allMembers: [],
    },
  ).metrics();
}

it("has the rows of a peer as soon as it is configured: its counters are told later", async () => {
  const text = await scrape(false, false);
  for (const name of ["session_up", "updates_total", "announced_prefixes_total"])
    expect(text).toContain(`metallb_bgp_${name}{peer="[::1]:179"} 0\n`);
});

it("has a row for each peer, also for two at one address and port", async () => {
  const text = await scrape(false);
  const rows = text.split("\n").filter((line) => line.startsWith("metallb_bgp_updates_total{"));
  expect(rows).toEqual([
    'metallb_bgp_updates_total{peer="192.0.2.254:179/b"} 1',
    'metallb_bgp_updates_total{peer="192.0.2.254:179"} 2',
    'metallb_bgp_updates_total{peer="[::1]:179"} 3',
  ]);
  expect(text).toContain(
    'metallb_speaker_announced{service="default/b",protocol="layer2",node="node-1",ip="192.0.2.6"} 1',
  );
  expect(text).toContain('metallb_layer2_requests_received{ip="192.0.2.6"} 4');
  expect(text).toContain('metallb_layer2_responses_sent{ip="192.0.2.6"} 3');
  expect(text).toContain('metallb_layer2_gratuitous_sent{ip="192.0.2.6"} 10');
  expect(text).toContain('metallb_bgp_total_sent{peer="[::1]:179"} 9');
  expect(text).toContain('metallb_bgp_total_received{peer="[::1]:179"} 10');
  expect(text).toContain("metallb_k8s_client_updates_total 7");
  expect(text).toContain("metallb_k8s_client_update_errors_total 1");
  expect(text).toContain('rest_client_requests_total{code="200",host="10.96.0.1",method="GET"} 1');
  expect(text).toContain(
    'metallb_speaker_announced{service="default/a",protocol="bgp",node="node-1",ip="192.0.2.5"} 1',
  );
});

it("has what FRR and frr-k8s tell of BGP and BFD, under their names and with their labels", async () => {
  const text = await scrape(true);
  expect(text).toContain('metallb_bgp_updates_total{peer="192.0.2.254:179",vrf="default"} 2');
  expect(text).toContain('frrk8s_bgp_updates_total{peer="192.0.2.254",vrf="default"} 2');
  expect(text).toContain('frrk8s_bgp_received_prefixes_total{peer="::1",vrf="default"} 0');
  for (const prefix of ["metallb_bfd", "frrk8s_bfd"])
    for (const line of [
      'session_up{peer="192.0.2.254",vrf="default"} 1',
      'session_up{peer="192.0.2.254",vrf="red"} 0',
      'control_packet_input{peer="192.0.2.254",vrf="default"} 6',
      'control_packet_output{peer="192.0.2.254",vrf="default"} 7',
      'echo_packet_input{peer="192.0.2.254",vrf="default"} 8',
      'echo_packet_output{peer="192.0.2.254",vrf="default"} 9',
      'session_up_events{peer="192.0.2.254",vrf="default"} 2',
      'session_down_events{peer="192.0.2.254",vrf="default"} 1',
      'zebra_notifications{peer="192.0.2.254",vrf="default"} 0',
    ])
      expect(text).toContain(`${prefix}_${line}`);
});
