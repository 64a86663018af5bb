import { type Json, type JsonObject, list, number, object, objects, text, texts } from "../base/json.ts";
import { labelsOf } from "../kinds/resource.ts";
import { familyOf } from "../kinds/service-defaults.ts";
import { objectKey } from "../store/storage.ts";

const MAX_ENDPOINTS = 100;
const MANAGED_BY = "endpointslice-controller.k8s.io";
const SERVICE_NAME = "kubernetes.io/service-name";
const SHORT_PROTOCOLS = ["TCP", "UDP", "SCTP"];

/** The Service of a slice that this controller made; null for others' slices. */
export function serviceOf(slice: JsonObject): string | null {
  const labels = labelsOf(slice);
  const name = labels[SERVICE_NAME];
  if (name === undefined || labels["endpointslice.kubernetes.io/managed-by"] !== MANAGED_BY) return null;
  return objectKey(text(slice, "metadata", "namespace"), name);
}

/** The slices of one family: Pods grouped by the ports they resolve to, a hundred each at most. */
export function slicesOf(service: JsonObject, pods: readonly JsonObject[], family: string): JsonObject[] {
  const groups = new Map<string, { readonly ports: Json[]; readonly endpoints: JsonObject[] }>();
  for (const pod of pods) {
    const endpoint = endpointOf(service, pod, family);
    if (!endpoint) continue;
    const ports = portsOf(service, pod);
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push(endpoint);
    groups.set(key, group);
  }
  // A Service without endpoints has one empty slice.
  if (groups.size === 0) groups.set("", { ports: [], endpoints: [] });
  const made: JsonObject[] = [];
  for (const { ports, endpoints } of groups.values())
    for (let at = 0; at === 0 || at < endpoints.length; at += MAX_ENDPOINTS)
      made.push(sliceOf(service, family, ports, endpoints.slice(at, at + MAX_ENDPOINTS)));
  return made;
}

function sliceOf(service: JsonObject, family: string, ports: Json[], endpoints: JsonObject[]): JsonObject {
  const name = text(service, "metadata", "name");
  const labels: JsonObject = {
    ...labelsOf(service),
    [SERVICE_NAME]: name,
    "endpointslice.kubernetes.io/managed-by": MANAGED_BY,
  };
  if (texts(service, "spec", "clusterIPs")[0] === "None") labels["service.kubernetes.io/headless"] = "";
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      generateName: `${name}-`,
      namespace: text(service, "metadata", "namespace"),
      generation: 1,
      labels,
      ownerReferences: [
        {
          apiVersion: "v1",
          kind: "Service",
          name,
          uid: text(service, "metadata", "uid"),
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    addressType: family,
    endpoints,
    ports,
  };
}

/** The Pod as an endpoint; null without an address of the family, or when it has ended. */
function endpointOf(service: JsonObject, pod: JsonObject, family: string): JsonObject | null {
  const phase = text(pod, "status", "phase");
  if (phase === "Succeeded" || phase === "Failed") return null;
  const addresses = objects(pod, "status", "podIPs").map((one) => text(one, "ip"));
  const address = addresses.find((one) => familyOf(one) === family);
  if (address === undefined) return null;
  const terminating = text(pod, "metadata", "deletionTimestamp") !== "";
  const serving = objects(pod, "status", "conditions").some(
    (one) => text(one, "type") === "Ready" && text(one, "status") === "True",
  );
  const publishes = object(service, "spec").publishNotReadyAddresses === true;
  const endpoint: JsonObject = {
    addresses: [address],
    conditions: { ready: publishes || (serving && !terminating), serving, terminating },
    targetRef: {
      kind: "Pod",
      name: text(pod, "metadata", "name"),
      namespace: text(pod, "metadata", "namespace"),
      uid: text(pod, "metadata", "uid"),
    },
  };
  const nodeName = text(pod, "spec", "nodeName");
  if (nodeName !== "") endpoint.nodeName = nodeName;
  return endpoint;
}

/** The Service's ports as this Pod has them: a named target port is looked up in its containers. */
function portsOf(service: JsonObject, pod: JsonObject): Json[] {
  return objects(service, "spec", "ports").flatMap((port): Json[] => {
    const target = port.targetPort;
    const protocol = text(port, "protocol");
    const found =
      typeof target === "number" ? target : containerPort(pod, typeof target === "string" ? target : "", protocol);
    if (found === null || !SHORT_PROTOCOLS.includes(protocol)) return [];
    const made: JsonObject = { name: text(port, "name"), port: found, protocol };
    if (text(port, "appProtocol") !== "") made.appProtocol = text(port, "appProtocol");
    return [made];
  });
}

function containerPort(pod: JsonObject, name: string, protocol: string): number | null {
  for (const container of list(pod, "spec", "containers"))
    for (const port of objects(container, "ports"))
      if (text(port, "name") === name && (text(port, "protocol") || "TCP") === protocol)
        return number(port, "containerPort");
  return null;
}
