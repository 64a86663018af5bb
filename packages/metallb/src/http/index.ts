export { type KeyPair, selfSignedKeyPair } from "./certificate.ts";
export { type Access, createGuard, type Guard, type Reviews, type User } from "./guard.ts";
export { type HealthOptions, startHealthServer } from "./health.ts";
export { type MetricsOptions, startMetricsServer } from "./metrics.ts";
export { reviews } from "./reviews.ts";
export { serve } from "./serve.ts";
export type { HttpServer } from "./server.ts";
export { readTlsSettings, type TlsFlags, type TlsSettings } from "./tls-settings.ts";
