import {
  crdOf,
  DEFINITIONS,
  decodeBFDProfile,
  decodeBGPAdvertisement,
  decodeBGPPeer,
  decodeCommunity,
  decodeIPAddressPool,
  decodeL2Advertisement,
  decodeNamespace,
  decodeSecret,
  type FieldProblem,
  GROUP,
  groupOf,
} from "#api";
import { type Malformed, type Resources, validate } from "#config";
import type { Result } from "#net";

/** What is wrong with one object. */
export interface Finding {
  readonly kind: string;
  readonly name: string;
  /** Empty for the whole object. */
  readonly path: string;
  readonly message: string;
}

type Fields = Readonly<Record<string, unknown>>;
const fieldsOf = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
const text = (value: unknown): string => (typeof value === "string" ? value : "");

interface Identity {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export function identityOf(object: unknown): Identity {
  const { apiVersion, kind, metadata } = fieldsOf(object);
  const { namespace, name } = fieldsOf(metadata);
  const version = text(apiVersion);
  const group = version.includes("/") ? version.slice(0, version.indexOf("/")) : "";
  return { group, kind: text(kind), namespace: text(namespace), name: text(name) };
}

/**
 * Everything that is wrong with these objects, alone and together: of MetalLB's kinds in its namespace,
 * with the Namespaces and Secrets that they refer to. Objects of other kinds say nothing.
 */
export function checkObjects(objects: readonly unknown[], namespace: string): readonly Finding[] {
  const findings: Finding[] = [];
  const known: unknown[] = [];
  for (const object of objects) {
    const { group, kind, namespace: own, name } = identityOf(object);
    if (group !== GROUP) {
      if (group === "" && (kind === "Namespace" || kind === "Secret")) known.push(object);
      continue;
    }
    const problem = (path: string, message: string) => findings.push({ kind, name, path, message });
    const definition = DEFINITIONS.find((each) => each.kind === kind && groupOf(each) === group);
    if (!definition)
      problem("kind", `is no kind of MetalLB${kind === "AddressPool" ? ": it is an IPAddressPool now" : ""}`);
    else if (own !== "" && own !== namespace)
      problem("metadata.namespace", `is ${own}: MetalLB reads objects of its own namespace, ${namespace}, alone`);
    else {
      for (const [path, message] of unknownFields(object, schemaOf(kind, object))) problem(path, message);
      known.push(object);
    }
  }
  for (const { kind, name, path, message } of validate(resourcesOf(known, namespace)))
    findings.push({ kind, name, path, message });
  return findings;
}

function resourcesOf(objects: readonly unknown[], namespace: string): Resources {
  const malformed: Malformed[] = [];
  const inPlace = objects.map((object) => placed(object, namespace));
  const of = <T>(kind: string, decode: (object: unknown) => Result<T, readonly FieldProblem[]>): readonly T[] =>
    inPlace
      .filter((object) => identityOf(object).kind === kind)
      .flatMap((object) => {
        const decoded = decode(object);
        if (decoded.ok) return [decoded.value];
        malformed.push({ kind, name: identityOf(object).name, problems: decoded.error });
        return [];
      });
  const lists = {
    pools: of("IPAddressPool", decodeIPAddressPool),
    communities: of("Community", decodeCommunity),
    bgpAdvertisements: of("BGPAdvertisement", decodeBGPAdvertisement),
    l2Advertisements: of("L2Advertisement", decodeL2Advertisement),
    peers: of("BGPPeer", decodeBGPPeer),
    bfdProfiles: of("BFDProfile", decodeBFDProfile),
  };
  const secrets = inPlace
    .filter((object) => identityOf(object).kind === "Secret")
    .flatMap((object) => decodeSecret(withData(object)) ?? [])
    .map((secret) => [secret.key, secret] as const);
  return {
    ...lists,
    namespaces: inPlace
      .filter((object) => identityOf(object).kind === "Namespace")
      .flatMap((object) => decodeNamespace(object) ?? []),
    secrets: new Map(secrets),
    malformed,
  };
}

/** A file need not name the namespace: kubectl is told. */
function placed(object: unknown, namespace: string): unknown {
  const fields = fieldsOf(object);
  const metadata = fieldsOf(fields.metadata);
  if (fields.kind === "Namespace" || text(metadata.namespace) !== "") return object;
  return { ...fields, metadata: { ...metadata, namespace } };
}

/** What the API server makes of `stringData`. */
function withData(object: unknown): unknown {
  const { stringData, data, ...fields } = fieldsOf(object);
  const encoded = Object.entries(fieldsOf(stringData)).map(
    ([key, value]) => [key, Buffer.from(text(value)).toString("base64")] as const,
  );
  return { ...fields, data: { ...fieldsOf(data), ...Object.fromEntries(encoded) } };
}

const schemas = new Map<string, Fields>();

function schemaOf(kind: string, object: unknown): Fields {
  if (schemas.size === 0)
    for (const definition of DEFINITIONS) {
      const { versions } = fieldsOf(crdOf(definition).spec) as { versions: readonly Fields[] };
      for (const version of versions)
        schemas.set(
          `${definition.kind} ${groupOf(definition)}/${text(version.name)}`,
          fieldsOf(fieldsOf(version.schema).openAPIV3Schema),
        );
    }
  return schemas.get(`${kind} ${text(fieldsOf(object).apiVersion)}`) ?? {};
}

const MAX_UNKNOWN = 20;

/** Fields that the schema does not name: the API server drops them, or refuses the object. */
function unknownFields(object: unknown, schema: Fields): readonly (readonly [path: string, message: string])[] {
  const found: [string, string][] = [];
  const walk = (value: unknown, known: Fields, path: string): void => {
    if (found.length >= MAX_UNKNOWN) return;
    if (Array.isArray(value)) {
      for (const [i, item] of value.entries()) walk(item, fieldsOf(known.items), `${path}[${i}]`);
      return;
    }
    const properties = fieldsOf(known.properties);
    if (known.properties === undefined || known.additionalProperties !== undefined) return;
    for (const [key, each] of Object.entries(fieldsOf(value))) {
      const at = path === "" ? key : `${path}.${key}`;
      if (Object.hasOwn(properties, key)) walk(each, fieldsOf(properties[key]), at);
      else found.push([at, "unknown field"]);
    }
  };
  if (Object.keys(schema).length === 0) return [["apiVersion", "is no version of this kind"]];
  walk(object, schema, "");
  return found;
}
