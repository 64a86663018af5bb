import { describe, expect, it } from "vitest";
import { crdOf, DEFINITIONS } from "#api";
import type { ClusterFacts } from "#explain";
import { ApiError, type KubeClient } from "#kube";
import { examine } from "./doctor.ts";

const definition = (name: string, versions: readonly string[]) => ({
  metadata: { name, uid: name },
  spec: { versions: versions.map((version) => ({ name: version, served: true })) },
});

const ALL = DEFINITIONS.map((each) => {
  const { metadata, spec } = crdOf(each) as { readonly metadata: { readonly name: string }; readonly spec: object };
  return { metadata: { name: metadata.name, uid: metadata.name }, spec };
});

const controller = (namespace: string, image = "metallb-ts:v0.1.0", args: readonly string[] = []) => ({
  metadata: { name: "controller", namespace, uid: namespace, labels: { app: "metallb", component: "controller" } },
  spec: { nodeName: "one", containers: [{ name: "controller", image, args }] },
  status: { conditions: [{ type: "Ready", status: "True" }] },
});

const service = (name: string, address: string, spec: object = {}) => ({
  metadata: { name, namespace: "shop", uid: name },
  spec: { type: "LoadBalancer", clusterIPs: ["10.0.0.1"], ipFamilies: ["IPv4"], ports: [{ port: 80 }], ...spec },
  status: { loadBalancer: { ingress: [{ ip: address }] } },
});

const FACTS: ClusterFacts = {
  server: "https://api",
  namespace: "metallb-system",
  objects: {
    services: [service("web", "198.51.100.1")],
    nodes: [],
    pods: [controller("metallb-system")],
    ipaddresspools: [
      { metadata: { name: "pool", namespace: "metallb-system", uid: "p" }, spec: { addresses: ["198.51.100.0/24"] } },
    ],
  },
  states: new Map(),
  kubeProxy: null,
  problems: [],
};

interface Server {
  readonly version?: object;
  readonly user?: string | null;
  /** Null: they may not be listed. */
  readonly definitions?: readonly unknown[] | null;
  /** The ValidatingWebhookConfiguration; null: there is none. */
  readonly webhook?: object | null;
}

/** What the doctor says of a cluster, without what is well. */
async function trouble(facts: Partial<ClusterFacts>, server: Server = {}): Promise<readonly string[]> {
  const {
    version = { major: "1", minor: "34", gitVersion: "v1.34.0" },
    user = "amy",
    definitions = ALL,
    webhook = null,
  } = server;
  const client = {
    request: () => Promise.resolve(version),
    create: ({ plural }: { readonly plural: string }) => {
      expect(plural).toBe("selfsubjectreviews");
      if (user === null) return Promise.reject(new ApiError(404, "NotFound", "not found"));
      return Promise.resolve({ status: { userInfo: { username: user } } });
    },
    get: () => (webhook === null ? Promise.reject(new ApiError(404, "NotFound", "no")) : Promise.resolve(webhook)),
    list: () =>
      definitions === null
        ? Promise.reject(new ApiError(403, "Forbidden", "no"))
        : Promise.resolve({ items: definitions }),
  } as unknown as KubeClient;
  const checks = await examine(client, { ...FACTS, ...facts });
  return checks
    .filter(({ verdict }) => verdict !== "ok")
    .map(({ verdict, what, text, fix }) => `${verdict}, ${what}: ${text}${fix === "" ? "" : ` → ${fix}`}`);
}

const withObjects = (objects: ClusterFacts["objects"]): Partial<ClusterFacts> => ({
  objects: { ...FACTS.objects, ...objects },
});

