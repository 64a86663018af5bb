import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { realPrograms, startPlane } from "../support/cluster.ts";
import { goModule, goTool } from "../support/go-tools.ts";
import { describeWith } from "../support/parts.ts";
import { kubectlProgram } from "../support/probes.ts";
import { projectFile } from "../support/programs.ts";
import { VALUES } from "./values.ts";

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
}

const CHART = projectFile("deploy/helm/metallb");
const CLUSTER = ["--namespace", "metallb-system", "--kube-version", "1.36.0"];
const flat = (sets: readonly string[]): string[] => sets.flatMap((set) => ["--set", set]);

const template = (...sets: readonly string[]): string =>
  execFileSync(goTool("helm"), ["template", "metallb", CHART, ...CLUSTER, ...flat(sets)], {
    encoding: "utf8",
    maxBuffer: 16 * 1024 * 1024,
    stdio: ["ignore", "pipe", "pipe"],
  });

const objectsOf = (text: string): Manifest[] =>
  parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((object) => object !== null);

describeWith(["helm"], "the chart", () => {
  it("has nothing that Helm's linter minds", () => {
    const { status, stdout } = spawnSync(goTool("helm"), ["lint", "--strict", CHART], { encoding: "utf8" });
    expect(stdout).toContain("0 chart(s) failed");
    expect(status).toBe(0);
  });

  it("says with its linter too which value cannot be, and why", () => {
    const { status, stdout } = spawnSync(goTool("helm"), ["lint", CHART, "--set", "controller.replicas=two"], {
      encoding: "utf8",
    });
    expect(stdout).toContain("at '/controller/replicas': got string, want integer");
    expect(status).not.toBe(0);
  });

  it("refuses a cluster that is too old, by its version", () => {
    const old = ["template", "metallb", CHART, "--kube-version", "1.24.17"];
    const { status, stderr } = spawnSync(goTool("helm"), old, { encoding: "utf8" });
    expect(stderr).toContain("chart requires kubeVersion: >= 1.25.0-0 which is incompatible with Kubernetes v1.24.17");
    expect(status).not.toBe(0);
  });

  it("renders the same octets each time", () => {
    expect(template()).toBe(template());
  });

  it("is what the plain manifests were rendered from", () => {
    const script = projectFile("scripts/manifests.ts");
    execFileSync(process.execPath, [script, "--check"], { env: { ...process.env, HELM: goTool("helm") } });
  });

  it("makes no webhook unless it is asked for one", () => {
    expect(template()).not.toMatch(/kind: ValidatingWebhookConfiguration|webhook-cert$/m);
    const kinds = objectsOf(template("controller.webhookMode=enabled")).map((object) => object.kind);
    expect(kinds).toContain("ValidatingWebhookConfiguration");
  });

  it("keeps the CRDs when it is uninstalled", () => {
    const crds = objectsOf(template()).filter((object) => object.kind === "CustomResourceDefinition");
    expect(crds).toHaveLength(10);
    for (const crd of crds) expect(crd.metadata.annotations?.["helm.sh/resource-policy"]).toBe("keep");
    expect(objectsOf(template("crds.enabled=false")).some((object) => object.kind === "CustomResourceDefinition")).toBe(
      false,
    );
  });

  it.each(VALUES)("takes $value", ({ value, shows }) => {
    const without = template();
    const rendered = template(...value);
    if (shows === null) expect(rendered).toBe(without);
    else {
      expect(without).not.toMatch(shows);
      expect(rendered).toMatch(shows);
    }
  });

  it.each([
    [["speaker.frr.enabled=true", "frrk8s.enabled=true"], "cannot both be true"],
    [["frrk8s.enabled=true", "frrk8s.external=true"], "cannot both be true"],
    [["frrk8s.enabled=true", "speaker.enabled=false"], "needs speaker.enabled"],
    [["frrk8s.external=true"], "needs frrk8s.namespace"],
    [["speaker.memberlist.enabled=false", "speaker.nodeSelector.a=b"], "needs speaker.memberlist.enabled"],
    [["configInline.peers=x"], "metallb convert"],
    [["prometheus.podMonitor.enabled=true", "prometheus.serviceMonitor.enabled=true"], "scraped twice"],
    [["controller.logLevel=loud"], "logLevel"],
    [["controller.webhookMode=maybe"], "webhookMode"],
    [["controller.replicas=two"], "replicas"],
    [["prometheus.metricsPort=70000"], "metricsPort"],
    [["crds.validationFailurePolicy=Sometimes"], "validationFailurePolicy"],
    [["controller.tolerations=all"], "/controller/tolerations"],
    [["speaker.nodeSelector=edge"], "/speaker/nodeSelector"],
    [["speaker.nodeSelector.edge=true"], "/speaker/nodeSelector/edge"],
    [["speaker.livenessProbe.periodSeconds=0"], "/speaker/livenessProbe/periodSeconds"],
    [["controller.strategy.type=OnDelete"], "/controller/strategy/type"],
    [["controller.ipam.url=netbox"], "/controller/ipam/url"],
    [["controller.serviceAccount.create=maybe"], "/controller/serviceAccount/create"],
    [["prometheus.podMonitor.interval=often"], "/prometheus/podMonitor/interval"],
    [["prometheus.prometheusRule.bgpSessionDown.enabled=1"], "/prometheus/prometheusRule/bgpSessionDown/enabled"],
    [["prometheus.podMonitor.enabled=true", "prometheus.metricsPort=0"], "need prometheus.metricsPort"],
    [["imagePullSecrets[0]=mine"], "/imagePullSecrets/0"],
  ])("refuses %j and says why", (sets, words) => {
    expect(() => template(...sets)).toThrow(words);
  });
});

