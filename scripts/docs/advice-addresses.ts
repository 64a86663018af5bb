import type { PoolReasonCode, ReasonCode } from "metallb/allocator";
import type { Advice } from "./troubleshooting.ts";

const POOLS = "`metallb pools`";

/** Why a Service has no address. A code of the allocator's table without an entry here does not compile. */
export const ADDRESS_ADVICE: Readonly<Record<ReasonCode, Advice>> = {
  noPools: {
    means: "There is no IPAddressPool in the namespace of the installation.",
    see: "`kubectl -n metallb-system get ipaddresspools`",
    do: "Create a pool. A pool in another namespace does not count.",
  },
  noClusterIP: {
    means: "The Service is headless, or the API server has not given it a cluster IP yet.",
    see: "`kubectl get service NAME -o jsonpath='{.spec.clusterIPs}'`",
    do: "Remove `clusterIP: None`: a load balancer needs something to forward to.",
  },
  clusterIPFamilies: {
    means: "The cluster IPs are no IP addresses, or two of one family.",
    see: "`kubectl get service NAME -o jsonpath='{.spec.clusterIPs}'`",
    do: "Create the Service anew; such a Service is not what an API server makes.",
  },
  notEnoughClusterIPs: {
    means: "The Service demands both families and the cluster gave it one.",
    see: "`kubectl get service NAME -o jsonpath='{.spec.ipFamilyPolicy} {.spec.clusterIPs}'`",
    do: "Set `ipFamilyPolicy: PreferDualStack`, or give the cluster a Service range of the other family.",
  },
  deleting: {
    means: "The Service is being deleted and keeps its address until its finalizers are gone.",
    see: "`kubectl get service NAME -o jsonpath='{.metadata.finalizers}'`",
    do: "Nothing; where it hangs, look for whoever owns the finalizer.",
  },
  requestTwice: {
    means: "The Service asks for addresses in two places.",
    see: "`kubectl get service NAME -o yaml`",
    do: "Keep the annotation and remove `spec.loadBalancerIP`.",
  },
  requestInvalid: {
    means: "What the Service asks for is no IP address.",
    see: "the field that the message names",
    do: "Write one address, or one of each family with a comma between them.",
  },
  requestSameFamily: {
    means: "The Service asks for two addresses of one family.",
    see: "the field that the message names",
    do: "Ask for one address of each family at most.",
  },
  requestFamily: {
    means: "The Service asks for an IPv6 address and is an IPv4 Service, or the other way round.",
    see: "`kubectl get service NAME -o jsonpath='{.spec.ipFamilies}'`",
    do: "Ask for an address of the Service's family, or change `ipFamilies`.",
  },
  requestPool: {
    means: "The Service asks for an address and for a pool, and the address is not in that pool.",
    see: POOLS,
    do: "Remove one of the two annotations.",
  },
  notInConfig: {
    means: "No pool holds the address, or one that is frozen or has `avoidBuggyIPs` does.",
    see: POOLS,
    do: "Add the address to a pool, or ask for another.",
  },
  poolClosed: {
    means: "The pool's serviceAllocation does not admit the Service.",
    see: "`kubectl -n metallb-system get ipaddresspool POOL -o jsonpath='{.spec.serviceAllocation}'`",
    do: "Ask for an address of a pool that is open to the Service's namespace and labels, or open this one.",
  },
  sharingKey: {
    means: "Another Service holds the address and does not share it with this one.",
    see: "`metallb services`, for who holds it",
    do: "Give both the same `metallb.io/allow-shared-ip`, and both the traffic policy Cluster, or both Local with the same selector.",
  },
  portInUse: {
    means: "A Service that shares the address has the same port and protocol.",
    see: "`metallb services`, for who holds it",
    do: "Change the port, or take another address.",
  },
  unknownPool: {
    means: "The Service asks for a pool that does not exist.",
    see: "`kubectl -n metallb-system get ipaddresspools`",
    do: "Correct `metallb.io/address-pool`, or create the pool.",
  },
  poolFrozen: {
    means:
      "The pool that the Service asks for is wrong, or overlaps an older one. It keeps what it gave and gives nothing new.",
    see: "`kubectl -n metallb-system get configurationstates`",
    do: "Mend what the ConfigurationState says of the pool.",
  },
  quota: {
    means: "The namespace has as many addresses of the pool as `metallb.io/namespace-quotas` allows.",
    see: POOLS,
    do: "Delete a Service of the namespace, share an address, or raise the quota.",
  },
  reserved: {
    means: "The address is kept for another Service by `metallb.io/reserved-addresses`.",
    see: "`kubectl -n metallb-system get ipaddresspool POOL -o yaml`",
    do: "Ask for another address, or change the reservation.",
  },
  ipamAsked: {
    means: "The IPAM of the pool was asked and has not answered yet.",
    see: "the controller's metric `metallb_ipam_up`",
    do: "Nothing: an answer comes within seconds, or the reason becomes `ipamAway`.",
  },
  ipamAway: {
    means:
      "The IPAM of the pool does not answer, or answers with an error. Nothing is released meanwhile, and it is asked again and again.",
    see: "the controller's log, and its metric `metallb_ipam_up`",
    do: "Bring the IPAM back, or correct `--ipam-url`, `--ipam-token-file` and `--ipam-ca-file`. Those that wait are served then.",
  },
  ipamRefused: {
    means:
      "The IPAM of the pool has no address for the Service, or not the one that it asks for, or answered with one that cannot be used.",
    see: "the IPAM: the range that `metallb.io/ipam` of the pool names",
    do: "Make room in the IPAM's range, or let it lie within the pool's `spec.addresses`. It is asked again every half minute.",
  },
  ipamDenied: {
    means: "The Service holds an address that the IPAM has given to somebody else. It keeps it.",
    see: "the address in the IPAM",
    do: "Correct the IPAM, or give the Service another address by `metallb.io/loadBalancerIPs`.",
  },
  poolExhausted: {
    means: "All addresses of the pool that the Service asks for are in use.",
    see: POOLS,
    do: "Add addresses to the pool, or delete Services that hold some. The oldest Service that waits gets the next one.",
  },
  poolExhaustedDual: {
    means: "The pool that the Service asks for cannot give an address of each family.",
    see: POOLS,
    do: "Add addresses of the family that is short, or set `ipFamilyPolicy: PreferDualStack`.",
  },
  exhausted: {
    means:
      "No pool could serve. The message names every pool that was looked at and why it said no: see the next table.",
    see: "`metallb explain NAME`",
    do: "Add addresses to a pool that admits the Service, or open one.",
  },
};

