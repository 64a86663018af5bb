export { runController } from "./lives.ts";
export { createMetrics as controllerMetrics } from "./metrics.ts";
export { Webhooks, type WebhooksOptions } from "./webhooks.ts";
