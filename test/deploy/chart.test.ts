import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { realPrograms, startPlane } from "../support/cluster.ts";
import { goTool } from "../support/go-tools.ts";
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
