import type { Node, Service } from "#api";
import type { Reason } from "./reasons.ts";

const EXCLUDE_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers";

/** Why a node announces nothing at all; null: it may. */
export function unfit({ name, networkUnavailable, labels }: Node, ignoreExcludeLabel: boolean): Reason | null {
  if (networkUnavailable) return { reason: "nodeNetworkUnavailable", facts: { node: name } };
  if (!ignoreExcludeLabel && Object.hasOwn(labels, EXCLUDE_LABEL))
    return { reason: "nodeLabeledExcludeBalancers", facts: { node: name } };
  return null;
}

/** Whether two states of a node count as the same. */
export const sameNode = (a: Node | null, b: Node | null): boolean =>
  a === b ||
  (a !== null &&
    b !== null &&
    a.networkUnavailable === b.networkUnavailable &&
    a.drain === b.drain &&
    JSON.stringify(a.labels) === JSON.stringify(b.labels));

/** Why a Service is none of ours; null: it is. `ours`: the class that is served; null: Services without one. */
export function foreign(service: Service, ours: string | null): Reason | null {
  if (service.type !== "LoadBalancer") return { reason: "notLoadBalancer", facts: {} };
  const { loadBalancerClass: theirs } = service;
  if (theirs === ours) return null;
  return theirs === null
    ? { reason: "noClass", facts: { ours: ours ?? "" } }
    : { reason: "otherClass", facts: { class: theirs } };
}
