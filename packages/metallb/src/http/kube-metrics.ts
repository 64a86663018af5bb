import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { KeyedWriter } from "#kube";

/** Answers of the API by method and status; handed to the client, and shown by {@link clientMetrics}. */
export class AnswerCounts {
  private readonly counts = new Map<string, number>();

  readonly count = (method: string, status: number): void => {
    const key = `${method} ${status === 0 ? "<error>" : status}`;
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  };

  *entries(): Generator<{ readonly method: string; readonly code: string; readonly count: number }> {
    for (const [key, count] of this.counts) {
      const [method = "", code = ""] = key.split(" ");
      yield { method, code, count };
    }
  }
}

/** What client-go tells of its requests. */
export function clientMetrics(registry: Registry, answers: AnswerCounts, server: string): void {
  const { host } = new URL(server);
  new Counter({
    name: "rest_client_requests_total",
    help: "Number of HTTP requests, partitioned by status code, method, and host.",
    labelNames: ["code", "host", "method"],
    registers: [registry],
    collect() {
      this.reset();
      for (const { method, code, count } of answers.entries()) this.inc({ code, host, method }, count);
    },
  });
}

/** What a process has made of the changes that it saw. */
export interface UpdateFigures {
  /** Changes of objects that were worked on. */
  readonly updates: () => number;
  /** How often that failed: a Service could not be served, or an object not be written. */
  readonly errors: () => number;
  readonly isLoaded: () => boolean;
  /** Whether the configuration as it is now has problems. */
  readonly isStale: () => boolean;
}

/** MetalLB's own metrics of what it reads from Kubernetes; the same for controller and speaker. */
export function updateMetrics(registry: Registry, { updates, errors, isLoaded, isStale }: UpdateFigures): void {
  const common = (name: string, help: string) => ({ name: `metallb_k8s_client_${name}`, help, registers: [registry] });
  const counter = (name: string, help: string, value: () => number) =>
    new Counter({
      ...common(name, help),
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  const flag = (name: string, help: string, value: () => boolean) =>
    new Gauge({
      ...common(name, help),
      collect() {
        this.set(value() ? 1 : 0);
      },
    });
  counter("updates_total", "Number of k8s object updates that have been processed", updates);
  counter("update_errors_total", "Number of k8s object updates that failed for some reason", errors);
  flag("config_loaded_bool", "1 if the MetalLB configuration was successfully loaded at least once", isLoaded);
  flag("config_stale_bool", "1 if the configuration as it is now has problems", isStale);
}

/** What client-go's leader election tells. */
export function electionMetrics(registry: Registry, name: string, isLeader: () => boolean): void {
  new Gauge({
    name: "leader_election_master_status",
    help: "Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 indicates master. 'name' is the string used to identify the lease.",
    labelNames: ["name"],
    registers: [registry],
    collect() {
      this.set({ name }, isLeader() ? 1 : 0);
    },
  });
}

/** A writer by the name under which its work is shown. */
export type NamedWriters = Readonly<
  Record<string, Pick<KeyedWriter<never>, "stats" | "depth" | "running" | "observer">>
>;

const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** What controller-runtime and its workqueues tell: a write of a key is a reconciliation of it. */
export function writerMetrics(
  registry: Registry,
  writers: NamedWriters,
  parallel: Readonly<Record<string, number>> = {},
): void {
  const entries = Object.entries(writers);
  type Writer = NamedWriters[string];
  const common = (labels: readonly string[], name: string, help: string) => ({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
  });
  const counter = (name: string, help: string, value: (writer: Writer) => number, label = "name") =>
    new Counter({
      ...common([label], name, help),
      collect() {
        this.reset();
        for (const [of, writer] of entries) this.inc({ [label]: of }, value(writer));
      },
    });
  const gauge = (name: string, help: string, value: (writer: Writer, of: string) => number, label = "name") =>
    new Gauge({
      ...common([label], name, help),
      collect() {
        for (const [of, writer] of entries) this.set({ [label]: of }, value(writer, of));
      },
    });
  const histogram = (name: string, help: string, label = "name") =>
    new Histogram({ ...common([label], name, help), buckets: SECONDS });

  counter("workqueue_adds_total", "Total number of adds handled by workqueue", ({ stats }) => stats.adds);
  counter("workqueue_retries_total", "Total number of retries handled by workqueue", ({ stats }) => stats.failures);
  gauge("workqueue_depth", "Current depth of workqueue", ({ depth }) => depth.pending - depth.inFlight);
  gauge(
    "workqueue_unfinished_work_seconds",
    "Seconds of work in progress that has not been observed by work_duration",
    (writer) => writer.running().sum,
  );
  gauge(
    "workqueue_longest_running_processor_seconds",
    "Seconds the longest running processor has been running",
    (writer) => writer.running().longest,
  );
  const waited = histogram(
    "workqueue_queue_duration_seconds",
    "How long in seconds an item stays in workqueue before being requested",
  );
  const worked = histogram(
    "workqueue_work_duration_seconds",
    "How long in seconds processing an item from workqueue takes",
  );
  const took = histogram(
    "controller_runtime_reconcile_time_seconds",
    "Length of time per reconciliation per controller",
    "controller",
  );
  counter(
    "controller_runtime_reconcile_errors_total",
    "Total number of reconciliation errors per controller",
    ({ stats }) => stats.failures,
    "controller",
  );
  gauge(
    "controller_runtime_active_workers",
    "Number of currently used workers per controller",
    ({ depth }) => depth.inFlight,
    "controller",
  );
  gauge(
    "controller_runtime_max_concurrent_reconciles",
    "Maximum number of concurrent reconciles per controller",
    (_, of) => parallel[of] ?? 1,
    "controller",
  );
  const results = new Counter(
    common(
      ["controller", "result"],
      "controller_runtime_reconcile_total",
      "Total number of reconciliations per controller",
    ),
  );
  for (const [of, writer] of entries) {
    for (const result of ["success", "error", "requeue"]) results.inc({ controller: of, result }, 0);
    writer.observer = {
      waited: (seconds) => waited.observe({ name: of }, seconds),
      tried: (seconds, outcome) => {
        worked.observe({ name: of }, seconds);
        took.observe({ controller: of }, seconds);
        const result = outcome === "done" ? "success" : outcome === "stale" ? "requeue" : "error";
        results.inc({ controller: of, result });
      },
    };
  }
}
