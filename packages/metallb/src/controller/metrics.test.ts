import { expect, it } from "vitest";
import type { Outcome, ReasonCode } from "#allocator";
import { AnswerCounts, WebhookFigures } from "#http";
import { createMetrics, type MetricSources } from "./metrics.ts";

const registryOf = (more: Partial<MetricSources>) =>
  createMetrics({
    allocation: { usage: () => [], outcomes: new Map() },
    updates: { updates: () => 0, errors: () => 0, isLoaded: () => true, isStale: () => false },
    writers: {},
    parallel: {},
    answers: new AnswerCounts(),
    server: "https://10.96.0.1:443",
    lease: "metallb-controller",
    isLeader: () => true,
    webhooks: new WebhookFigures(),
    ipam: null,
    ...more,
  });

it("tells what was handled, who leads and what the webhooks answered, as it is at each scrape", async () => {
  let counters = { updates: 0, errors: 0 };
  let leads = false;
  const webhooks = new WebhookFigures();
  const registry = registryOf({
    updates: {
      updates: () => counters.updates,
      errors: () => counters.errors,
      isLoaded: () => true,
      isStale: () => false,
    },
    isLeader: () => leads,
    webhooks,
  });
  const before = await registry.metrics();
  expect(before).toContain("metallb_k8s_client_updates_total 0");
  expect(before).toContain('leader_election_master_status{name="metallb-controller"} 0');
  expect(before).toContain('controller_runtime_webhook_requests_total{webhook="/convert",code="200"} 0');
  counters = { updates: 3, errors: 1 };
  leads = true;
  webhooks.begin("/convert")(200);
  webhooks.begin("/convert");
  const text = await registry.metrics();
  expect(text).toContain("metallb_k8s_client_updates_total 3");
  expect(text).toContain("metallb_k8s_client_update_errors_total 1");
  expect(text).toContain("metallb_k8s_client_config_loaded_bool 1");
  expect(text).toContain('leader_election_master_status{name="metallb-controller"} 1');
  expect(text).toContain('controller_runtime_webhook_requests_total{webhook="/convert",code="200"} 1');
  expect(text).toContain('controller_runtime_webhook_requests_in_flight{webhook="/convert"} 1');
  expect(text).toContain('controller_runtime_webhook_latency_seconds_count{webhook="/convert"} 1');
});

it("counts those that wait by the reason that their conditions and docs have, an answer of an IPAM included", async () => {
  const refused = (code: ReasonCode) => ({ code, message: "", pools: [], wishes: [] });
  const outcomes = new Map<string, Outcome>([
    ["n/asked", { kind: "pending", refusal: refused("ipamAsked") }],
    ["n/asked2", { kind: "pending", refusal: refused("ipamAsked") }],
    ["n/away", { kind: "refused", refusal: refused("ipamAway") }],
    ["n/leaves", { kind: "refused", refusal: refused("deleting") }],
    ["n/has", { kind: "allocated", pool: "p", ips: [], lacking: refused("ipamAsked") }],
    ["n/gone", { kind: "released" }],
  ]);
  const text = await registryOf({ allocation: { usage: () => [], outcomes } }).metrics();
  expect(
    text
      .split("\n")
      .filter((line) => line.startsWith("metallb_allocator_services_waiting{"))
      .sort(),
  ).toEqual([
    'metallb_allocator_services_waiting{reason="ipamAsked"} 2',
    'metallb_allocator_services_waiting{reason="ipamAway"} 1',
  ]);
});
