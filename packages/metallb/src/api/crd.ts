import { z } from "zod";
import { BGPADVERTISEMENT, L2ADVERTISEMENT } from "./advertisements.ts";
import { BFDPROFILE, COMMUNITY } from "./bfd-and-communities.ts";
import { BGPPEER } from "./peer.ts";
import { IPADDRESSPOOL } from "./pool.ts";
import type { ResourceDefinition, VersionDefinition } from "./resource.ts";
import { CONFIGURATIONSTATE, SERVICEBGPSTATUS, SERVICEL2STATUS } from "./status-kinds.ts";

export const GROUP = "metallb.io";

/** All custom resources, in the order of their plurals. */
export const DEFINITIONS: readonly ResourceDefinition[] = [
  BFDPROFILE,
  BGPADVERTISEMENT,
  BGPPEER,
  COMMUNITY,
  CONFIGURATIONSTATE,
  IPADDRESSPOOL,
  L2ADVERTISEMENT,
  SERVICEBGPSTATUS,
  SERVICEL2STATUS,
];

type Schema = { [field: string]: unknown };

/** The CustomResourceDefinition (apiextensions.k8s.io/v1) of one kind, as plain data. */
export function crdOf(definition: ResourceDefinition): Schema {
  const { kind, listKind, plural, singular } = definition;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
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
  return clean(z.toJSONSchema(type, { io: "input", unrepresentable: "throw", target: "openapi-3.0" }));
}

const DROPPED = new Set(["$schema", "additionalProperties", "propertyNames", "id"]);

function clean(schema: Schema): Schema {
  const cleaned: Schema = {};
  for (const [name, value] of Object.entries(schema)) {
    if (DROPPED.has(name)) continue;
    if (name === "properties")
      cleaned[name] = Object.fromEntries(
        Object.entries(value as Record<string, Schema>).map(([key, each]) => [key, clean(each)]),
      );
    else if (name === "items") cleaned[name] = clean(value as Schema);
    else cleaned[name] = value;
  }
  // A map of strings is the one place where other properties are meant.
  if (typeof schema.additionalProperties === "object" && schema.properties === undefined)
    cleaned.additionalProperties = clean(schema.additionalProperties as Schema);
  // Zod bounds every whole number by what JavaScript can hold; the format says it already.
  if (cleaned.minimum === Number.MIN_SAFE_INTEGER) delete cleaned.minimum;
  if (cleaned.maximum === Number.MAX_SAFE_INTEGER) delete cleaned.maximum;
  return cleaned;
}
