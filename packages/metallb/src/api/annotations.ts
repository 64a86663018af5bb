import type { Labels } from "./core.ts";

const PREFIX = "metallb.io/";
/** Deprecated by upstream since 0.14.9, and still what many clusters carry. */
const OLD_PREFIX = "metallb.universe.tf/";

/** What users may write on a Service. */
export const ANNOTATIONS = {
  addressPool: "address-pool",
  loadBalancerIPs: "loadBalancerIPs",
  allowSharedIp: "allow-shared-ip",
} as const;

/** What users may write on a Service beyond upstream, where a BGPAdvertisement lets them: `serviceAttributes`. */
export const ATTRIBUTE_ANNOTATIONS = {
  communities: "metallb.io/bgp-communities",
  localPref: "metallb.io/bgp-local-pref",
  med: "metallb.io/bgp-med",
  asPathPrepend: "metallb.io/bgp-as-path-prepend",
} as const;

/** Annotation or taint of a Node: its speaker gives its routes away ({@link Node.drain}). */
export const DRAIN = "metallb.io/drain";

/** What the controller writes: the pool that the address came from. */
export const ALLOCATED_FROM_POOL = "metallb.io/ip-allocated-from-pool";

/** Where a balanced Service is placed: the node that announces it as long as it can. */
export const L2_NODE = "metallb.io/l2-node";

/** The pool that the Service's own status says its addresses came from; null: it does not say. */
export const allocatedFrom = ({ annotations }: { readonly annotations: Labels }): string | null =>
  annotations[ALLOCATED_FROM_POOL] || null;

type AnnotationName = (typeof ANNOTATIONS)[keyof typeof ANNOTATIONS];

/** The annotation's value under either prefix; the new one wins wherever its key stands, even when empty. */
export const annotation = (
  { annotations }: { readonly annotations: Labels },
  name: AnnotationName,
): string | undefined => annotations[PREFIX + name] ?? annotations[OLD_PREFIX + name];

/** Annotations with the deprecated prefix, by name, ascending. */
export const deprecatedAnnotations = ({ annotations }: { readonly annotations: Labels }): readonly string[] =>
  Object.keys(annotations)
    .filter((name) => name.startsWith(OLD_PREFIX))
    .sort();
