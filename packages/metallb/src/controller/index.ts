export { runController } from "./run.ts";
export { Webhooks, type WebhooksOptions } from "./webhooks.ts";
