/** Why a Service is not announced: code → sentence. `{name}` stands for a fact of the verdict. */
export const REASONS = {
  serviceDeleted: "it is deleted",
  notLoadBalancer: "it is not of type LoadBalancer",
  noIPAllocated: "it has no address yet",
  invalidIP: 'its address "{ip}" cannot be read',
  ipNotAllowed: "no pool holds {ips}",
  notOwner: "no advertisement of pool {pool} includes node {node}",
  noAdvertisement: "no BGPAdvertisement speaks of pool {pool}",
  noMatchingAdvertisement: "no advertisement of pool {pool} selects both this Service and node {node}",
  nodeNetworkUnavailable: "node {node} has no network (condition NetworkUnavailable)",
  nodeLabeledExcludeBalancers: "node {node} has the label node.kubernetes.io/exclude-from-external-load-balancers",
  nodeUnknown: "node {node} is not known to the API",
  noEndpoints: "it has no endpoint that can serve",
  noLocalEndpoints: "its policy is Local and node {node} has no endpoint that can serve",
  noPeer: "no BGPPeer that the advertisement names is open on node {node}",
  layer2Later: "announcing by layer 2 comes with a later version",
} as const;

export type ReasonCode = keyof typeof REASONS;

export type Facts = Readonly<Record<string, string>>;

/** The reason in words for people. */
export const sentence = (code: string, facts: Facts): string =>
  Object.hasOwn(REASONS, code)
    ? REASONS[code as ReasonCode].replace(/\{(\w+)\}/g, (_, name: string) => facts[name] ?? "?")
    : code;
