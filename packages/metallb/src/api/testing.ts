import type { Service } from "./core.ts";

/** A Service as it is read, for tests: a LoadBalancer of one family that has no address yet, but for what is said. */
export function sampleService(name: string, fields: Partial<Service> = {}): Service {
  const { namespace = "default" } = fields;
  return {
    key: `${namespace}/${name}`,
    namespace,
    name,
    uid: name,
    resourceVersion: "1",
    labels: {},
    annotations: {},
    type: "LoadBalancer",
    loadBalancerClass: null,
    loadBalancerIP: null,
    clusterIPs: ["10.96.0.1"],
    ipFamilies: ["IPv4"],
    ipFamilyPolicy: "SingleStack",
    externalTrafficPolicy: "Cluster",
    selector: {},
    ports: [{ protocol: "TCP", port: 80 }],
    ingress: [],
    creationTimestamp: "2026-01-01T00:00:00Z",
    deleting: false,
    ...fields,
  };
}
