import { Counter, Gauge, Histogram, type Registry } from "prom-client";

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What controller-runtime tells of its webhooks, by path. */
export class WebhookFigures {
  private readonly latency = new Histogram({
    name: "controller_runtime_webhook_latency_seconds",
    help: "Histogram of the latency of processing admission requests",
    labelNames: ["webhook"],
    buckets: SECONDS,
    registers: [],
  });
  private readonly requests = new Counter({
    name: "controller_runtime_webhook_requests_total",
    help: "Total number of admission requests by HTTP status code.",
    labelNames: ["webhook", "code"],
    registers: [],
  });
  private readonly inFlight = new Gauge({
    name: "controller_runtime_webhook_requests_in_flight",
    help: "Current number of admission requests being served.",
    labelNames: ["webhook"],
    registers: [],
  });

  /** Each path is shown before it is first asked. */
  register(registry: Registry, paths: Iterable<string>): void {
    for (const metric of [this.latency, this.requests, this.inFlight]) registry.registerMetric(metric);
    for (const webhook of paths) {
      this.inFlight.set({ webhook }, 0);
      for (const code of ["200", "500"]) this.requests.inc({ webhook, code }, 0);
    }
  }

  /** A request arrived; the result is called with its HTTP status when it is answered. */
  begin(webhook: string): (code: number) => void {
    this.inFlight.inc({ webhook });
    const end = this.latency.startTimer({ webhook });
    return (code) => {
      end();
      this.inFlight.dec({ webhook });
      this.requests.inc({ webhook, code: String(code) });
    };
  }
}
