import { crdOf, DEFINITIONS } from "metallb/api";
import { type KubeClient, type KubeObject, RESOURCES } from "metallb/kube";
import { NAMESPACE } from "./objects.ts";

/** What every installation begins with: the custom resources, and the namespace. */
export async function defineResources(client: KubeClient): Promise<void> {
  for (const definition of DEFINITIONS)
    await client.create(RESOURCES.customresourcedefinitions, {}, crdOf(definition) as KubeObject);
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } };
  await client.create(RESOURCES.namespaces, {}, namespace);
}

/** A Service with an endpoint on node-2, and with the address, as a controller would write it. */
export async function serve(client: KubeClient, name: string, ip: string | null, policy = "Cluster"): Promise<void> {
  const where = { namespace: "default" };
  await client.create(RESOURCES.endpointslices, where, {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name, namespace: "default", labels: { "kubernetes.io/service-name": name } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.0.0.1"], nodeName: "node-2", conditions: { ready: true } }],
    ports: [],
  } as KubeObject);
  await client.create(RESOURCES.services, where, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: { type: "LoadBalancer", externalTrafficPolicy: policy, ports: [{ port: 80 }] },
  } as KubeObject);
  if (ip !== null) await setAddress(client, name, ip);
}

export const setAddress = (client: KubeClient, name: string, ip: string): Promise<unknown> =>
  client.patch(RESOURCES.services, { namespace: "default", name, subresource: "status" }, "merge", {
    status: { loadBalancer: { ingress: [{ ip }] } },
  });
