import { z } from "zod";
import { BGPADVERTISEMENT, L2ADVERTISEMENT } from "./advertisements.ts";
import { BFDPROFILE, COMMUNITY } from "./bfd-and-communities.ts";
import { BGPPEER } from "./peer.ts";
import { IPADDRESSPOOL } from "./pool.ts";
import type { ResourceDefinition, VersionDefinition } from "./resource.ts";
import { BGPSESSIONSTATE, CONFIGURATIONSTATE, SERVICEBGPSTATUS, SERVICEL2STATUS } from "./status-kinds.ts";

export const GROUP = "metallb.io";

/** All custom resources, in the order of their plurals. */
export const DEFINITIONS: readonly ResourceDefinition[] = [
  BFDPROFILE,
  BGPADVERTISEMENT,
  BGPPEER,
  BGPSESSIONSTATE,
  COMMUNITY,
  CONFIGURATIONSTATE,
  IPADDRESSPOOL,
  L2ADVERTISEMENT,
  SERVICEBGPSTATUS,
  SERVICEL2STATUS,
];

export const groupOf = ({ group = GROUP }: ResourceDefinition): string => group;

type Schema = { [field: string]: unknown };

/** The CustomResourceDefinition (apiextensions.k8s.io/v1) of one kind, as plain data. */
export function crdOf(definition: ResourceDefinition): Schema {
  const { kind, listKind, plural, singular } = definition;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${groupOf(definition)}` },
    spec: {
      group: groupOf(definition),
      names: { kind, listKind, plural, singular },
      scope: "Namespaced",
      // Without a conversion webhook the versions share their fields; what v1beta1 does not know it does not show.
      conversion: { strategy: "None" },
      versions: definition.versions.map((version) => versionOf(definition, version)),
    },
  };
}

function versionOf(definition: ResourceDefinition, version: VersionDefinition): Schema {
  return {
    name: version.version,
    served: true,
    storage: version.storage,
    ...(version.deprecationWarning ? { deprecated: true, deprecationWarning: version.deprecationWarning } : {}),
    ...(version.columns.length > 0 ? { additionalPrinterColumns: version.columns } : {}),
    schema: {
      openAPIV3Schema: {
        description: definition.description,
        type: "object",
        properties: {
          apiVersion: { type: "string", description: "Version of the schema of this object." },
          kind: { type: "string", description: "Kind of this object." },
          metadata: { type: "object" },
          spec: structural(version.spec),
          status: structural(version.status),
        },
        ...(version.specRequired ? { required: ["spec"] } : {}),
      },
    },
    subresources: { status: {} },
  };
}

/** JSON Schema as the API server wants it: structural, nothing that it does not know. */
function structural(type: z.ZodType): Schema {
  const schema = z.toJSONSchema(type, { io: "input", unrepresentable: "throw", target: "openapi-3.0" });
  return JSON.parse(JSON.stringify(schema), (name, value) => (isNoBound(name, value) ? undefined : value));
}

/** Zod bounds every whole number by what JavaScript can hold; the format says it already. */
const isNoBound = (name: string, value: unknown): boolean =>
  (name === "minimum" && value === Number.MIN_SAFE_INTEGER) ||
  (name === "maximum" && value === Number.MAX_SAFE_INTEGER);
