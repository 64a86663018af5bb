import { z } from "zod";
import type { ResourceDefinition } from "./resource.ts";
import { labelSelector } from "./selector.ts";

const MAX_ASN = 4294967295;
/** IANA: bgp, 179/tcp. */
const DEFAULT_PORT = 179;

const asn = (description: string, least = 0) => z.int().min(least).max(MAX_ASN).meta({ format: "int64", description });
const duration = (description: string) => z.string().describe(`${description} A duration such as 90s or 1m30s.`);

const shared = {
  myASN: asn("AS number of the own side of the session."),
  sourceAddress: z.string().optional().describe("Address that the session is opened from; it must be on the node."),
  routerID: z.string().optional().describe("BGP identifier to use, an IPv4 address."),
  password: z.string().optional().describe("TCP MD5 key (RFC 2385); passwordSecret keeps it out of this object."),
  bfdProfile: z.string().optional().describe("Name of the BFDProfile of the session. Empty: no BFD."),
  ebgpMultiHop: z.boolean().optional().describe("Whether the peer is more than one hop away."),
};

const bgpPeerSpec = z
  .object({
    ...shared,
    peerASN: asn("AS number of the peer. Exactly one of peerASN and dynamicASN.").optional(),
    localASN: asn("AS number shown to this peer in the place of myASN.", 1).optional(),
    dynamicASN: z
      .enum(["internal", "external"])
      .optional()
      .describe("internal: the peer has our AS number; external: another one, whichever."),
    peerAddress: z.string().optional().describe("Address of the peer. Exactly one of peerAddress and interface."),
    interface: z.string().optional().describe("Interface of an unnumbered session."),
    peerPort: z
      .int()
      .min(1)
      .max(65535)
      .default(DEFAULT_PORT)
      .meta({ format: "int32", description: "TCP port of the peer." }),
    holdTime: duration("Proposed hold time (RFC 4271 4.2): 0 or at least 3 s.").nullish(),
    keepaliveTime: duration("Time between keepalives.").nullish(),
    connectTime: duration("Time between attempts to connect, 1 s to 65535 s.")
      .meta({
        "x-kubernetes-validations": [
          {
            rule: "duration(self).getSeconds() >= 1 && duration(self).getSeconds() <= 65535",
            message: "connect time should be between 1 seconds to 65535",
          },
          {
            rule: "duration(self).getMilliseconds() % 1000 == 0",
            message: "connect time should contain a whole number of seconds",
          },
        ],
      })
      .optional(),
    nodeSelectors: z
      .array(labelSelector)
      .optional()
      .describe("Nodes that open the session; any of the selectors must match. Empty: all nodes."),
    passwordSecret: z
      .object({
        name: z.string().optional().describe("Name of the Secret."),
        namespace: z.string().optional().describe("Its namespace; the one of MetalLB."),
      })
      .optional()
      .describe("Secret of type kubernetes.io/basic-auth that holds the TCP MD5 key under password.")
      .meta({ "x-kubernetes-map-type": "atomic" }),
    enableGracefulRestart: z
      .boolean()
      .optional()
      .describe("Whether routes outlive a restart of the speaker (RFC 4724).")
      .meta({
        "x-kubernetes-validations": [
          { rule: "self == oldSelf", message: "EnableGracefulRestart cannot be changed after creation" },
        ],
      }),
    vrf: z.string().optional().describe("VRF that the session runs in."),
    disableMP: z.boolean().default(false).describe("Deprecated, without effect."),
    dualStackAddressFamily: z.boolean().default(false).describe("Announces both IP versions over this session."),
  })
  .describe("One BGP session of each node that it selects.");

/**
 * How a stored peer is read. Without a conversion webhook one that was written as v1beta1 may hold port
 * 0, which there says nothing.
 */
export const storedBgpPeerSpec = bgpPeerSpec.extend({
  peerPort: z
    .int()
    .min(0)
    .max(65535)
    .default(DEFAULT_PORT)
    .transform((port) => (port === 0 ? DEFAULT_PORT : port)),
});

const selectorV1beta1 = z.object({
  matchLabels: z.record(z.string(), z.string()).optional(),
  matchExpressions: z
    .array(z.object({ key: z.string(), operator: z.string(), values: z.array(z.string()).min(1) }))
    .optional(),
});

export const bgpPeerSpecV1beta1 = z
  .object({
    ...shared,
    peerASN: asn("AS number of the peer."),
    peerAddress: z.string().describe("Address of the peer."),
    peerPort: z.int().min(0).max(65535).optional().meta({ format: "int32", description: "TCP port of the peer." }),
    holdTime: duration("Proposed hold time.").optional(),
    keepaliveTime: duration("Time between keepalives.").optional(),
    nodeSelectors: z.array(selectorV1beta1).optional().describe("Nodes that open the session."),
  })
  .describe("One BGP session of each node that it selects.");

const columns = [
  { name: "Address", type: "string", jsonPath: ".spec.peerAddress", description: "Address of the peer" },
  { name: "ASN", type: "string", jsonPath: ".spec.peerASN", description: "AS number of the peer" },
  { name: "BFD Profile", type: "string", jsonPath: ".spec.bfdProfile", description: "Name of the BFDProfile" },
  { name: "Multi Hops", type: "string", jsonPath: ".spec.ebgpMultiHop", description: "More than one hop away" },
] as const;

export const BGPPEER = {
  kind: "BGPPeer",
  listKind: "BGPPeerList",
  plural: "bgppeers",
  singular: "bgppeer",
  description: "A router that is told about addresses.",
  versions: [
    {
      version: "v1beta1",
      storage: false,
      deprecationWarning: "v1beta1 is deprecated, please use v1beta2",
      spec: bgpPeerSpecV1beta1,
      specRequired: false,
      status: z.object({}),
      columns,
    },
    { version: "v1beta2", storage: true, spec: bgpPeerSpec, specRequired: false, status: z.object({}), columns },
  ],
} as const satisfies ResourceDefinition;
