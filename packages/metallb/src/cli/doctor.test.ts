import { describe, expect, it } from "vitest";
import { DEFINITIONS } from "#api";
import type { ClusterFacts } from "#explain";
import { ApiError, type KubeClient } from "#kube";
import { examine } from "./doctor.ts";

const definition = (name: string, versions: readonly string[]) => ({
  metadata: { name, uid: name },
  spec: { versions: versions.map((version) => ({ name: version, served: true })) },
});

const ALL = DEFINITIONS.map(({ plural, versions }) =>
  definition(
    `${plural}.metallb.io`,
    versions.map(({ version }) => version),
  ),
);

const controller = (namespace: string, image = "metallb-ts:v0.1.0") => ({
  metadata: { name: "controller", namespace, uid: namespace, labels: { app: "metallb", component: "controller" } },
  spec: { nodeName: "one", containers: [{ name: "controller", image, args: [] }] },
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
}

/** What the doctor says of a cluster, without what is well. */
async function trouble(facts: Partial<ClusterFacts>, server: Server = {}): Promise<readonly string[]> {
  const { version = { major: "1", minor: "34", gitVersion: "v1.34.0" }, user = "amy", definitions = ALL } = server;
  const client = {
    request: () => Promise.resolve(version),
    create: ({ plural }: { readonly plural: string }) => {
      expect(plural).toBe("selfsubjectreviews");
      if (user === null) return Promise.reject(new ApiError(404, "NotFound", "not found"));
      return Promise.resolve({ status: { userInfo: { username: user } } });
    },
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
    const apply = "kubectl apply --server-side -f deploy/crds";
    const without = ALL.filter(({ metadata }) => metadata.name !== "servicel2statuses.metallb.io");
    expect(await trouble({}, { definitions: without })).toContain(
      `failed, CRDs: missing: servicel2statuses.metallb.io → ${apply}`,
    );
    const old = ALL.map((each) =>
      each.metadata.name === "bgppeers.metallb.io" ? definition("bgppeers.metallb.io", ["v1beta1"]) : each,
    );
    expect(await trouble({}, { definitions: old })).toContain(
      `warning, CRDs: not served: bgppeers.metallb.io v1beta2 → ${apply}`,
    );
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
