/**
 * The reasons of all events that controller and speakers write about Services, and what each tells. Upstream's
 * keep their names, since users grep for them. docs/reference/events.md is made from this table.
 */
export const EVENT_REASONS = {
  IPAllocated: "The Service got addresses; the message names them.",
  AllocationFailed:
    "The Service gets no address; the message says why, and so does the condition metallb.io/Allocated.",
  AdditionalAssignFailed: "A Service of two families has one address and cannot get the other.",
  LoadBalancerFailed: "The addresses that the Service asks for cannot be read; it keeps what it has.",
  ipamTrouble:
    "The IPAM that chooses the addresses of a pool does not answer, refuses, or does not have an address for the Service that holds it; the Service keeps what it has.",
  ClearAssignment: "The Service lost its addresses, because they do not fit the pools or the Service any more.",
  noclusterIPsIPFamily: "The families of the Service's cluster IPs cannot be told.",
  nolbIPsIPFamily: "The addresses in the Service's status cannot be read; it gets others.",
  "not enough clusterips": "ipFamilyPolicy is RequireDualStack, and the Service has fewer than two cluster IPs.",
  deprecatedAnnotation:
    "The Service has annotations with the prefix metallb.universe.tf/; metallb.io/ is the one to use.",
  StatusOverwritten:
    "Another client keeps writing over the Service's status. It was put right several times and is left as it is until the Service changes.",
  nodeAssigned: "A node announces the Service; the message names the node and the protocol.",
  attributeRefused:
    "An annotation of the Service sets an attribute of its routes that no BGPAdvertisement lets it set, or not to this value; it is announced without.",
  nodesLeftOut: "Nodes that could not answer for the address took no part in the election; the message says why each.",
  announceFailed:
    "The node that was elected has none of the interfaces that the L2Advertisement names: nobody answers.",
  addressConflict: "A host on the LAN that is no speaker has or claims the address; the message has its MAC address.",
} as const;

/** An event's reason must stand in the table, so that the page about events is whole. */
export type EventReason = keyof typeof EVENT_REASONS;
