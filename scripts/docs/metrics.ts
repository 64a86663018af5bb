import { controllerMetrics } from "metallb/controller";
import { speakerMetrics } from "metallb/speaker";
import { code, head, sentence, table } from "./markdown.ts";

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labelNames: readonly string[];
}

type Registered = { readonly getMetricsAsArray: () => readonly object[] };

/** Stands for whatever a metric reads when it is scraped: none is scraped here, only asked for its name. */
const unread: unknown = new Proxy(() => undefined, { get: (_, name) => (name === "server" ? "https://api" : unread) });

const metricsOf = (create: (...sources: never[]) => Registered): readonly Metric[] =>
  (
    create(...Array<never>(create.length).fill(unread as never)).getMetricsAsArray() as (Omit<Metric, "type"> & {
      readonly constructor: { readonly name: string };
    })[]
  ).map(({ name, help, labelNames, constructor: kind }) => ({
    name,
    help,
    type: kind.name.toLowerCase(),
    labelNames,
  }));

/** docs/reference/metrics.md: from the registries that the processes serve. */
export function metricsPage(): string {
  const about =
    "Served at `/metrics` on port 9120 over HTTPS, to whom the API server allows to `get /metrics` ([serving.md](../serving.md)). Names and labels are MetalLB's where it has the metric. Both processes also serve what the Prometheus client tells of any Node process (`process_*`, `nodejs_*`).";
  return `${head("Metrics", "the metrics that the processes register", about)}
## controller

${metrics(metricsOf(controllerMetrics))}

## speaker

${metrics(metricsOf(speakerMetrics))}
`;
}

const metrics = (all: readonly Metric[]): string =>
  table(
    ["metric", "type", "labels", "meaning"],
    all
      .filter(({ name }) => !/^(process|nodejs)_/.test(name))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, type, labelNames, help }) => [code(name), type, labelNames.map(code).join(", "), sentence(help)]),
  );
