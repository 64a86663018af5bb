/**
 * Renders the chart into the plain manifests, with Helm from the PATH or from $HELM; with --check it
 * fails when a file would differ.
 *
 *     bin/node scripts/manifests.ts [--check]
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const root = join(import.meta.dirname, "..");
const chart = join(root, "deploy/helm/metallb");
const check = process.argv.includes("--check");
const NAMESPACE = "metallb-system";

/** File → values beyond the chart's own. */
const FLAVOURS: Readonly<Record<string, readonly string[]>> = {
  "native/metallb-native.yaml": [],
  "native-prometheus/metallb-native-prometheus.yaml": [
    "prometheus.scrapeAnnotations=true",
    "prometheus.serviceMonitor.enabled=true",
    "prometheus.prometheusRule.enabled=true",
    "prometheus.grafanaDashboards.enabled=true",
    "prometheus.serviceAccount=prometheus-k8s",
    "prometheus.namespace=monitoring",
  ],
};

/** Speakers are on the host's network, which only privileged namespaces allow. */
const NAMESPACE_OBJECT = `apiVersion: v1
kind: Namespace
metadata:
  name: ${NAMESPACE}
  labels:
    pod-security.kubernetes.io/enforce: privileged
    pod-security.kubernetes.io/audit: privileged
    pod-security.kubernetes.io/warn: privileged
`;

function render(values: readonly string[]): string {
  const sets = ["plainNames=true", ...values].flatMap((value) => ["--set", value]);
  const args = ["template", "metallb", chart, "--namespace", NAMESPACE, "--kube-version", "1.25.0", ...sets];
  const text = execFileSync(process.env.HELM ?? "helm", args, { encoding: "utf8", maxBuffer: 16 * 1024 * 1024 });
  const objects = text
    .split(/^---$/m)
    .map((part) => part.replace(/^# Source: .*\n/gm, "").trim())
    .filter((part) => part.split("\n").some((line) => line !== "" && !line.startsWith("#")));
  return `# Made by scripts/manifests.ts from deploy/helm/metallb. Do not edit.\n${[NAMESPACE_OBJECT.trim(), ...objects].join("\n---\n")}\n`;
}

let stale = 0;
const put = (file: string, text: string): void => {
  const path = join(root, "deploy/manifests", file);
  let present = "";
  try {
    present = readFileSync(path, "utf8");
  } catch {
    // Not made yet.
  }
  if (present === text) return;
  stale++;
  if (check) process.stderr.write(`deploy/manifests/${file} is not what the chart renders\n`);
  else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
};

for (const [file, values] of Object.entries(FLAVOURS)) {
  put(file, render(values));
  const [folder = "", name = ""] = file.split("/");
  put(
    `${folder}/kustomization.yaml`,
    `apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - ${name}\n`,
  );
}
if (check && stale > 0) process.exitCode = 1;