/** Why one pool said no. */
export const POOL_ADVICE: Readonly<Record<PoolReasonCode, Advice>> = {
  frozen: {
    means: "The IPAddressPool is wrong, or overlaps an older one.",
    see: "`kubectl -n metallb-system get configurationstates`",
    do: "Mend what the ConfigurationState says of the pool.",
  },
  notAutoAssign: {
    means: "`autoAssign` is false.",
    see: POOLS,
    do: "Ask for the pool with `metallb.io/address-pool`, or set `autoAssign: true`.",
  },
  otherNamespaces: {
    means: "`serviceAllocation.namespaces` and `namespaceSelectors` leave the Service's namespace out.",
    see: "`kubectl -n metallb-system get ipaddresspool POOL -o jsonpath='{.spec.serviceAllocation}'`",
    do: "Add the namespace, or label it.",
  },
  otherServices: {
    means: "`serviceAllocation.serviceSelectors` do not match the Service's labels.",
    see: "`kubectl get service NAME --show-labels`",
    do: "Label the Service, or change the selectors.",
  },
  noFamily: {
    means: "The pool has no addresses of the Service's family.",
    see: POOLS,
    do: "Add addresses of that family.",
  },
  oneFamilyOnly: {
    means:
      "A dual-stack Service takes both addresses of one pool, and this one has one family only, or one of them is full.",
    see: POOLS,
    do: "Add addresses of the other family to the same pool.",
  },
  quota: {
    means: "The namespace has as many addresses of the pool as its quota allows.",
    see: POOLS,
    do: "Raise the quota, or delete a Service of the namespace.",
  },
  ipam: {
    means: "An IPAM chooses the pool's addresses, and gave none.",
    see: "the message, which has the IPAM's own words",
    do: "Make room in the IPAM's range. It is asked again every half minute.",
  },
  full: {
    means: "All addresses of the pool are in use.",
    see: POOLS,
    do: "Add addresses.",
  },
};
