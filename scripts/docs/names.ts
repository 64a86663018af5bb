import { code, head, table } from "./markdown.ts";

interface Annotation {
  readonly on: string;
  readonly by: string;
  readonly means: string;
}

/** Every `metallb.io/…` name in lower case that the code knows; a test compares it with the sources. */
export const NAMES: Readonly<Record<string, Annotation>> = {
  "metallb.io/address-pool": { on: "Service", by: "you", means: "Take an address of this pool." },
  "metallb.io/loadBalancerIPs": {
    on: "Service",
    by: "you",
    means: "Take this address, or one of each family, separated by a comma.",
  },
  "metallb.io/allow-shared-ip": {
    on: "Service",
    by: "you",
    means: "Share an address with Services of the same value, where ports and policies allow it.",
  },
  "metallb.io/ip-allocated-from-pool": {
    on: "Service",
    by: "the controller",
    means: "The pool that the addresses came from.",
  },
  "metallb.io/bgp-communities": {
    on: "Service",
    by: "you",
    means:
      "Communities to add, separated by commas, where a BGPAdvertisement lets Services do so ([attributes](../configuration.md#attributes-beyond-metallb)).",
  },
  "metallb.io/bgp-local-pref": { on: "Service", by: "you", means: "The local preference, likewise." },
  "metallb.io/bgp-med": { on: "Service", by: "you", means: "The MED, likewise." },
  "metallb.io/bgp-as-path-prepend": { on: "Service", by: "you", means: "How much longer the path is, likewise." },
  "metallb.io/reserved-addresses": {
    on: "IPAddressPool",
    by: "you",
    means: "Addresses that one Service alone may have: [pools.md](../pools.md).",
  },
  "metallb.io/namespace-quotas": {
    on: "IPAddressPool",
    by: "you",
    means: "How many addresses of the pool the Services of a namespace may hold: [pools.md](../pools.md).",
  },
  "metallb.io/l2-placement": {
    on: "L2Advertisement",
    by: "you",
    means:
      "`balanced`: spread the addresses evenly, and leave them where they are ([layer2.md](../layer2.md#balanced-placement)).",
  },
  "metallb.io/l2-fencing": {
    on: "L2Advertisement",
    by: "you",
    means:
      "`majority`: only nodes that see most of the speakers announce; `lease`: only nodes that hold their Lease ([layer2.md](../layer2.md#two-owners)).",
  },
  "metallb.io/lease": {
    on: "Lease",
    by: "the speakers",
    means: "`speaker`: the Lease by which a node's announcements are fenced ([layer2.md](../layer2.md#two-owners)).",
  },
  "metallb.io/interfaces": {
    on: "Lease",
    by: "the speakers",
    means: "What the speaker tells the others of its interfaces.",
  },
  "metallb.io/l2-node": {
    on: "Service",
    by: "the speakers, and you by `metallb l2 move` and `metallb l2 balance`",
    means: "Where a balanced Service is placed.",
  },
  "metallb.io/keep-after-deletion": {
    on: "IPAddressPool",
    by: "you",
    means: "How long the addresses of a deleted Service are kept for its name: [pools.md](../pools.md).",
  },
  "metallb.io/ipam": {
    on: "IPAddressPool",
    by: "you",
    means: "What an IPAM outside calls the range: it chooses the addresses of the pool ([ipam.md](../ipam.md)).",
  },
  "metallb.io/passive": {
    on: "BGPPeer",
    by: "you",
    means: "`true`: wait for the router to open the session ([sessions.md](../sessions.md)).",
  },
  "metallb.io/bfd-authentication": {
    on: "BGPPeer",
    by: "you",
    means: "How BFD packets of this peer are authenticated: [sessions.md](../sessions.md#authentication-of-bfd).",
  },
  "metallb.io/bfd-authentication-secret": {
    on: "BGPPeer",
    by: "you",
    means: "The Secret that holds the key, likewise.",
  },
  "metallb.io/bfd-authentication-key-id": { on: "BGPPeer", by: "you", means: "The number of the key, likewise." },
  "metallb.io/graceful-restart-time": {
    on: "BGPPeer",
    by: "you",
    means: "How long the router keeps the routes while the speaker is away ([sessions.md](../sessions.md)).",
  },
  "metallb.io/speaker": {
    on: "ConfigurationState of a speaker",
    by: "the speaker",
    means: "Its BGP sessions and what they carry, for the condition `metallb.io/Announced`.",
  },
  "metallb.io/drain": {
    on: "Node (annotation, or key of a taint)",
    by: "you",
    means: "Give the node's routes away without loss: [sessions.md](../sessions.md#draining-a-node).",
  },
  "metallb.io/component-type": {
    on: "ConfigurationState",
    by: "controller and speakers",
    means: "Label: `controller` or `speaker`.",
  },
  "metallb.io/node-name": {
    on: "ConfigurationState",
    by: "speakers",
    means: "Label: the speaker's node.",
  },
  "metallb.io/node": {
    on: "ServiceBGPStatus, ServiceL2Status",
    by: "speakers",
    means: "Label: the node that announces.",
  },
  "metallb.io/service-name": {
    on: "ServiceBGPStatus, ServiceL2Status",
    by: "speakers",
    means: "Label: the name of the Service.",
  },
  "metallb.io/service-namespace": {
    on: "ServiceBGPStatus, ServiceL2Status",
    by: "speakers",
    means: "Label: the namespace of the Service.",
  },
  "metallb.io/bgp-peer": {
    on: "BGPSessionState",
    by: "speakers",
    means: "The BGPPeer of the session.",
  },
  "frrk8s.metallb.io/node": { on: "BGPSessionState", by: "speakers", means: "Label: the node that has the session." },
  "frrk8s.metallb.io/peer": {
    on: "BGPSessionState",
    by: "speakers",
    means: "Label: the peer's address with `-` for `:`, or its interface.",
  },
  "frrk8s.metallb.io/vrf": {
    on: "BGPSessionState",
    by: "speakers",
    means: "Label: the VRF; empty for the default one.",
  },
};

