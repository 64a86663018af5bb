import { request } from "node:https";
import { RESOURCES } from "metallb/kube";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, HERE, projectFile, startProgram } from "../support/programs.ts";
import { ControllerBench, NAMESPACE, pool } from "./bench.ts";

const POOL_GAUGES = [
  "metallb_allocator_addresses_in_use_total",
  "metallb_allocator_addresses_total",
  "metallb_allocator_ipv4_addresses_in_use_total",
  "metallb_allocator_ipv4_addresses_total",
  "metallb_allocator_ipv6_addresses_in_use_total",
  "metallb_allocator_ipv6_addresses_total",
  "metallb_allocator_services_allocated_total",
];
/** Contract 8.1: name → type, of both processes. */
const BOTH: Readonly<Record<string, string>> = {
  metallb_k8s_client_updates_total: "counter",
  metallb_k8s_client_update_errors_total: "counter",
  metallb_k8s_client_config_loaded_bool: "gauge",
  metallb_k8s_client_config_stale_bool: "gauge",
  rest_client_requests_total: "counter",
  certwatcher_read_certificate_total: "counter",
  certwatcher_read_certificate_errors_total: "counter",
  process_cpu_seconds_total: "counter",
  process_resident_memory_bytes: "gauge",
};
const CONTROLLER: Readonly<Record<string, string>> = {
  ...BOTH,
  metallb_allocator_services_waiting: "gauge",
  ...Object.fromEntries(POOL_GAUGES.map((name) => [name, "gauge"])),
  controller_runtime_active_workers: "gauge",
  controller_runtime_max_concurrent_reconciles: "gauge",
  controller_runtime_reconcile_errors_total: "counter",
  controller_runtime_reconcile_time_seconds: "histogram",
  controller_runtime_reconcile_total: "counter",
  controller_runtime_webhook_latency_seconds: "histogram",
  controller_runtime_webhook_requests_in_flight: "gauge",
  controller_runtime_webhook_requests_total: "counter",
  leader_election_master_status: "gauge",
  workqueue_adds_total: "counter",
  workqueue_depth: "gauge",
  workqueue_longest_running_processor_seconds: "gauge",
  workqueue_queue_duration_seconds: "histogram",
  workqueue_retries_total: "counter",
  workqueue_unfinished_work_seconds: "gauge",
  workqueue_work_duration_seconds: "histogram",
};
const SPEAKER: Readonly<Record<string, string>> = {
  ...BOTH,
  metallb_speaker_announced: "gauge",
  metallb_layer2_requests_received: "counter",
  metallb_layer2_responses_sent: "counter",
  metallb_layer2_gratuitous_sent: "counter",
  metallb_bgp_session_up: "gauge",
  metallb_bgp_updates_total: "counter",
  metallb_bgp_announced_prefixes_total: "gauge",
  metallb_bgp_pending_prefixes_total: "gauge",
};

/** GET /metrics with a token, or without. */
function scrape(port: number, token: string | null): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    const asked = request(
      { host: "127.0.0.1", port, path: "/metrics", rejectUnauthorized: false, headers, agent: false },
      async (response) => {
        let text = "";
        for await (const part of response.setEncoding("utf8")) text += part as string;
        resolve({ status: response.statusCode ?? 0, text });
      },
    );
    asked.once("error", reject).end();
  });
}

const typesOf = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type = ""]) => [name, type]));

const PORT = 17_491;

describe("metrics", () => {
  let bench: ControllerBench;
  let token: string;

  beforeAll(async () => {
    bench = await ControllerBench.create("embedded");
    token = await bench.token();
  });
  afterAll(() => bench?.close());

  const until = (line: string, port = PORT) =>
    eventually(
      async () => (await scrape(port, token)).text,
      (text) => text.includes(`${line}\n`),
      { what: `no line ${line}` },
    );
  const number = (text: string, name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);

  it("of a controller have upstream's names and types, for those who may read them, and count what happens", async () => {
    await bench.start(`--port=${PORT}`);
    await until('leader_election_master_status{name="metallb-controller"} 1');
    expect((await scrape(PORT, null)).status).toBe(401);
    expect((await scrape(PORT, "wrong")).status).toBe(401);
    await bench.create("a");
    await bench.create("b", { loadBalancerIP: "192.0.2.9" });
    await until('metallb_allocator_ipv4_addresses_in_use_total{pool="first"} 2');
    const before = (await scrape(PORT, token)).text;
    expect(typesOf(before)).toMatchObject(CONTROLLER);
    for (const line of [
      'metallb_allocator_ipv4_addresses_total{pool="first"} 256',
      'metallb_allocator_addresses_in_use_total{pool="first"} 2',
      'metallb_allocator_ipv6_addresses_in_use_total{pool="first"} 0',
      'metallb_allocator_services_allocated_total{pool="first"} 2',
      "metallb_k8s_client_config_loaded_bool 1",
      "metallb_k8s_client_config_stale_bool 0",
      "metallb_k8s_client_update_errors_total 0",
    ])
      expect(before).toContain(`${line}\n`);
    // Upstream counts what it could not serve as an update that failed.
    await bench.create("none", { loadBalancerIP: "203.0.113.1" });
    const after = await eventually(
      async () => (await scrape(PORT, token)).text,
      (text) => number(text, "metallb_k8s_client_update_errors_total") >= 1,
      { what: "the refusal is not counted" },
    );
    expect(number(after, "metallb_k8s_client_updates_total")).toBeGreaterThan(
      number(before, "metallb_k8s_client_updates_total"),
    );
    expect(after).toMatch(/metallb_allocator_services_waiting\{reason="notInConfig"\} 1\n/);
    await bench.createPool(pool("wrong", ["nonsense"]));
    await until("metallb_k8s_client_config_stale_bool 1");
    await bench.client.remove(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name: "wrong" });
    await until("metallb_k8s_client_config_stale_bool 0");
    await bench.client.remove(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name: "first" });
    const gone = await eventually(
      async () => (await scrape(PORT, token)).text,
      (text) => !text.includes('pool="first"'),
      { what: "the metrics of a deleted pool stay" },
    );
    expect(number(gone, "metallb_k8s_client_config_loaded_bool")).toBe(1);
  });

  it("of a speaker have upstream's names and types too", async () => {
    const port = PORT + 1;
    await bench.client.create(RESOURCES.nodes, {}, { apiVersion: "v1", kind: "Node", metadata: { name: "n" } });
    const flags = [`--namespace=${NAMESPACE}`, `--port=${port}`, "--health-probe-port=0", "--node-name=n"];
    const speaker = await startProgram(HERE, [projectFile("packages/metallb/bin/speaker"), ...flags], bench.env);
    try {
      await until("metallb_k8s_client_config_loaded_bool 1", port);
      const { text } = await scrape(port, token);
      expect(typesOf(text)).toMatchObject(SPEAKER);
      expect(number(text, "metallb_k8s_client_updates_total")).toBeGreaterThan(0);
    } finally {
      await speaker.stop();
    }
  });
});
