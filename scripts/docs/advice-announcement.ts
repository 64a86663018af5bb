import type { ReasonCode } from "metallb/planner";
import type { Advice } from "./troubleshooting.ts";

/** Why a node does not announce a Service. A code of the planner's table without an entry here does not compile. */
export const ANNOUNCEMENT_ADVICE: Readonly<Record<ReasonCode, Advice>> = {
  serviceDeleted: {
    means: "The Service is being deleted.",
    see: "`kubectl get service NAME -o jsonpath='{.metadata.deletionTimestamp}'`",
    do: "Nothing.",
  },
  notLoadBalancer: {
    means: "The Service has another type.",
    see: "`kubectl get service NAME`",
    do: "Set `type: LoadBalancer`.",
  },
  otherClass: {
    means: "The Service names another load balancer in `loadBalancerClass`.",
    see: "`kubectl get service NAME -o jsonpath='{.spec.loadBalancerClass}'`",
    do: "Start controller and speakers with that `--lb-class`, or create the Service anew without it: the field cannot be changed.",
  },
  noClass: {
    means: "This installation serves Services of one class alone, and the Service has none.",
    see: "`metallb doctor`",
    do: "Create the Service anew with the class, or run without `--lb-class`.",
  },
  notPlannedYet: {
    means: "The speaker has just started, or is still reading the cluster.",
    see: "`kubectl -n metallb-system get pods`",
    do: "Wait for the Pod to be Ready. Where it never is, its log names the right that it lacks.",
  },
  noIPAllocated: {
    means: "The Service has no address.",
    see: "the condition `metallb.io/Allocated`",
    do: "See [Addresses](#addresses).",
  },
  invalidIP: {
    means: "The address in the Service's status is none.",
    see: "`kubectl get service NAME -o jsonpath='{.status.loadBalancer}'`",
    do: "Look for another controller that writes it; `metallb explain NAME` names who wrote.",
  },
  ipNotAllowed: {
    means: "The Service has an address that no pool holds: somebody else gave it, or its pool is gone.",
    see: "`metallb pools`",
    do: "Bring the pool back, or wait for the controller to move the Service.",
  },
  nodeDraining: {
    means: "The Node has the annotation or the taint `metallb.io/drain`, and its routes have been given away.",
    see: "`kubectl get node NODE -o jsonpath='{.metadata.annotations}{.spec.taints}'`",
    do: "Remove the annotation or the taint when the node is to announce again.",
  },
  nodeLeaving: {
    means: "The Node is being drained; its routes stand with GRACEFUL_SHUTDOWN, so that routers take other ways.",
    see: "the speaker's log, `drain` in its `/state`",
    do: "Wait for the time that `metallb.io/drain` names, ten seconds by default.",
  },
  lastAnnouncer: {
    means: "The Node is drained, and no other node would announce the Service, so that its route stays.",
    see: "`metallb explain NAME`, which says of every other node why not",
    do: "Let another node announce it: with policy `Local` that takes an endpoint there, else a node that an advertisement and a BGPPeer select.",
  },
  attributeRefused: {
    means: "It is announced, without what an annotation of it asks for: no advertisement lets Services set that.",
    see: "`kubectl -n metallb-system get bgpadvertisement NAME -o jsonpath='{.spec.serviceAttributes}'`",
    do: "Correct the annotation, or widen `serviceAttributes` of the advertisement.",
  },
  noAdvertisement: {
    means: "The pool is not announced by BGP.",
    see: "`kubectl -n metallb-system get bgpadvertisements`",
    do: "Create a BGPAdvertisement that names the pool. Where layer 2 announces it, all is well.",
  },
  noL2Advertisement: {
    means: "The pool is not announced by layer 2.",
    see: "`kubectl -n metallb-system get l2advertisements`",
    do: "Create an L2Advertisement that names the pool. Where BGP announces it, all is well.",
  },
  notOwner: {
    means: "The advertisements of the pool leave this node out.",
    see: "`kubectl get node NODE --show-labels`",
    do: "Label the node, or change `nodeSelectors`.",
  },
  noMatchingAdvertisement: {
    means: "Some advertisements include the node and others the Service, and none includes both.",
    see: "`metallb explain NAME`, which goes through each advertisement",
    do: "Change `serviceSelectors` or `nodeSelectors` of one of them.",
  },
  sharedIPWithServiceSelector: {
    means: "All Services of a shared address must be announced from one node, which selectors of Services would break.",
    see: "`metallb explain NAME`",
    do: "Remove `metallb.io/allow-shared-ip`, or the `serviceSelectors`.",
  },
  nodeNetworkUnavailable: {
    means: "The network plugin has not made the node ready.",
    see: "`kubectl describe node NODE`",
    do: "Look at the network plugin's Pod on that node.",
  },
  nodeLabeledExcludeBalancers: {
    means: "The node is kept out of load balancing. kubeadm labels control planes so.",
    see: "`kubectl get node NODE --show-labels`",
    do: "Remove the label, or start the speakers with `--ignore-exclude-lb`.",
  },
  nodeUnknown: {
    means: "The speaker's node is not in the API.",
    see: "`kubectl get nodes`",
    do: "Check `METALLB_NODE_NAME` of the speaker: it must be the Node's name.",
  },
  noEndpoints: {
    means: "No Pod of the Service is ready, so that traffic would go nowhere.",
    see: "`kubectl get endpointslices -l kubernetes.io/service-name=NAME`",
    do: "Look at the Service's selector and at its Pods' readiness.",
  },
  noLocalEndpoints: {
    means: "With `externalTrafficPolicy: Local` only nodes with a ready Pod announce.",
    see: "`kubectl get pods -o wide`",
    do: "Nothing where other nodes announce it. Otherwise spread the Pods, or use the policy Cluster.",
  },
  noPeer: {
    means: "None of the BGPPeers that the advertisement names is for this node.",
    see: "`metallb bgp`",
    do: "Check `peers` of the advertisement and `nodeSelectors` of the BGPPeers.",
  },
  noPeerOfFamily: {
    means: "The sessions of this node carry the other address family.",
    see: "`metallb bgp`",
    do: "Add a BGPPeer of that family, or `dualStackAddressFamily: true`.",
  },
  noUsableInterface: {
    means:
      "The node has no interface that is up and not left alone: for IPv4 one with broadcast, for IPv6 one with a link-local address.",
    see: "`metallb l2`, and `ip link` on the node",
    do: "Bring an interface up, or take it out of `announcedInterfacesToExclude` ([layer2.md](layer2.md#interfaces)).",
  },
  noNamedInterface: {
    means: "The node has usable interfaces, but none that the L2Advertisement names.",
    see: "`kubectl -n metallb-system get l2advertisement NAME -o jsonpath='{.spec.interfaces}'`",
    do: "Correct `interfaces`, or limit the advertisement to nodes that have them by `nodeSelectors`.",
  },
  outsideSubnet: {
    means: "The address is not in a subnet of the node's interfaces, and it is in one of another node's.",
    see: "`ip addr` on the node",
    do: "Nothing where the other nodes announce it.",
  },
  noMajority: {
    means: "The L2Advertisement is fenced, and this node sees half of the speakers or fewer: the others may announce.",
    see: "`metallb l2`, and the metric `metallb_layer2_members`",
    do: "Mend the network between the nodes: TCP and UDP 7946. Delete Node objects of machines that are gone.",
  },
  noLease: {
    means:
      "The L2Advertisement is fenced by Leases, and this node does not hold its own: the API did not take a renewal in time, or it was taken a moment ago.",
    see: "`kubectl get leases -n metallb-system -l metallb.io/lease=speaker`, and the speaker's log",
    do: "Mend the way to the API server. The speakers need the right to get, list, watch, create and update Leases in their namespace: the chart's value `speaker.fencingLeases`.",
  },
  ownedByOther: {
    means: "Another node was elected to answer for the address. This is how layer 2 works.",
    see: "`metallb l2`",
    do: "Nothing.",
  },
  noCandidate: {
    means:
      "No node may answer: all are excluded, without a network, without a speaker, or without an endpoint where the policy is Local.",
    see: "`metallb explain NAME`, which says it of each node",
    do: "Mend what it says of the node that should answer.",
  },
  noNodeSelected: {
    means: "The advertisements of the pool exclude every node, or this Service.",
    see: "`kubectl -n metallb-system get bgpadvertisements,l2advertisements -o yaml`: `nodeSelectors`, `serviceSelectors`",
    do: "Widen the selectors, or label the nodes or the Service.",
  },
  nodesExcluded: {
    means: "Every node that an advertisement selects is labelled to be left out, or has no network.",
    see: "`kubectl get nodes -L node.kubernetes.io/exclude-from-external-load-balancers`",
    do: "Take the label away, or start the speakers with `--ignore-exclude-lb`.",
  },
  noNodeWithEndpoints: {
    means: "externalTrafficPolicy is Local, and the ready Pods are on nodes that no advertisement selects.",
    see: "`kubectl get pods -o wide`",
    do: "Move the Pods, widen the advertisement's `nodeSelectors`, or set the policy to Cluster.",
  },
  noSpeaker: {
    means: "No speaker of this project answers on the nodes that may announce it.",
    see: "`kubectl -n metallb-system get pods -o wide`",
    do: "Look at the DaemonSet: its nodeSelector, tolerations, and why its Pods do not start.",
  },
  noSession: {
    means: "The nodes should have sessions, and none is up.",
    see: "`metallb bgp`, which says why each is down",
    do: "Mend what it says: the router's side, the AS numbers, the password, a firewall on TCP 179.",
  },
  noOwner: {
    means: "No speaker has claimed the address at layer 2 yet, or each has a reason not to.",
    see: "`metallb explain NAME`",
    do: "Mend what it says of the node that should answer.",
  },
};
