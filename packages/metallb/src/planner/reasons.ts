/** Why a Service is not announced: code → sentence. `{name}` stands for a fact. One table for both protocols. */
export const REASONS = {
  serviceDeleted: "it is deleted",
  notLoadBalancer: "it is not of type LoadBalancer",
  otherClass: 'its loadBalancerClass is "{class}", which another implementation serves',
  noClass: 'it has no loadBalancerClass, and this speaker serves the class "{ours}" alone',
  notPlannedYet: "the speaker has not looked at it yet",
  noIPAllocated: "it has no address yet",
  invalidIP: 'its address "{ip}" cannot be read',
  ipNotAllowed: "no pool holds {ips}",
  noAdvertisement: "no BGPAdvertisement speaks of pool {pool}",
  noL2Advertisement: "no L2Advertisement speaks of pool {pool}",
  notOwner: "no advertisement of pool {pool} includes node {node}",
  noMatchingAdvertisement: "no advertisement of pool {pool} selects both this Service and node {node}",
  sharedIPWithServiceSelector:
    "it may share its address (allow-shared-ip), which L2Advertisements with serviceSelectors exclude",
  nodeNetworkUnavailable: "node {node} has no network (condition NetworkUnavailable)",
  nodeLabeledExcludeBalancers: "node {node} has the label node.kubernetes.io/exclude-from-external-load-balancers",
  nodeUnknown: "node {node} is not known to the API",
  noEndpoints: "it has no endpoint that can serve",
  noLocalEndpoints: "its policy is Local and node {node} has no endpoint that can serve",
  noPeer: "no BGPPeer that the advertisement names is open on node {node}",
  noPeerOfFamily: "no BGPPeer that the advertisement names carries {family} on node {node}",
  ownedByOther: "node {owner} announces it",
  noUsableInterface: "node {node} has no interface on which it could answer for {ip}",
  noNamedInterface: "none of the interfaces {interfaces} can be used on node {node} to answer for {ip}",
  outsideSubnet: "node {node} has no interface in the subnet of {ip}, and others have",
  nodeDraining: "node {node} is being drained, and other nodes announce it",
  nodeLeaving: "node {node} is being drained: routers are asked to take other ways, before its routes go",
  lastAnnouncer: "node {node} is being drained, and goes on announcing it: no other node would",
  noMajority: "node {node} sees half of the speakers or fewer, and the advertisement wants a majority",
  noLease: "node {node} does not hold its Lease, which the advertisement wants: {why}",
  attributeRefused: "advertisement {advertisement} does not take its annotation {annotation}: {why}",
  noCandidate: "no node is left that could announce it",
  // Of the whole cluster, as a Service's condition says it.
  noNodeSelected: "no advertisement of pool {pool} selects both this Service and a node of the cluster",
  nodesExcluded: "every node that an advertisement of pool {pool} selects is excluded: {why}",
  noNodeWithEndpoints:
    "its policy is Local and none of the nodes that may announce it ({nodes}) has an endpoint that can serve",
  noSpeaker: "no speaker answers on the nodes that may announce it: {nodes}",
  noSession: "no BGP session is up: {sessions}",
  noOwner: "no speaker has claimed it yet",
} as const;

export type ReasonCode = keyof typeof REASONS;

export type Facts = Readonly<Record<string, string>>;

/** A code of the table, and what fills its sentence. */
export interface Reason {
  readonly reason: ReasonCode;
  readonly facts: Facts;
}

/** The reason in words for people. */
export const sentence = ({ reason, facts }: Reason): string =>
  REASONS[reason].replace(/\{(\w+)\}/g, (_, name: string) => facts[name] ?? "?");