/** A control plane of its own, and the two tools that an operator has. */
function realCluster() {
  const undo: (() => Promise<unknown>)[] = [];
  let kubeconfig = "";
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), "metallb-chart-"));
    undo.push(() => rm(folder, { recursive: true, force: true }));
    const plane = await startPlane(await realPrograms(), folder);
    undo.push(() => plane.closePlane());
    kubeconfig = plane.kubeconfig;
  });
  afterAll(async () => {
    for (const each of undo.toReversed()) await each();
  });
  const env = () => ({ ...process.env, KUBECONFIG: kubeconfig });
  return {
    kubectl: (args: readonly string[], input = "") =>
      spawnSync(kubectlProgram(), args, { env: env(), input, encoding: "utf8" }),
    helm: (...args: readonly string[]) =>
      execFileSync(goTool("helm"), [...args, "--namespace", "metallb-helm"], {
        env: env(),
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      }),
  };
}

describeWith(["helm", "kubernetes", "kubectl"], "the chart on a real API server", () => {
  const { helm, kubectl } = realCluster();

  it.each([
    ["speaker.frr.enabled=true", "speaker.frr.enabled has no effect"],
    ["frrk8s.enabled=true", "frrk8s.enabled has no effect"],
    ["speaker.bgpDebounceTimeout=3000", "speaker.bgpDebounceTimeout has no effect"],
  ])("says on installation that %s has no effect", (set, words) => {
    expect(helm("install", "metallb", CHART, "--dry-run=server", "--set", set)).toContain(words);
  });

  it("gives the Prometheus operator what its own CRDs take, field by field", async () => {
    const operator = await goModule("github.com/prometheus-operator/prometheus-operator", "v0.85.0");
    const names = ["podmonitors", "servicemonitors", "prometheusrules"];
    const files = names.flatMap((name) => [
      "-f",
      join(operator, "example", "prometheus-operator-crd", `monitoring.coreos.com_${name}.yaml`),
    ]);
    expect(kubectl(["apply", "--server-side", ...files]).stderr).toBe("");
    kubectl(["wait", "--for=condition=Established", "--timeout=60s", ...files]);
    kubectl(["create", "namespace", "metallb-system"]);
    const relabel = (at: string) => [
      `prometheus.${at}.interval=1m30s`,
      `prometheus.${at}.relabelings[0].action=replace`,
      `prometheus.${at}.relabelings[0].targetLabel=cluster`,
      `prometheus.${at}.relabelings[0].replacement=one`,
      `prometheus.${at}.metricRelabelings[0].action=drop`,
      `prometheus.${at}.metricRelabelings[0].regex=x`,
    ];
    const told: string[] = [];
    for (const at of ["podMonitor", "serviceMonitor"]) {
      const rule = "prometheus.prometheusRule.enabled=true";
      const objects = objectsOf(template(`prometheus.${at}.enabled=true`, rule, ...relabel(at))).filter(({ kind }) =>
        /^(PodMonitor|ServiceMonitor|PrometheusRule)$/.test(kind),
      );
      const text = objects.map((each) => JSON.stringify(each)).join("\n---\n");
      // Strict: a field that the operator does not know is refused, and not dropped.
      const { status, stdout, stderr } = kubectl(["apply", "--validate=strict", "-f", "-"], text);
      expect([status, stderr]).toEqual([0, ""]);
      told.push(...objects.map(({ kind }) => kind));
      expect(stdout).toContain("created");
    }
    expect(new Set(told)).toEqual(new Set(["PodMonitor", "ServiceMonitor", "PrometheusRule"]));
    const own = ["get", "podmonitor", "metallb-speaker", "-n", "metallb-system", "-o", "json"];
    expect(JSON.parse(kubectl(own).stdout)).toMatchObject({
      spec: {
        podMetricsEndpoints: [{ port: "metricshttps", interval: "1m30s", tlsConfig: { insecureSkipVerify: true } }],
      },
    });
  }, 120_000);

  it("is installed, upgraded, and uninstalled without the CRDs and what they hold", () => {
    const own = ["-n", "metallb-helm", "-o", "name"];
    helm("install", "metallb", CHART, "--create-namespace");
    const pool = `{"apiVersion":"metallb.io/v1beta1","kind":"IPAddressPool","metadata":{"name":"kept","namespace":"metallb-helm"},"spec":{"addresses":["192.0.2.0/24"]}}`;
    expect(kubectl(["apply", "-f", "-"], pool).stderr).toBe("");
    helm("upgrade", "metallb", CHART, "--set", "controller.replicas=2");
    expect(kubectl(["get", "deployment", ...own]).stdout).toContain("metallb-controller");
    helm("uninstall", "metallb");
    expect(kubectl(["get", "deployment", ...own]).stdout).toBe("");
    expect(kubectl(["get", "ipaddresspool", ...own]).stdout).toContain("kept");
  });
});

