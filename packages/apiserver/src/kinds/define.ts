import type { Resource, Strategy } from "./resource.ts";
import { builtinSchema } from "./schema.ts";

export const CORE = "io.k8s.api.core.v1";

/** What a kind has to say of itself; the rest is as most kinds have it. */
interface Description extends Partial<Resource> {
  readonly kind: string;
  readonly plural: string;
  readonly definition: string;
  readonly printer: Resource["printer"];
  readonly strategy: Strategy;
}

export function define({ definition, ...rest }: Description): Resource {
  return {
    group: "",
    version: "v1",
    singular: rest.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    namespaced: true,
    names: "subdomain",
    hasStatus: false,
    isCustom: false,
    collection: rest.plural,
    schema: builtinSchema(definition),
    fields: [],
    deprecation: null,
    fromStored: null,
    toStored: null,
    conversion: null,
    ...rest,
  };
}
