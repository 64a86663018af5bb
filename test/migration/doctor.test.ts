import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { selfSignedKeyPair } from "metallb/http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { realPrograms, startPlane } from "../support/cluster.ts";
import { metallbObject, NAMESPACE, serviceObject, type TestObject } from "../support/objects.ts";
import { describeWith } from "../support/parts.ts";
import { kubectlProgram } from "../support/probes.ts";
import { projectFile } from "../support/programs.ts";
import { configMap, FRR_CRD, frrConfiguration, type Upstream, upstreamObjects } from "./upstream.ts";

interface Told {
  readonly checks: readonly {
    readonly verdict: string;
    readonly what: string;
    readonly text: string;
    readonly fix: string;
  }[];
  readonly commands: readonly string[];
}

/** MetalLB's CRD of this kind converts by webhook. */
const CONVERTED = "bgppeers.metallb.io";

const POOL_ANNOTATION = { "metallb.io/ip-allocated-from-pool": "pool" };

describeWith(["kubernetes", "kubectl"], "metallb doctor --migrate in a cluster that runs MetalLB", () => {
  const undo: (() => Promise<unknown>)[] = [];
  let kubeconfig = "";

  const kubectl = (args: readonly string[], input = ""): string => {
    const env = { ...process.env, KUBECONFIG: kubeconfig };
    const { stdout, stderr, status } = spawnSync(kubectlProgram(), args, { env, input, encoding: "utf8" });
    if (status !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  const apply = (...objects: readonly TestObject[]): string =>
    kubectl(["apply", "-f", "-"], objects.map((each) => JSON.stringify(each)).join("\n---\n"));
  const doctor = (): Told & { readonly code: number | null } => {
    const args = ["doctor", "--migrate", "-n", NAMESPACE, "--kubeconfig", kubeconfig, "-o", "json"];
    const { stdout, stderr, status } = spawnSync(projectFile("packages/metallb/bin/metallb"), args, {
      encoding: "utf8",
    });
    if (stderr !== "") throw new Error(stderr);
    return { ...(JSON.parse(stdout) as Told), code: status };
  };
  const said = ({ checks }: Told, what: string): string =>
    checks
      .filter((each) => each.what === what)
      .map(({ verdict, text }) => `${verdict}: ${text}`)
      .join("\n");

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), "metallb-migration-"));
    undo.push(() => rm(folder, { recursive: true, force: true }));
    const plane = await startPlane(await realPrograms(), folder);
    undo.push(() => plane.closePlane());
    kubeconfig = plane.kubeconfig;
    kubectl(["apply", "--server-side", "-f", projectFile("deploy/crds")]);
    apply(FRR_CRD, { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
    kubectl(["wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"]);
    apply(
      metallbObject("IPAddressPool", "pool", { addresses: ["198.51.100.0/28"] }),
      metallbObject("BGPPeer", "router", { myASN: 64500, peerASN: 64512, peerAddress: "192.0.2.1" }),
      serviceObject("web", {}, POOL_ANNOTATION),
    );
    const status = { status: { loadBalancer: { ingress: [{ ip: "198.51.100.3" }] } } };
    kubectl(["patch", "service", "web", "--subresource=status", "--type=merge", "-p", JSON.stringify(status)]);
  });
  afterAll(async () => {
    for (const each of undo.toReversed()) await each();
  });

  it("says that nothing moves where nothing runs", () => {
    const told = doctor();
    expect(said(told, "MetalLB")).toMatch(/^warning: no controller and speaker of MetalLB/);
    expect(told.commands).toEqual([]);
  });

  const cases: readonly (readonly [Upstream, RegExp, RegExp])[] = [
    [{ mode: "native", by: "manifests" }, /native one/, /apply --server-side --force-conflicts -k/],
    [{ mode: "frr", by: "chart" }, /containers frr, reloader, frr-metrics are gone/, /helm upgrade metallb /],
    [{ mode: "frr-k8s", by: "manifests" }, /does what FRR-K8s did/, /delete daemonset frr-k8s/],
  ];
  it.each(cases)("%j: what changes, and the commands", (upstream, engine, command) => {
    const objects = upstreamObjects(upstream);
    apply(...objects);
    const told = doctor();
    expect(told.code).toBe(0);
    expect(said(told, "found")).toContain(
      `mode ${upstream.mode === "native" ? "native" : upstream.mode === "frr" ? "FRR" : "FRR-K8s"}, installed by ${upstream.by === "chart" ? "Helm (release metallb)" : "manifests"}`,
    );
    expect(said(told, "BGP")).toMatch(engine);
    expect(said(told, "addresses")).toMatch(/^ok: 1 Services keep their addresses/);
    expect(said(told, "taken over")).toContain("metallb-excludel2");
    expect(said(told, "webhook")).toMatch(/^warning/);
    expect(said(told, "traffic")).toContain("BGPPeer router");
    expect(told.commands.join("\n")).toMatch(command);
    expect(told.commands[2]).toContain("scale deployment");
    kubectl(["delete", "-f", "-"], objects.map((each) => JSON.stringify(each)).join("\n---\n"));
  });

  it("names what is not taken over, and fails where a Service would lose its address", () => {
    const objects = [
      ...upstreamObjects({ mode: "frr-k8s", by: "chart" }).filter(
        ({ kind }) => kind !== "ValidatingWebhookConfiguration",
      ),
      configMap("bgpextras", { extras: "router bgp 64512" }),
      frrConfiguration("metallb-node-1"),
      frrConfiguration("ours"),
    ];
    apply(...objects, serviceObject("lost", {}, POOL_ANNOTATION));
    const status = { status: { loadBalancer: { ingress: [{ ip: "203.0.113.9" }] } } };
    kubectl(["patch", "service", "lost", "--subresource=status", "--type=merge", "-p", JSON.stringify(status)]);
    const told = doctor();
    expect(told.code).toBe(1);
    expect(said(told, "addresses")).toContain("failed: no pool holds the address of default/lost (203.0.113.9)");
    expect(said(told, "not taken over")).toMatch(/bgpextras/);
    expect(said(told, "not taken over")).toContain(`${NAMESPACE}/ours`);
    expect(said(told, "not taken over")).not.toContain("metallb-node-1");
    expect(said(told, "FRR-K8s")).toContain(`${NAMESPACE}/metallb-frr-k8s`);
    kubectl(["delete", "service", "lost"]);
    kubectl(["delete", "-f", "-"], objects.map((each) => JSON.stringify(each)).join("\n---\n"));
  });

  /** As MetalLB's manifests apply the CRD, and its controller then writes its certificate into it. */
  const convertByWebhook = (): void => {
    const service = { name: "metallb-webhook-service", namespace: NAMESPACE, path: "/convert" };
    const webhook = { conversionReviewVersions: ["v1beta1", "v1beta2"], clientConfig: { service } };
    const crd = JSON.parse(kubectl(["get", "crd", CONVERTED, "-o", "json"])) as { readonly spec: object };
    const spec = { ...crd.spec, conversion: { strategy: "Webhook", webhook } };
    kubectl(["delete", "crd", CONVERTED]);
    apply({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: CONVERTED },
      spec,
    });
    const clientConfig = { caBundle: Buffer.from(selfSignedKeyPair().cert).toString("base64") };
    const patch = JSON.stringify({ spec: { conversion: { webhook: { clientConfig } } } });
    kubectl(["patch", "crd", CONVERTED, "--field-manager=controller", "--type=merge", "-p", patch]);
    kubectl(["wait", "--for=condition=Established", "--timeout=30s", "crd", CONVERTED]);
    // Stored as it is asked for: this one needs no conversion.
    apply(metallbObject("BGPPeer", "router", { myASN: 64500, peerASN: 64512, peerAddress: "192.0.2.1" }));
  };

  it("the commands leave one set of containers, the same key of the gossip, and no webhook that refuses", () => {
    apply(...upstreamObjects({ mode: "frr", by: "manifests" }));
    convertByWebhook();
    const { commands } = doctor();
    const key = () => kubectl(["-n", NAMESPACE, "get", "secret", "memberlist", "-o", "jsonpath={.data.secretkey}"]);
    const before = key();
    for (const command of commands) {
      // No kubelet runs here: nothing rolls out.
      if (!command.startsWith("kubectl ") || command.includes(" rollout ")) continue;
      const words =
        command.replace(/-k \.$/, `-k ${projectFile("deploy/manifests/native")}`).match(/'[^']*'|\S+/g) ?? [];
      kubectl(words.slice(1).map((word) => word.replaceAll("'", "")));
    }
    const containers = "jsonpath={.spec.template.spec.containers[*].name}";
    expect(kubectl(["-n", NAMESPACE, "get", "daemonset", "speaker", "-o", containers])).toBe("speaker");
    expect(kubectl(["-n", NAMESPACE, "get", "deployment", "controller", "-o", containers])).toBe("controller");
    expect(kubectl(["-n", NAMESPACE, "get", "deployment", "controller", "-o", "jsonpath={.spec.replicas}"])).toBe("1");
    expect(key()).toBe(before);
    expect(kubectl(["get", "crd", CONVERTED, "-o", "jsonpath={.spec.conversion}"])).toBe('{"strategy":"None"}');
    // Both versions are read, with nobody there to convert.
    expect(kubectl(["-n", NAMESPACE, "get", "bgppeers.v1beta1.metallb.io", "-o", "name"])).toContain("router");
    apply(metallbObject("IPAddressPool", "another", { addresses: ["198.51.100.32/28"] }));
    const told = doctor();
    expect(said(told, "MetalLB")).toMatch(/^ok: controller and speaker run one image already/);
    expect(told.commands).toEqual([]);
  });
});
