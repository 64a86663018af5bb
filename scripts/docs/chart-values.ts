import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { code, head, table } from "./markdown.ts";

/** What values do, the longest prefix that fits: one line may stand for a whole block of them. */
export const EFFECTS: Readonly<Record<string, string>> = {
  imagePullSecrets: "Secrets with which both images are pulled.",
  nameOverride: "Part of every object's name in place of the chart's.",
  fullnameOverride: "The names of the objects begin with it.",
  loadBalancerClass: "Only Services of this class are handled; empty: those without one.",
  plainNames: "Names and labels of the plain manifests; for rendering them.",
  "rbac.create": "Roles, and what binds them to the service accounts.",
  "tls.minVersion": "Of metrics and webhooks: VersionTLS12 or VersionTLS13.",
  "tls.cipherSuites": "Of TLS 1.2; refused with another version.",
  "tls.curvePreferences": "Numbers of curves, comma between them.",
  "tls.controllerMetricsTLSSecret": "Secret with the certificate of the metrics; empty: self-signed.",
  "tls.speakerMetricsTLSSecret": "The same of the speakers.",
  "prometheus.scrapeAnnotations": "Annotations `prometheus.io/…` on the Pods.",
  "prometheus.metricsPort": "Port of the metrics; 0: none.",
  "prometheus.rbacPrometheus": "Together with the two below: the right to read the metrics.",
  "prometheus.serviceAccount": "The service account of Prometheus.",
  "prometheus.namespace": "Its namespace.",
  "prometheus.podMonitor": "A PodMonitor for each process; refused beside `serviceMonitor`.",
  "prometheus.serviceMonitor": "A ServiceMonitor and a headless Service for each process.",
  "prometheus.prometheusRule":
    "The alerts ([monitoring.md](../monitoring.md)): each has `enabled`, `labels` and its own thresholds.",
  "prometheus.grafanaDashboards": "Two dashboards as ConfigMaps that Grafana's sidecar takes.",
  "controller.enabled": "Whether the controller is made.",
  "controller.replicas":
    "Two or more elect a leader by a Lease; a PodDisruptionBudget and a spread over nodes come with them.",
  "controller.webhookMode": "`disabled`, `enabled` or `onlywebhook` (MetalLB's default is `enabled`).",
  "controller.topologySpread": "Replicas on different nodes where that can be.",
  "controller.podDisruptionBudget": "One replica stays through evictions; made with two replicas or more.",
  "controller.ipam":
    "An IPAM that chooses the addresses of pools with `metallb.io/ipam` ([ipam.md](../ipam.md)): its `url`, this cluster's name with it, and a Secret with `token` and `ca.crt`, each optional.",
  "controller.strategy": "The Deployment's strategy.",
  "speaker.enabled": "Whether the speakers are made.",
  "speaker.tolerateMaster": "Speakers on the nodes of the control plane too.",
  "speaker.memberlist.enabled":
    "Gossip among speakers, for a fast takeover by layer 2; refused as false with `speaker.nodeSelector`.",
  "speaker.memberlist.mlBindPort": "Its port, TCP and UDP.",
  "speaker.memberlist.mlBindAddrOverride": "Its address in place of the Pod's.",
  "speaker.memberlist.mlSecretKeyPath": "Where its key is mounted.",
  "speaker.excludeInterfaces": "ConfigMap `metallb-excludel2`: interfaces that never answer by layer 2.",
  "speaker.ignoreExcludeLB": "Nodes with the label `exclude-from-external-load-balancers` announce too.",
  "speaker.fencingLeases":
    "Speakers may keep Leases in the release's namespace, for L2Advertisements that are fenced by them.",
  "speaker.wanConfig": "Slower gossip, for nodes that are far apart.",
  "speaker.secretName": "Secret with the key of the gossip; empty: made by the controller.",
  "speaker.updateStrategy": "The DaemonSet's strategy.",
  "speaker.startupProbe": "Time that a speaker may take to start.",
  "speaker.bgpDebounceTimeout": "No effect: a change is one UPDATE, and nothing is reloaded.",
  "speaker.frr": "No effect: the built-in engine does what FRR did.",
  "speaker.reloader": "No effect: there is no such container.",
  "speaker.frrMetrics": "No effect: there is no such container.",
  "speaker.initContainers": "No effect: there are none.",
  "crds.enabled": "The CRDs, which an upgrade and `helm uninstall` keep.",
  "crds.validationFailurePolicy": "What becomes of a change while the webhook does not answer: Fail or Ignore.",
  frrk8s: "No effect: no FRRConfiguration is written. Combinations that MetalLB's chart refuses are refused.",
  "frr-k8s": "No effect: there is no such chart in this one.",
  "networkpolicies.enabled": "What the controller may reach and be reached by.",
  "networkpolicies.defaultDeny": "Nothing else in the namespace may talk.",
  "networkpolicies.apiPort": "Port of the API server that may be reached.",
  // Of both processes.
  "*.logLevel": "all, debug, info, warn, error or none.",
  "*.image": "Repository, tag and pull policy.",
  "*.command": "Arguments in place of the image's.",
  "*.serviceAccount": "Whether it is made, its name and annotations.",
  "*.securityContext": "Of the Pod.",
  "*.resources": "Requests and limits ([sizing.md](../sizing.md)).",
  "*.nodeSelector": "Where the Pods run.",
  "*.tolerations": "Taints that they bear.",
  "*.priorityClassName": "Their priority.",
  "*.runtimeClassName": "Their runtime.",
  "*.affinity": "Their affinity.",
  "*.podAnnotations": "Annotations of the Pods.",
  "*.labels": "Labels of the workload and its Pods.",
  "*.livenessProbe": "Its port and its times.",
  "*.readinessProbe": "Its port and its times.",
  "*.extraContainers": "Containers beside.",
};

/** The line that stands for a value; null: none does. */
export function effectOf(value: string): string | null {
  const general = value.replace(/^(controller|speaker)\./, "*.");
  for (let name = value, other = general; name !== ""; name = parent(name), other = parent(other)) {
    const effect = EFFECTS[name] ?? EFFECTS[other];
    if (effect !== undefined) return effect;
  }
  return null;
}

const parent = (name: string): string => name.slice(0, Math.max(0, name.lastIndexOf(".")));

/** Every value of the chart with its default, as values.yaml has them. */
export function chartValues(): readonly (readonly [string, unknown])[] {
  const file = join(import.meta.dirname, "../../deploy/helm/metallb/values.yaml");
  const walk = (value: unknown, path: string): readonly (readonly [string, unknown])[] =>
    typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
      ? Object.entries(value).flatMap(([name, each]) => walk(each, path === "" ? name : `${path}.${name}`))
      : [[path, value]];
  return walk(parse(readFileSync(file, "utf8")), "");
}

/** docs/reference/values.md: what the chart takes. */
export function valuesPage(): string {
  const about =
    "Every value of the chart. Names and defaults are those of MetalLB's own chart, so that a values file written for it is taken; what means nothing here says so, and the notes of an installation name it too. A value that cannot be is refused by the chart's schema, in words, before anything is made.";
  const rows = chartValues().map(([name, value]) => [code(name), shown(value), effectOf(name) ?? ""]);
  return `${head("Values of the chart", "deploy/helm/metallb/values.yaml and scripts/docs/chart-values.ts", about)}
${table(["value", "default", "effect"], rows)}
`;
}

function shown(value: unknown): string {
  if (value === null || value === "") return "";
  return code(JSON.stringify(value).slice(0, 60));
}