describeWith(["kubernetes", "kubectl"], "the manifests on a real API server", () => {
  const { kubectl } = realCluster();

  it("are taken whole, and taken again without a change", () => {
    const folder = projectFile("deploy/manifests/native");
    const first = kubectl(["apply", "--server-side", "-k", folder]);
    expect(first.stderr.replace(/^Warning.*\n/gm, "")).toBe("");
    expect(first.status).toBe(0);
    const wait = kubectl(["wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"]);
    expect(wait.status).toBe(0);
    const diff = kubectl(["diff", "--server-side", "-k", folder]);
    expect(diff.stdout).toBe("");
    expect(diff.status).toBe(0);
  });

  it("let the controller make and change the object of kept addresses, and no other ConfigMap", () => {
    const as = ["--as=system:serviceaccount:metallb-system:controller", "-n", "metallb-system"];
    const apply = (name: string, data: object) =>
      kubectl(
        ["apply", "--server-side", ...as, "-f", "-"],
        JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "metallb-system" }, data }),
      );
    expect(apply("metallb-kept-addresses", { "a.b": "{}" }).stderr).toBe("");
    const there = kubectl(["get", "configmap", "metallb-kept-addresses", ...as, "-o", "json"]).stdout;
    expect(kubectl(["replace", ...as, "-f", "-"], there.replace('"a.b"', '"a.c"')).stderr).toBe("");
    expect(apply("another", {}).stderr).toContain("forbidden");
    expect(kubectl(["get", "configmap", "another", ...as]).stderr).toContain("forbidden");
  });
});
