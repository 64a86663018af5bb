export { createMetrics as controllerMetrics } from "./metrics.ts";
export { runController } from "./run.ts";
export { Webhooks, type WebhooksOptions } from "./webhooks.ts";