describe("the doctor", () => {
  it("says that a cluster is too old, and takes a version with a plus for what it is", async () => {
    const old = { major: "1", minor: "24+", gitVersion: "v1.24.17-eks" };
    expect(await trouble({}, { version: old })).toContain(
      "failed, Kubernetes: v1.24.17-eks is too old → upgrade to 1.25 or newer",
    );
    expect(await trouble({}, { version: { ...old, minor: "25+" } })).toEqual(await trouble({}));
    expect((await trouble({}, { version: {} })).join()).toContain("the API server does not tell its version");
  });

  it("names CRDs that are missing, and versions that are not served", async () => {
    const apply = "kubectl apply --server-side --force-conflicts -f deploy/crds";
    const without = ALL.filter(({ metadata }) => metadata.name !== "servicel2statuses.metallb.io");
    const old = without.map((each) =>
      each.metadata.name === "bgppeers.metallb.io" ? definition("bgppeers.metallb.io", ["v1beta1"]) : each,
    );
    const told = await trouble({}, { definitions: old });
    expect(told).toContain(`failed, CRDs: missing: servicel2statuses.metallb.io → ${apply}`);
    expect(told).toContain(`failed, CRDs: of another version, not served: bgppeers.metallb.io v1beta2 → ${apply}`);
  });

  it("names fields that the CRDs of an older version drop", async () => {
    const old = structuredClone(ALL) as unknown as {
      readonly metadata: { readonly name: string };
      readonly spec: {
        readonly versions: readonly {
          readonly name: string;
          readonly schema: {
            readonly openAPIV3Schema: {
              readonly properties: { readonly spec: { readonly properties: Record<string, unknown> } };
            };
          };
        }[];
      };
    }[];
    const pool = old.find(({ metadata }) => metadata.name === "ipaddresspools.metallb.io");
    delete pool?.spec.versions[0]?.schema.openAPIV3Schema.properties.spec.properties.serviceAllocation;
    expect((await trouble({}, { definitions: old })).join()).toContain(
      "warning, CRDs: of another version: the API server drops ipaddresspools.metallb.io v1beta1 spec.serviceAllocation without a word",
    );
  });

  it("says once what is not served, and nothing of what it could not read", async () => {
    const problems = ["the cluster does not serve bgppeers.metallb.io in version v1beta2: its CRD is missing"];
    const definitions = ALL.filter(({ metadata }) => metadata.name !== "bgppeers.metallb.io");
    const told = await trouble({ problems, ...withObjects({ bgppeers: null }) }, { definitions });
    expect(told.filter((line) => line.includes("bgppeers"))).toEqual([
      expect.stringContaining("CRDs: missing: bgppeers.metallb.io"),
      "unknown, configuration: could not be read: bgppeers",
    ]);
    expect((await trouble({ problems }, { definitions: null })).join()).toContain(
      "unknown, reading: the cluster does not",
    );
  });

  it("says what Pods that are not ready wait for", async () => {
    const problems = ["speaker-a waits: missing right: list nodes at cluster scope"];
    expect(await trouble({ problems })).toContain(`failed, Pods: ${problems[0]}`);
  });

  describe("of what an installation left behind", () => {
    it("names a conversion webhook that does not answer, and the line that does without", async () => {
      const problem = "bgppeers.metallb.io: GET /apis: 500 conversion webhook for metallb.io/v1beta1 failed: not found";
      const told = (await trouble({ problems: [problem] })).join();
      expect(told).toContain("failed, CRDs: bgppeers.metallb.io cannot be read: its CRD asks a conversion webhook");
      expect(told).toContain("kubectl patch crd bgppeers.metallb.io --type=merge -p '{");
    });

    it("names a webhook that refuses and that nobody serves", async () => {
      const webhook = { webhooks: [{ failurePolicy: "Fail" }] };
      const without = withObjects({
        pods: [controller("metallb-system", "metallb-ts:v0.1.0", ["--webhook-mode=disabled"])],
      });
      const left = async (facts: Partial<ClusterFacts>, found: object) =>
        (await trouble(facts, { webhook: found })).filter((line) => line.includes("leftovers"));
      expect((await left(without, webhook)).join()).toContain("kubectl delete validatingwebhookconfiguration");
      expect(await left({}, webhook)).toEqual([]);
      expect(await left(without, { webhooks: [{ failurePolicy: "Ignore" }] })).toEqual([]);
    });
  });

  describe("of rights that are missing", () => {
    const problems = ["no right to list services", "no right to list bgppeers.metallb.io"];
    const grants = (resources: string, user: string): string =>
      `kubectl create clusterrole metallb-view-more --verb=list,watch --resource=${resources} && kubectl create clusterrolebinding metallb-view-more --clusterrole=metallb-view-more --user=${user}`;

    it("names them all, and the line that grants them to who asked", async () => {
      expect((await trouble({ problems }))[0]).toBe(
        `unknown, rights: no right to list services, bgppeers.metallb.io → ${grants("services,bgppeers.metallb.io", "amy")}`,
      );
    });

    it("those to read CRDs too, and whoever it is", async () => {
      const said = async (user: string | null) => (await trouble({}, { user, definitions: null }))[0];
      const resource = "customresourcedefinitions.apiextensions.k8s.io";
      expect(await said("system:serviceaccount:ops:amy")).toContain(grants(resource, "system:serviceaccount:ops:amy"));
      expect(await said("amy o'hara")).toContain(grants(resource, "'amy o'\\''hara'"));
      expect(await said(null)).toContain(grants(resource, "USER"));
    });
  });

  describe("of other load balancers", () => {
    const other = async (facts: Partial<ClusterFacts>, server: Server = {}) =>
      (await trouble(facts, server)).filter((line) => line.includes("other load balancers"));

    it("says nothing where there is none", async () => {
      expect(await other({})).toEqual([]);
    });

    it("names those whose kinds are there", async () => {
      const definitions = [...ALL, definition("servicegroups.purelb.io", ["v1"])];
      expect((await other({}, { definitions })).join()).toContain("PureLB is installed (servicegroups.purelb.io)");
    });

    it("fails on controllers in two namespaces, of whatever image", async () => {
      const pods = [controller("metallb-system"), controller("old", "quay.io/metallb/controller:v0.16.1")];
      expect(await other(withObjects({ pods }))).toEqual([
        "failed, other load balancers: controllers of MetalLB run in metallb-system and old: they know nothing of each other → give each a load balancer class of its own, or remove one",
      ]);
      expect(await other(withObjects({ pods: [controller("old"), controller("old")] }))).toEqual([]);
    });

    it("names Services of ours with an address of no pool, and not those of another class", async () => {
      const services = [
        service("web", "198.51.100.1"),
        service("given", "203.0.113.7"),
        service("foreign", "203.0.113.8", { loadBalancerClass: "other.example/lb" }),
      ];
      expect(await other(withObjects({ services }))).toEqual([
        "warning, other load balancers: shop/given has 203.0.113.7, of no pool: another controller may serve the same Services → give each a load balancer class of its own",
      ]);
    });
  });
});
