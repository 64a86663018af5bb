export { type AdmissionRequest, admit, type Judge, type Verdict } from "./admission.ts";
export { readKeyPair, selfSignedKeyPair, watchKeyPair } from "./certificate.ts";
export { type Convert, convertReview } from "./conversion.ts";
export { type Access, createGuard, type Guard, type Reviews, type User } from "./guard.ts";
export { type HealthOptions, startHealthServer } from "./health.ts";
export type { KeyPair } from "./key-pair.ts";
export {
  AnswerCounts,
  clientMetrics,
  electionMetrics,
  type NamedWriters,
  type UpdateFigures,
  updateMetrics,
  writerMetrics,
} from "./kube-metrics.ts";
export { type MetricsOptions, startMetricsServer } from "./metrics.ts";
export { reviews } from "./reviews.ts";
export { serve } from "./serve.ts";
export type { HttpServer } from "./server.ts";
export { readTlsSettings, type TlsFlags, type TlsSettings } from "./tls-settings.ts";
export { WebhookCertificates, type WebhookCertificatesOptions } from "./webhook-certificates.ts";
export { WebhookFigures } from "./webhook-figures.ts";
export { startWebhookServer, type WebhookOptions, type WebhookServer } from "./webhook-server.ts";
