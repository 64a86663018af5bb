import { z } from "zod";
import type { PrinterColumn, ResourceDefinition } from "./resource.ts";

const fixed = (description: string) =>
  z
    .string()
    .optional()
    .meta({ description, "x-kubernetes-validations": [{ rule: "self == oldSelf", message: "Value is immutable" }] });

const subject = {
  node: fixed("Node that announces."),
  serviceName: fixed("Name of the Service."),
  serviceNamespace: fixed("Namespace of the Service."),
};

export const serviceL2Status = z.object({
  ...subject,
  interfaces: z
    .array(z.object({ name: z.string().optional().describe("Name of the interface.") }))
    .optional()
    .describe("Interfaces that announce; empty: all."),
});

export const serviceBgpStatus = z.object({
  ...subject,
  peers: z.array(z.string()).optional().describe("Names of the BGPPeers that are told, sorted."),
  furtherServices: z
    .int()
    .min(0)
    .optional()
    .describe(
      "Only in the one object of a node that names no Service: how many Services it announces that have no object of their own.",
    ),
});

const bgpSessionState = z.object({
  node: z.string().optional().describe("Node that has the session."),
  peer: z.string().optional().describe("Address of the peer, or the interface behind which it is."),
  vrf: z.string().optional().describe("VRF of the session; empty: the default one."),
  bgpStatus: z.string().optional().describe("Established; Active: it is tried; Idle: it is not."),
  bfdStatus: z.string().optional().describe("up, down, init or shutdown; N/A: BFD does not watch the peer."),
});

const condition = z.object({
  type: z.string().max(316).describe("Which aspect of the configuration."),
  status: z.enum(["True", "False", "Unknown"]).describe("Whether it holds."),
  observedGeneration: z.int().min(0).optional().meta({ format: "int64" }),
  lastTransitionTime: z.string().meta({ format: "date-time", description: "When the status last changed." }),
  reason: z.string().min(1).max(1024).describe("One word for machines."),
  message: z.string().max(32768).describe("A sentence for people."),
});

export const configurationState = z.object({
  result: z.enum(["Valid", "Invalid", "Unknown"]).optional().describe("Whether all that was read counts."),
  errorSummary: z.string().optional().describe("What is wrong, one line a problem."),
  conditions: z
    .array(condition)
    .optional()
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"] }),
});

const nothing = z.object({});

const subjectColumns = (node: string): readonly PrinterColumn[] => [
  { name: node, type: "string", jsonPath: ".status.node", description: "Node that announces" },
  { name: "Service Name", type: "string", jsonPath: ".status.serviceName", description: "Name of the Service" },
  {
    name: "Service Namespace",
    type: "string",
    jsonPath: ".status.serviceNamespace",
    description: "Namespace of the Service",
  },
];

const definition = (
  kind: string,
  plural: string,
  description: string,
  status: z.ZodType,
  columns: readonly PrinterColumn[],
  group?: string,
): ResourceDefinition => ({
  ...(group === undefined ? {} : { group }),
  kind,
  listKind: `${kind}List`,
  plural,
  singular: kind.toLowerCase(),
  description,
  versions: [{ version: "v1beta1", storage: true, spec: nothing, specRequired: false, status, columns }],
});

export const SERVICEL2STATUS = definition(
  "ServiceL2Status",
  "servicel2statuses",
  "Which node announces a Service on the local network.",
  serviceL2Status,
  subjectColumns("Allocated Node"),
);

export const SERVICEBGPSTATUS = definition(
  "ServiceBGPStatus",
  "servicebgpstatuses",
  "Which peers a node tells about a Service.",
  serviceBgpStatus,
  subjectColumns("Node"),
);

export const CONFIGURATIONSTATE = definition(
  "ConfigurationState",
  "configurationstates",
  "Whether the configuration counts, as one process sees it.",
  configurationState,
  [
    { name: "Result", type: "string", jsonPath: ".status.result", description: "Valid, Invalid or Unknown" },
    { name: "ErrorSummary", type: "string", jsonPath: ".status.errorSummary", description: "What is wrong" },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp", description: "Since when it exists" },
  ],
);

/** The kind is of frr-k8s, whose users know where to look for sessions. */
export const BGPSESSIONSTATE = definition(
  "BGPSessionState",
  "bgpsessionstates",
  "State of a BGP session of a node, and of the BFD session that watches it.",
  bgpSessionState,
  [
    { name: "Node", type: "string", jsonPath: ".status.node", description: "Node that has the session" },
    { name: "Peer", type: "string", jsonPath: ".status.peer", description: "Address or interface of the peer" },
    { name: "VRF", type: "string", jsonPath: ".status.vrf", description: "VRF of the session" },
    { name: "BGP", type: "string", jsonPath: ".status.bgpStatus", description: "State of the BGP session" },
    { name: "BFD", type: "string", jsonPath: ".status.bfdStatus", description: "State of the BFD session" },
  ],
  "frrk8s.metallb.io",
);
