import { NAMESPACE, type TestObject } from "../support/objects.ts";

// What MetalLB's own chart and manifests leave in a cluster, as far as a move concerns it (contract, section 9).

export type UpstreamMode = "native" | "frr" | "frr-k8s";

export interface Upstream {
  readonly mode: UpstreamMode;
  readonly by: "chart" | "manifests";
}

const VERSION = "v0.16.1";

/** Everything but the CRDs and the namespace. */
export function upstreamObjects({ mode, by }: Upstream): readonly TestObject[] {
  const names = by === "chart" ? (part: string) => `metallb-${part}` : (part: string) => part;
  return [
    workload("Deployment", names("controller"), "controller", by, [
      {
        name: "controller",
        image: `quay.io/metallb/controller:${VERSION}`,
        args: ["--port=9120", "--log-level=info", "--webhook-mode=enabled"],
        env: environment({
          METALLB_BGP_TYPE: mode,
          METALLB_ML_SECRET_NAME: "memberlist",
          METALLB_DEPLOYMENT: names("controller"),
        }),
      },
    ]),
    workload("DaemonSet", names("speaker"), "speaker", by, [
      {
        name: "speaker",
        image: `quay.io/metallb/speaker:${VERSION}`,
        args: ["--port=9120", "--log-level=info"],
        env: environment({ METALLB_BGP_TYPE: mode }),
      },
      ...(mode === "frr"
        ? ["frr", "reloader", "frr-metrics"].map((name) => ({
            name,
            image: "quay.io/frrouting/frr:10.5.3",
            args: [],
            env: [],
          }))
        : []),
    ]),
    ...(mode === "frr-k8s" ? frrK8s(by) : []),
    webhook(),
    configMap("metallb-excludel2", { "excludel2.yaml": "announcedInterfacesToExclude: [^docker.*]" }),
    {
      ...object("v1", "Secret", "memberlist"),
      metadata: { name: "memberlist", namespace: NAMESPACE },
      stringData: { secretkey: "c2VjcmV0IG9mIG1ldGFsbGI" },
    },
  ];
}

const object = (apiVersion: string, kind: string, name: string): TestObject => ({
  apiVersion,
  kind,
  metadata: { name, namespace: NAMESPACE },
});

export const configMap = (name: string, data: object): TestObject => ({ ...object("v1", "ConfigMap", name), data });

const environment = (values: Readonly<Record<string, string>>) =>
  Object.entries(values).map(([name, value]) => ({ name, value }));

function workload(
  kind: "Deployment" | "DaemonSet",
  name: string,
  component: string,
  by: Upstream["by"],
  containers: readonly object[],
): TestObject {
  const selector: Readonly<Record<string, string>> =
    by === "chart"
      ? {
          "app.kubernetes.io/name": "metallb",
          "app.kubernetes.io/instance": "metallb",
          "app.kubernetes.io/component": component,
        }
      : { app: "metallb", component };
  const helm = { "meta.helm.sh/release-name": "metallb", "meta.helm.sh/release-namespace": NAMESPACE };
  return {
    apiVersion: "apps/v1",
    kind,
    metadata: {
      name,
      namespace: NAMESPACE,
      labels: by === "chart" ? { ...selector, "app.kubernetes.io/managed-by": "Helm" } : selector,
      ...(by === "chart" ? { annotations: helm } : {}),
    },
    spec: {
      selector: { matchLabels: selector },
      template: { metadata: { labels: selector }, spec: { containers } },
    },
  };
}

function frrK8s(by: Upstream["by"]): readonly TestObject[] {
  const labels = { "app.kubernetes.io/name": "frr-k8s", "app.kubernetes.io/component": "frr-k8s" };
  const name = by === "chart" ? "metallb-frr-k8s" : "frr-k8s";
  return [
    {
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      metadata: { name, namespace: NAMESPACE, labels },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { containers: [{ name: "frr", image: "quay.io/frrouting/frr:10.5.3" }] },
        },
      },
    },
  ];
}

/** The kind of FRR-K8s, with no more of its schema than is needed to hold an object. */
export const FRR_CRD: TestObject = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "frrconfigurations.frrk8s.metallb.io" },
  spec: {
    group: "frrk8s.metallb.io",
    scope: "Namespaced",
    names: {
      kind: "FRRConfiguration",
      listKind: "FRRConfigurationList",
      plural: "frrconfigurations",
      singular: "frrconfiguration",
    },
    versions: [
      {
        name: "v1beta1",
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
      },
    ],
  },
};

export const frrConfiguration = (name: string): TestObject => ({
  ...object("frrk8s.metallb.io/v1beta1", "FRRConfiguration", name),
  spec: { bgp: { routers: [{ asn: 64512 }] } },
});

const webhook = (): TestObject => ({
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingWebhookConfiguration",
  metadata: { name: "metallb-webhook-configuration" },
  webhooks: [
    {
      name: "ipaddresspoolvalidationwebhook.metallb.io",
      admissionReviewVersions: ["v1"],
      // Nothing answers there in this cluster: objects of other kinds are made while it stands.
      failurePolicy: "Fail",
      sideEffects: "None",
      clientConfig: {
        service: {
          name: "metallb-webhook-service",
          namespace: NAMESPACE,
          path: "/validate-metallb-io-v1beta1-ipaddresspool",
        },
      },
      rules: [
        {
          apiGroups: ["metallb.io"],
          apiVersions: ["v1beta1"],
          operations: ["CREATE", "UPDATE"],
          resources: ["ipaddresspools"],
        },
      ],
    },
  ],
});
