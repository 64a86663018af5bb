import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import { goTool } from "../support/go-tools.ts";
import { projectFile } from "../support/programs.ts";

export interface Rule {
  readonly alert: string;
  readonly expr: string;
}

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec?: { readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[] };
  readonly data?: Readonly<Record<string, string>>;
}

/** What the chart makes for the Prometheus operator and for Grafana. */
export function rendered(...sets: readonly string[]): readonly Rendered[] {
  const args = ["template", "metallb", projectFile("deploy/helm/metallb"), "--kube-version", "1.36.0"];
  const text = execFileSync(goTool("helm"), [...args, ...sets.flatMap((set) => ["--set", set])], {
    encoding: "utf8",
    maxBuffer: 16 * 1024 * 1024,
  });
  return parseAllDocuments(text).flatMap((document) => (document.toJS() as Rendered | null) ?? []);
}

export function ruleGroups(): NonNullable<Rendered["spec"]> {
  const rule = rendered("prometheus.prometheusRule.enabled=true").find(({ kind }) => kind === "PrometheusRule");
  if (!rule?.spec) throw new Error("no PrometheusRule");
  return rule.spec;
}

export const DASHBOARDS = ["operator", "service"] as const;

/** Every query of a dashboard, with a value in the place of each variable. */
export function queriesOf(dashboard: (typeof DASHBOARDS)[number]): readonly string[] {
  const { panels } = JSON.parse(
    readFileSync(projectFile(`deploy/helm/metallb/files/dashboards/${dashboard}.json`), "utf8"),
  ) as { readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[] };
  return panels.flatMap(({ targets }) =>
    targets.map(({ expr }) => expr.replaceAll("$job", "metallb.*").replaceAll("$service", ".+")),
  );
}

/** Names of metrics in a query; those of Prometheus' own functions and keywords have no underscore and prefix of these. */
export const metricsIn = (query: string): readonly string[] =>
  query.match(/\b(metallb|process|rest_client|leader_election)_[a-z0-9_]+\b/g) ?? [];
