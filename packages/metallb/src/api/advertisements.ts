import { z } from "zod";
import type { ResourceDefinition } from "./resource.ts";
import { labelSelector } from "./selector.ts";

const poolReferences = {
  ipAddressPools: z.array(z.string()).optional().describe("Names of the pools that are announced."),
  ipAddressPoolSelectors: z
    .array(labelSelector)
    .optional()
    .describe("Pools, by label, that are announced. With neither names nor selectors: all pools."),
  nodeSelectors: z
    .array(labelSelector)
    .optional()
    .describe("Nodes that announce; any of the selectors must match. Empty: all nodes."),
  serviceSelectors: z
    .array(labelSelector)
    .optional()
    .describe("Services that are announced; any of the selectors must match. Empty: all Services."),
};

/** Bounds between which a Service may choose. */
const range = (least: number, most: number, format: "int32" | "int64", what: string) =>
  z
    .object({
      minimum: z.int().min(least).max(most).default(least).meta({ format }),
      maximum: z.int().min(least).max(most).meta({ format }),
    })
    .optional()
    .describe(what);

const U32 = 0xffff_ffff;
/** RFC 4271 leaves the length of a path open; routers warn of long ones, and more is of no use. */
const MAX_PREPEND = 32;
const I32 = 0x7fff_ffff;

/** Fields that MetalLB does not have: docs/configuration.md. */
const beyondUpstream = {
  med: z.int().min(0).max(U32).optional().meta({
    format: "int64",
    description: "MULTI_EXIT_DISC (RFC 4271 5.1.4): of two ways into the same AS the lower wins. Absent: none is sent.",
  }),
  asPathPrepend: z.int().min(0).max(MAX_PREPEND).optional().meta({
    format: "int32",
    description: "How many times more the own AS stands in the path that external peers are sent: longer paths lose.",
  }),
  linkBandwidth: z
    .enum(["LocalEndpoints"])
    .optional()
    .describe(
      "Weight of this node for routers that spread by link bandwidth (draft-ietf-idr-link-bandwidth). LocalEndpoints: as many as the node has endpoints that serve the Service, where its externalTrafficPolicy is Local.",
    ),
  serviceAttributes: z
    .object({
      communities: z
        .array(z.string())
        .optional()
        .describe("Communities, by value or alias, which metallb.io/bgp-communities may add."),
      localPref: range(1, I32, "int32", "What metallb.io/bgp-local-pref may set."),
      med: range(0, U32, "int64", "What metallb.io/bgp-med may set."),
      asPathPrepend: range(0, MAX_PREPEND, "int32", "What metallb.io/bgp-as-path-prepend may set."),
    })
    .optional()
    .describe("What Services may set for themselves by annotation. Absent: nothing."),
};

export const bgpAdvertisementSpec = z
  .object({
    ...poolReferences,
    aggregationLength: z.int().min(1).default(32).meta({
      format: "int32",
      description: "Length of the IPv4 prefixes that are announced: addresses are rolled up to it.",
    }),
    aggregationLengthV6: z.int().default(128).meta({ format: "int32", description: "The same for IPv6." }),
    localPref: z
      .int()
      .optional()
      .meta({ format: "int32", description: "LOCAL_PREF (RFC 4271 5.1.5) sent to iBGP peers; higher wins." }),
    communities: z
      .array(z.string())
      .optional()
      .describe(
        "BGP communities: 1234:5678 (RFC 1997), large:1:2:3 (RFC 8092), or the name of an alias in a Community object.",
      ),
    peers: z.array(z.string()).optional().describe("Names of the BGPPeers that are told. Empty: all peers."),
    ...beyondUpstream,
  })
  .describe("How addresses of pools are announced by BGP.")
  .meta({
    "x-kubernetes-validations": [
      {
        rule: "!has(self.serviceSelectors) || size(self.serviceSelectors) == 0 || ((!has(self.aggregationLength) || self.aggregationLength == 32) && (!has(self.aggregationLengthV6) || self.aggregationLengthV6 == 128))",
        message:
          "serviceSelectors and aggregationLength are mutually exclusive, can only be used together with default aggregationLength (32) and aggregationLengthV6 (128)",
      },
    ],
  });

export const l2AdvertisementSpec = z
  .object({
    ...poolReferences,
    interfaces: z.array(z.string()).optional().describe("Interfaces on which addresses are announced. Empty: all."),
    preferredNodeSelectors: z
      .array(
        z.object({
          weight: z
            .int()
            .min(1)
            .max(100)
            .meta({ format: "int32", description: "1 to 100, added up over all selectors that match." }),
          preference: labelSelector,
        }),
      )
      .optional()
      .describe("Nodes that are preferred for announcing."),
  })
  .describe("How addresses of pools are announced by ARP and NDP.");

const columns = (last: "Peers" | "Interfaces") =>
  [
    { name: "IPAddressPools", type: "string", jsonPath: ".spec.ipAddressPools", description: "Pools by name" },
    {
      name: "IPAddressPool Selectors",
      type: "string",
      jsonPath: ".spec.ipAddressPoolSelectors",
      description: "Pools by label",
    },
    {
      name: last,
      type: "string",
      jsonPath: last === "Peers" ? ".spec.peers" : ".spec.interfaces",
      description: `${last} that are used`,
    },
    {
      name: "Node Selectors",
      type: "string",
      jsonPath: ".spec.nodeSelectors",
      description: "Nodes that announce",
      priority: 10,
    },
  ] as const;

export const BGPADVERTISEMENT = {
  kind: "BGPAdvertisement",
  listKind: "BGPAdvertisementList",
  plural: "bgpadvertisements",
  singular: "bgpadvertisement",
  description: "Announces addresses of pools to BGP peers.",
  versions: [
    {
      version: "v1beta1",
      storage: true,
      spec: bgpAdvertisementSpec,
      specRequired: false,
      status: z.object({}),
      columns: columns("Peers"),
    },
  ],
} as const satisfies ResourceDefinition;

export const L2ADVERTISEMENT = {
  kind: "L2Advertisement",
  listKind: "L2AdvertisementList",
  plural: "l2advertisements",
  singular: "l2advertisement",
  description: "Announces addresses of pools on the local network by ARP and NDP.",
  versions: [
    {
      version: "v1beta1",
      storage: true,
      spec: l2AdvertisementSpec,
      specRequired: false,
      status: z.object({}),
      columns: columns("Interfaces"),
    },
  ],
} as const satisfies ResourceDefinition;
