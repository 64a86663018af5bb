import { Registry } from "prom-client";
import { expect, it } from "vitest";
import { KeyedWriter } from "#kube";
import { AnswerCounts, clientMetrics, writerMetrics } from "./index.ts";

it("shows the API's answers as client-go does", async () => {
  const registry = new Registry();
  const answers = new AnswerCounts();
  clientMetrics(registry, answers, "https://10.96.0.1:443/");
  for (const status of [200, 200, 429, 0]) answers.count("GET", status);
  const text = await registry.metrics();
  expect(text).toContain('rest_client_requests_total{code="200",host="10.96.0.1",method="GET"} 2');
  expect(text).toContain('rest_client_requests_total{code="429",host="10.96.0.1",method="GET"} 1');
  expect(text).toContain('rest_client_requests_total{code="<error>",host="10.96.0.1",method="GET"} 1');
});

it("shows the work of writers as controller-runtime and its workqueues do, up to date at each scrape", async () => {
  const registry = new Registry();
  let fails = true;
  const hold = Promise.withResolvers<void>();
  const writer = new KeyedWriter<string>({
    backoff: { first: 1, max: 1 },
    perform: async (key) => {
      if (key === "held") await hold.promise;
      if (fails) throw new Error("no");
      return "done";
    },
    onFailure: () => {
      fails = false;
    },
  });
  writerMetrics(registry, { service: writer as unknown as KeyedWriter<never> }, { service: 32 });
  writer.want("a", "1");
  await writer.idle();
  writer.want("held", "1");
  await new Promise((resolve) => setImmediate(resolve));
  const text = await registry.metrics();
  for (const line of [
    'workqueue_adds_total{name="service"} 2',
    'workqueue_retries_total{name="service"} 1',
    'workqueue_depth{name="service"} 0',
    'controller_runtime_reconcile_total{controller="service",result="success"} 1',
    'controller_runtime_reconcile_total{controller="service",result="error"} 1',
    'controller_runtime_reconcile_errors_total{controller="service"} 1',
    'controller_runtime_active_workers{controller="service"} 1',
    'controller_runtime_max_concurrent_reconciles{controller="service"} 32',
    'controller_runtime_reconcile_time_seconds_count{controller="service"} 2',
    'workqueue_work_duration_seconds_count{name="service"} 2',
    'workqueue_queue_duration_seconds_count{name="service"} 2',
  ])
    expect(text).toContain(line);
  expect(text).toMatch(/workqueue_longest_running_processor_seconds\{name="service"\} 0\.\d+/);
  hold.resolve();
  await writer.idle();
  expect(await registry.metrics()).toContain('result="success"} 2');
});
