import { BACKEND_PORT, type NodePlace } from "@metallb-ts/lab/network";

/** An object as a user writes it; a status is written apart. */
export interface TestObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: object;
  readonly status?: object;
  readonly [field: string]: unknown;
}

export const NAMESPACE = "metallb-system";

const condition = (type: string, status = "True") => ({ type, status, lastTransitionTime: "2026-01-01T00:00:00Z" });

export const nodeObject = (node: NodePlace): TestObject => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: node.name, labels: { "kubernetes.io/hostname": node.name } },
  spec: { podCIDR: node.podCidr, podCIDRs: [node.podCidr, ...(node.podCidr6 === null ? [] : [node.podCidr6])] },
  status: {
    addresses: [
      { type: "InternalIP", address: node.address },
      ...(node.address6 === null ? [] : [{ type: "InternalIP", address: node.address6 }]),
    ],
    conditions: [{ ...condition("Ready"), reason: "Told", message: "", lastHeartbeatTime: "2026-01-01T00:00:00Z" }],
  },
});

/** A pod that the node's backend stands for. */
export function podObject(app: string, node: NodePlace): TestObject {
  const ips = [node.pod?.address, node.pod?.address6].filter((ip) => typeof ip === "string");
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `${app}-${node.name}`, namespace: "default", labels: { app } },
    spec: { nodeName: node.name, containers: [{ name: app, image: app, ports: [{ containerPort: BACKEND_PORT }] }] },
    status: {
      phase: "Running",
      podIP: ips[0],
      podIPs: ips.map((ip) => ({ ip })),
      hostIP: node.address,
      conditions: ["Initialized", "Ready", "ContainersReady", "PodScheduled"].map((type) => condition(type)),
    },
  };
}

/** What Kubernetes would make of the pods, for the API that makes none: one slice of the family. */
export function sliceObject(service: string, family: "IPv4" | "IPv6", nodes: readonly NodePlace[]): TestObject {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${service}-${family.toLowerCase()}`,
      namespace: "default",
      labels: { "kubernetes.io/service-name": service },
    },
    addressType: family,
    ports: [{ name: "http", protocol: "TCP", port: BACKEND_PORT }],
    endpoints: nodes.map((node) => ({
      addresses: [family === "IPv4" ? node.pod?.address : node.pod?.address6],
      nodeName: node.name,
      conditions: { ready: true, serving: true, terminating: false },
    })),
  };
}

export const serviceObject = (
  name: string,
  spec: object,
  annotations: Readonly<Record<string, string>> = {},
): TestObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "default", annotations },
  spec: {
    type: "LoadBalancer",
    selector: { app: name },
    ports: [{ name: "http", protocol: "TCP", port: 80, targetPort: BACKEND_PORT }],
    ...spec,
  },
});

const VERSIONS: Readonly<Record<string, string>> = { BGPPeer: "v1beta2" };

/** A resource of this project. */
export const metallbObject = (kind: string, name: string, spec: object): TestObject => ({
  apiVersion: `metallb.io/${VERSIONS[kind] ?? "v1beta1"}`,
  kind,
  metadata: { name, namespace: NAMESPACE },
  spec,
});
