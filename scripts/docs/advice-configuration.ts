import type { ProblemCode } from "metallb/config";
import type { Advice } from "./troubleshooting.ts";

const check = "`metallb check FILE` before it is applied";

/** What can be wrong with an object. A code of the table in `config` without an entry here does not compile. */
export const CONFIGURATION_ADVICE: Readonly<Record<ProblemCode, Advice>> = {
  invalidSchema: {
    means: "A field is missing, unknown or of another type; the object was stored before its schema, or without it.",
    see: check,
    do: "Correct the field that is named, and apply the CRDs of this version.",
  },
  noAddresses: { means: "The pool has no addresses.", see: check, do: "Fill `spec.addresses`." },
  invalidAddresses: {
    means: "An entry is neither a CIDR nor a range, or a range runs backwards or mixes families.",
    see: check,
    do: "Write `192.0.2.0/24` or `192.0.2.10-192.0.2.20`.",
  },
  overlappingAddresses: {
    means: "Two pools hold the same address. The older pool counts; the younger gives out nothing new.",
    see: "`metallb check --against-cluster FILE`",
    do: "Take the addresses out of one of them.",
  },
  invalidReservation: {
    means: "An entry of `metallb.io/reserved-addresses` cannot be read, or is not in the pool.",
    see: check,
    do: "Write `ADDRESS=NAMESPACE/NAME`, separated by commas.",
  },
  invalidKeepTime: {
    means: "`metallb.io/keep-after-deletion` of a pool cannot be read.",
    see: check,
    do: "Write a duration of at most a week, such as `10m` or `1h30m`.",
  },
  invalidIpam: {
    means: "`metallb.io/ipam` of a pool cannot be read, or stands beside `metallb.io/reserved-addresses`.",
    see: check,
    do: "Write what the IPAM calls the range, in at most 200 printable characters, and reserve addresses in the IPAM.",
  },
  invalidQuota: {
    means: "An entry of `metallb.io/namespace-quotas` cannot be read.",
    see: check,
    do: "Write `NAMESPACE=NUMBER` or `*=NUMBER`, separated by commas.",
  },
  invalidAnnotation: {
    means: "An annotation of the BGPPeer has a value that cannot be.",
    see: check,
    do: "Correct it as [annotations](reference/annotations.md) says, or remove it.",
  },
  duplicateEntry: { means: "A list has an entry twice.", see: check, do: "Remove one." },
  invalidSelector: {
    means: "A label selector cannot be evaluated.",
    see: check,
    do: "`In` and `NotIn` need values, `Exists` and `DoesNotExist` have none.",
  },
  invalidCommunity: {
    means: "A community is no number, or names an alias that no Community object has.",
    see: check,
    do: "Write `64512:100` or `large:64512:1:2`, or create the alias.",
  },
  duplicateCommunity: {
    means: "Two Community objects give one alias.",
    see: check,
    do: "Rename one of them.",
  },
  invalidAggregationLength: {
    means: "The prefixes would be wider than a range of the pool, or longer than an address.",
    see: check,
    do: "Choose a length between that of the pool's ranges and 32, or 128 for IPv6.",
  },
  selectorsWithAggregation: {
    means: "A prefix covers many Services, so it cannot be announced for some of them.",
    see: check,
    do: "Remove `serviceSelectors` or the aggregation lengths.",
  },
  invalidLocalPref: { means: "`localPref` is below zero.", see: check, do: "Use 0 to 4294967295." },
  conflictingAttribute: {
    means: "Two advertisements give one prefix another MED or another number of prepends. The older one counts.",
    see: check,
    do: "Remove the field from one of them, or part them by `peers` or `nodeSelectors`.",
  },
  weightOfAggregate: {
    means:
      "`linkBandwidth` weighs single addresses, and the advertisement rolls them up. It is announced without a weight.",
    see: check,
    do: "Put `linkBandwidth` on an advertisement of its own without `aggregationLength`.",
  },
  invalidBounds: {
    means: "Of a range in `serviceAttributes` the minimum is above the maximum. Services cannot set that attribute.",
    see: check,
    do: "Correct the range.",
  },
  conflictingLocalPref: {
    means:
      "Two advertisements announce one prefix to one peer from one node with different preferences. The older counts.",
    see: check,
    do: "Give both the same `localPref`, or separate them by peers or nodes.",
  },
  missingASN: { means: "`myASN` is 0.", see: check, do: "Set the AS number of the nodes." },
  invalidPeerASN: {
    means: "A peer needs `peerASN` or `dynamicASN`, and not both.",
    see: check,
    do: "Set one of them.",
  },
  invalidPeerAddress: {
    means: "A peer needs `peerAddress` or `interface`, and not both; an address must be one.",
    see: check,
    do: "Set one of them.",
  },
  invalidTimers: {
    means: "Hold time, keepalive time or connect time is no duration or out of bounds.",
    see: check,
    do: "The hold time is 0 or 3 to 65535 seconds, and the keepalive time no longer.",
  },
  invalidRouterID: { means: "`routerID` is no IPv4 address.", see: check, do: "Use an IPv4 address, or remove it." },
  invalidSourceAddress: {
    means: "`sourceAddress` is no IP address, or not of the peer's family.",
    see: check,
    do: "Use an address of the node that has the peer's family.",
  },
  invalidMultiHop: {
    means: "`ebgpMultiHop` is set and both AS numbers are the same.",
    see: check,
    do: "Remove it: iBGP goes over several hops anyway.",
  },
  invalidPassword: {
    means: "The Secret is missing, of another type or without the key `password`, or there are two passwords.",
    see: "`kubectl -n metallb-system get secret NAME`",
    do: "Create it: `kubectl -n metallb-system create secret generic NAME --type kubernetes.io/basic-auth --from-literal password=…`.",
  },
  unknownBFDProfile: {
    means: "The peer names a BFDProfile that does not exist.",
    see: "`kubectl -n metallb-system get bfdprofiles`",
    do: "Create the profile, or correct the name.",
  },
  invalidBFDProfile: {
    means: "A value of the profile is out of bounds.",
    see: check,
    do: "Intervals are 10 to 60000 milliseconds, the multiplier 2 to 255, the TTL 1 to 254.",
  },
};
