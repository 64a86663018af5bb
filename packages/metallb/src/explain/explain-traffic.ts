import { decodeEndpointSlice } from "#api";
import { fields, list } from "#view";
import { metaOf, objectsOf } from "./facts.ts";
import type { Step, Subject } from "./step.ts";

/** Which nodes have an endpoint that can serve: null when slices could not be read. */
export function servingNodes({ service, facts }: Subject): ReadonlySet<string> | null {
  if (facts.objects.endpointslices == null) return null;
  const nodes = objectsOf(facts, "endpointslices")
    .flatMap((object) => decodeEndpointSlice(object) ?? [])
    .filter(({ serviceKey }) => serviceKey === service.key)
    .flatMap(({ endpoints }) => endpoints)
    .flatMap(({ serving, hasAddress, nodeName }) => (serving && hasAddress ? [nodeName ?? ""] : []));
  return new Set(nodes);
}

/** Without an endpoint nobody announces; with policy Local only the endpoints' own nodes do. */
export function endpointSteps(subject: Subject): readonly Step[] {
  const { service } = subject;
  const object = `EndpointSlices of ${service.key}`;
  const local = service.externalTrafficPolicy === "Local";
  const nodes = servingNodes(subject);
  const policy: Step = {
    verdict: "note",
    rule: "traffic policy",
    object: `Service ${service.key}`,
    field: "spec.externalTrafficPolicy",
    text: local ? "Local: only nodes with an endpoint of their own announce it" : "Cluster: every node may announce it",
  };
  if (nodes === null) {
    return [
      policy,
      { verdict: "unknown", rule: "endpoints", object, field: "endpoints", text: "EndpointSlices could not be read" },
    ];
  }
  if (nodes.size > 0) {
    const named = [...nodes].filter((node) => node !== "").toSorted();
    const sentence =
      named.length === 0 ? "it has endpoints that can serve" : `endpoints that can serve on ${named.join(", ")}`;
    return [policy, { verdict: "yes", rule: "endpoints", object, field: "endpoints[].conditions", text: sentence }];
  }
  const selector = Object.entries(service.selector).map(([name, value]) => `${name}=${value}`);
  const why =
    selector.length === 0
      ? "it has no selector, so somebody else must make its EndpointSlices"
      : `no ready Pod matches ${selector.join(",")}`;
  const text = `it has no endpoint that can serve: ${why}`;
  return [policy, { verdict: "no", rule: "endpoints", object, field: "endpoints[].conditions", text }];
}

/** What takes the traffic on from the node: kube-proxy, or what stands in for it. */
export function proxySteps({ facts }: Subject, isLayer2: boolean): readonly Step[] {
  if (facts.objects.pods == null) return [];
  const proxies = objectsOf(facts, "pods").filter((pod) => metaOf(pod).labels["k8s-app"] === "kube-proxy");
  if (proxies.length === 0) {
    const text =
      "no Pod of kube-proxy is seen: something else (Cilium, a proxy outside of Pods) must forward the traffic";
    return [{ verdict: "note", rule: "kube-proxy", object: "namespace kube-system", field: "", text }];
  }
  const down = proxies.filter((pod) => !isReady(pod)).map((pod) => metaOf(pod).name);
  const steps: Step[] = [
    {
      verdict: down.length === 0 ? "yes" : "no",
      rule: "kube-proxy",
      object: down[0] === undefined ? "DaemonSet kube-proxy" : `Pod ${down[0]}`,
      field: "status.conditions[Ready]",
      text: down.length === 0 ? `${proxies.length} Pods ready` : `not ready: ${down.join(", ")}`,
    },
  ];
  const config = facts.kubeProxy;
  if (config === null) return steps;
  const ipvs = /^\s*mode:\s*["']?ipvs/m.test(config);
  const strict = /^\s*strictARP:\s*true/m.test(config);
  if (!ipvs) return steps;
  steps.push({
    // By BGP nobody asks by ARP for the address.
    verdict: strict ? "yes" : isLayer2 ? "no" : "note",
    rule: "strict ARP",
    object: "ConfigMap kube-system/kube-proxy",
    field: "ipvs.strictARP",
    text: strict
      ? "kube-proxy answers ARP for no address of its own accord"
      : "with IPVS every node answers ARP for the address unless strictARP is true: layer 2 cannot work",
  });
  return steps;
}

const isReady = (pod: unknown): boolean =>
  list(fields(fields(pod).status).conditions)
    .map(fields)
    .some((condition) => condition.type === "Ready" && condition.status === "True");