/** docs/reference/annotations.md. */
export function annotationsPage(): string {
  const about =
    "Annotations of Services are also read under the deprecated prefix `metallb.universe.tf/`; where both stand the new one wins.";
  const rows = Object.entries(NAMES).map(([name, { on, by, means }]) => [code(name), on, by, means]);
  return `${head("Annotations and labels", "scripts/docs/names.ts", about)}
${table(["name", "on", "written by", "meaning"], rows)}

The label \`node.kubernetes.io/exclude-from-external-load-balancers\` on a Node keeps its speaker from announcing anything, unless \`--ignore-exclude-lb\` is set.
`;
}

interface Condition {
  readonly on: string;
  readonly means: string;
  readonly reasons: string;
}

/** Every condition that the code writes; a test compares it with the sources. */
export const CONDITIONS: Readonly<Record<string, Condition>> = {
  "metallb.io/Allocated": {
    on: "Service",
    means:
      "Whether the Service has its addresses; the message names addresses and pool, or every pool that was looked at and why it said no.",
    reasons: "`Allocated`, `Pending`, `StatusOverwritten`, or a code of [Addresses](../troubleshooting.md#addresses)",
  },
  "metallb.io/Announced": {
    on: "Service",
    means:
      "By whom the Service is announced, or why by nobody; the message names nodes, peers and interfaces ([more](../announced.md)).",
    reasons: "`Announced`, or a code of [Announcements](../troubleshooting.md#announcement)",
  },
  "metallb.io/AddressConflict": {
    on: "Service",
    means:
      "There while a host that is no speaker has or claims an address of the Service ([layer2.md](../layer2.md#an-address-that-another-host-has)).",
    reasons: "`AddressInUse`: it is not announced; `AddressClaimed`: both answer",
  },
  poolReconcilerValid: {
    on: "ConfigurationState of the controller",
    means: "Whether all pools and what belongs to them count; the message lists what is wrong, one line a problem.",
    reasons: "`Reconciled`, `ConfigurationError`; what to do: [Configuration](../troubleshooting.md#configuration)",
  },
  configReconcilerValid: {
    on: "ConfigurationState of a speaker",
    means: "The same of everything that concerns the speaker's node.",
    reasons: "`Reconciled`, `ConfigurationError`; what to do: [Configuration](../troubleshooting.md#configuration)",
  },
};

/** docs/reference/conditions.md. */
export function conditionsPage(): string {
  const rows = Object.entries(CONDITIONS).map(([type, { on, means, reasons }]) => [code(type), on, means, reasons]);
  return `${head("Conditions", "scripts/docs/names.ts", "What the processes write into objects, and `kubectl describe` shows.")}
${table(["type", "on", "meaning", "reasons"], rows)}
`;
}
