import { release } from "node:os";
import type { LabNetwork, NodePlace } from "#network";

/** The AS numbers of the lab: private use (RFC 6996). */
export const ROUTER_ASN = 64512;
export const SPEAKER_ASN = 64500;
/** Seconds. Short, so that a cut cable is noticed while one watches. */
export const HOLD_TIME = 6;
/** What the name of a node's IPv6 session has behind the node's. */
export const SIX = "-v6";
/** What holds the pods of all nodes. */
export const POD_BLOCKS = ["10.244.0.0/16"] as const;
/** Upstream's own default. */
export const NAMESPACE = "metallb-system";

/** Documentation prefixes (RFC 5737, RFC 3849): they lead nowhere else. */
const POOL = "198.51.100.1-198.51.100.254";
const POOL6 = "2001:db8:51::1-2001:db8:51::ff";
/** On the LAN of the nodes: with layer 2 an address must be of a subnet that neighbours ask in. */
const LAN_POOL = "172.20.0.200-172.20.0.250";
const LAN_POOL6 = "fd00:172:20::200-fd00:172:20::2ff";
const BACKEND_PORT = 8080;

export type LabMode = "bgp" | "layer2";

/** An object as `kubectl apply` would take it; the status is written apart. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** Where MetalLB's own objects live: made before they are. */
export const namespaceObject: KubeObject = { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } };

/** What makes the cluster: nodes, and the pods that the lab's processes stand for. */
export function clusterObjects(network: LabNetwork, mode: LabMode): readonly KubeObject[] {
  return [
    ...network.nodes.map((node) => nodeObject(node)),
    ownPod("controller", network.nodes[0]),
    ...network.nodes.map((node) => ownPod("speaker", node)),
    ...(mode === "layer2" ? [] : network.nodes.flatMap((node) => peerObjects(node, network.bgpPort))),
  ];
}

/** What a user would have written: a pool, how it is advertised, a Service and what answers it. */
export function sampleObjects(network: LabNetwork, withSlices: boolean, mode: LabMode): readonly KubeObject[] {
  const pools = mode === "layer2" ? [LAN_POOL, LAN_POOL6] : [POOL, POOL6];
  const addresses = network.router.address6 === null ? pools.slice(0, 1) : pools;
  const advertisement = mode === "layer2" ? "L2Advertisement" : "BGPAdvertisement";
  return [
    metallb("v1beta1", "IPAddressPool", "lab", { addresses }),
    metallb("v1beta1", advertisement, "lab", { ipAddressPools: ["lab"] }),
    ...network.nodes.map((node) => helloPod(node)),
    helloService,
    ...(withSlices ? [helloSlice(network.nodes, () => true)] : []),
  ];
}

/** How a node that is cut off looks in the API once its kubelet has not been heard of: not ready, and neither is its pod. */
export function reachabilityObjects(network: LabNetwork, withSlices: boolean): readonly KubeObject[] {
  const ready = (node: NodePlace) => !network.isCut(node.name);
  return [
    ...network.nodes.map((node) => nodeObject(node, ready(node))),
    ...network.nodes.map((node) => helloPod(node, ready(node))),
    ...(withSlices ? [helloSlice(network.nodes, ready)] : []),
  ];
}

const metallb = (version: string, kind: string, name: string, spec: object): KubeObject => ({
  apiVersion: `metallb.io/${version}`,
  kind,
  metadata: { name, namespace: NAMESPACE },
  spec,
});

function nodeObject(node: NodePlace, ready = true): KubeObject {
  const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const condition = (type: string, status: string, reason: string) => ({
    type,
    status,
    reason,
    message: "told by the lab",
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  });
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: node.name,
      labels: { "kubernetes.io/hostname": node.name, "kubernetes.io/os": "linux" },
    },
    spec: { podCIDR: node.podCidr, podCIDRs: [node.podCidr, ...(node.podCidr6 === null ? [] : [node.podCidr6])] },
    status: {
      addresses: [
        { type: "InternalIP", address: node.address },
        ...(node.address6 === null ? [] : [{ type: "InternalIP", address: node.address6 }]),
        { type: "Hostname", address: node.name },
      ],
      conditions: [
        ready ? condition("Ready", "True", "KubeletReady") : condition("Ready", "Unknown", "NodeStatusUnknown"),
        condition("NetworkUnavailable", "False", "RouteCreated"),
      ],
      nodeInfo: {
        architecture: process.arch === "x64" ? "amd64" : process.arch,
        bootID: node.name,
        containerRuntimeVersion: "lab://",
        kernelVersion: release(),
        kubeProxyVersion: "",
        kubeletVersion: "lab",
        machineID: node.name,
        operatingSystem: "linux",
        osImage: "metallb lab",
        systemUUID: node.name,
      },
      capacity: { cpu: "1", memory: "1Gi", pods: "110" },
      allocatable: { cpu: "1", memory: "1Gi", pods: "110" },
    },
  };
}

