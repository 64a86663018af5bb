import { expect, it } from "vitest";
import { AnswerCounts } from "#http";
import { createMetrics } from "./metrics.ts";

it("tells the writes as they are at each scrape", async () => {
  let counters = { updates: 0, errors: 0 };
  const registry = createMetrics({
    allocation: { usage: () => [], outcomes: new Map() },
    writes: () => counters,
    writers: {},
    parallel: {},
    answers: new AnswerCounts(),
    server: "https://10.96.0.1:443",
    config: () => ({ loaded: true, stale: false }),
  });
  expect(await registry.metrics()).toContain("metallb_k8s_client_updates_total 0");
  counters = { updates: 3, errors: 1 };
  const text = await registry.metrics();
  expect(text).toContain("metallb_k8s_client_updates_total 3");
  expect(text).toContain("metallb_k8s_client_update_errors_total 1");
});
