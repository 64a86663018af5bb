import { z } from "zod";
import type { ResourceDefinition } from "./resource.ts";

const milliseconds = (description: string) =>
  z
    .int()
    .min(10)
    .max(60000)
    .optional()
    .meta({ format: "int32", description: `${description} Milliseconds.` });

export const bfdProfileSpec = z
  .object({
    receiveInterval: milliseconds("Least time between packets that we can receive; 300 when absent."),
    transmitInterval: milliseconds("Least time between packets that we want to send; 300 when absent."),
    detectMultiplier: z
      .int()
      .min(2)
      .max(255)
      .optional()
      .meta({ format: "int32", description: "How many packets may be missing; 3 when absent." }),
    echoInterval: milliseconds("Least time between echo packets; 50 when absent."),
    echoMode: z.boolean().optional().describe("Whether echo packets are used; not for IPv6."),
    passiveMode: z.boolean().optional().describe("Whether to wait for the peer's first packet."),
    minimumTtl: z
      .int()
      .min(1)
      .max(254)
      .optional()
      .meta({ format: "int32", description: "Least TTL of received packets of a multihop session." }),
  })
  .describe("Timing of BFD sessions (RFC 5880).");

export const communitySpec = z
  .object({
    communities: z
      .array(
        z.object({
          name: z.string().optional().describe("The alias."),
          value: z.string().optional().describe("What it stands for: 1234:5678 or large:1:2:3."),
        }),
      )
      .optional()
      .describe("Aliases, known to all BGPAdvertisements."),
  })
  .describe("Names for BGP communities.");

export const BFDPROFILE = {
  kind: "BFDProfile",
  listKind: "BFDProfileList",
  plural: "bfdprofiles",
  singular: "bfdprofile",
  description: "Settings of BFD sessions, named by BGPPeers.",
  versions: [
    {
      version: "v1beta1",
      storage: true,
      spec: bfdProfileSpec,
      specRequired: false,
      status: z.object({}),
      columns: [
        { name: "Passive Mode", type: "boolean", jsonPath: ".spec.passiveMode", description: "Waits for the peer" },
        { name: "Transmit Interval", type: "integer", jsonPath: ".spec.transmitInterval", description: "Milliseconds" },
        { name: "Receive Interval", type: "integer", jsonPath: ".spec.receiveInterval", description: "Milliseconds" },
        {
          name: "Multiplier",
          type: "integer",
          jsonPath: ".spec.detectMultiplier",
          description: "Packets that may be missing",
        },
      ],
    },
  ],
} as const satisfies ResourceDefinition;

export const COMMUNITY = {
  kind: "Community",
  listKind: "CommunityList",
  plural: "communities",
  singular: "community",
  description: "Aliases for BGP communities.",
  versions: [
    { version: "v1beta1", storage: true, spec: communitySpec, specRequired: false, status: z.object({}), columns: [] },
  ],
} as const satisfies ResourceDefinition;