/** The name of the Pod object for a process of the lab. */
export const ownPodName = (component: "controller" | "speaker", node: string): string =>
  component === "controller" ? "controller" : `speaker-${node}`;

function ownPod(component: "controller" | "speaker", node: NodePlace | undefined): KubeObject {
  const nodeName = node?.name ?? "";
  return pod(ownPodName(component, nodeName), NAMESPACE, nodeName, node?.address ?? "", {
    labels: { app: "metallb", component },
    image: `metallb-${component}`,
  });
}

function helloPod(node: NodePlace, ready = true): KubeObject {
  return pod(`hello-${node.name}`, "default", node.name, podAddress(node), {
    labels: { app: "hello" },
    image: "hello",
    ports: [{ containerPort: BACKEND_PORT }],
    ready,
  });
}

/** The address of the node's backend: a real one where there is a place for it. */
const podAddress = (node: NodePlace): string => node.pod?.address ?? node.podCidr.replace(/\.0\/24$/, ".2");

interface PodMake {
  readonly ready?: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly image: string;
  readonly ports?: readonly { readonly containerPort: number }[];
}

function pod(name: string, namespace: string, nodeName: string, ip: string, make: PodMake): KubeObject {
  const { labels, image, ports, ready = true } = make;
  const since = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels },
    spec: { nodeName, containers: [{ name: image, image, ...(ports === undefined ? {} : { ports }) }] },
    status: {
      phase: "Running",
      podIP: ip,
      podIPs: [{ ip }],
      hostIP: ip,
      startTime: since,
      conditions: ["Initialized", "Ready", "ContainersReady", "PodScheduled"].map((type) => ({
        type,
        status: ready || !type.endsWith("Ready") ? "True" : "False",
        lastTransitionTime: since,
      })),
      containerStatuses: [
        {
          name: image,
          image,
          imageID: image,
          ready,
          started: true,
          restartCount: 0,
          state: { running: { startedAt: since } },
        },
      ],
    },
  };
}

function peerObjects(node: NodePlace, port: number): readonly KubeObject[] {
  const peer = (name: string, peerAddress: string, sourceAddress: string) =>
    metallb("v1beta2", "BGPPeer", name, {
      myASN: SPEAKER_ASN,
      peerASN: ROUTER_ASN,
      peerAddress,
      peerPort: port,
      sourceAddress,
      holdTime: `${HOLD_TIME}s`,
      keepaliveTime: `${HOLD_TIME / 3}s`,
      nodeSelectors: [{ matchLabels: { "kubernetes.io/hostname": node.name } }],
    });
  const four = peer(node.name, node.peerAddress, node.address);
  if (node.address6 === null || node.peerAddress6 === null) return [four];
  return [four, peer(`${node.name}${SIX}`, node.peerAddress6, node.address6)];
}

/** The Service that a new lab serves first. */
export const helloService: KubeObject = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "hello", namespace: "default", labels: { app: "hello" } },
  spec: {
    type: "LoadBalancer",
    selector: { app: "hello" },
    ports: [{ name: "http", protocol: "TCP", port: 80, targetPort: BACKEND_PORT }],
  },
};

function helloSlice(nodes: readonly NodePlace[], ready: (node: NodePlace) => boolean): KubeObject {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: "hello-lab",
      namespace: "default",
      labels: { "kubernetes.io/service-name": "hello" },
    },
    addressType: "IPv4",
    ports: [{ name: "http", protocol: "TCP", port: BACKEND_PORT }],
    endpoints: nodes.map((node) => ({
      addresses: [podAddress(node)],
      nodeName: node.name,
      conditions: { ready: ready(node), serving: ready(node), terminating: false },
      targetRef: { kind: "Pod", namespace: "default", name: `hello-${node.name}` },
    })),
  };
}
