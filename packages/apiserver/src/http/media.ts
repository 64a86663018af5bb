import { type Document, isMap, isScalar, parseDocument, visit } from "yaml";
import { badRequest, notAcceptable, unsupportedMediaType } from "../base/errors.ts";
import type { Json } from "../base/json.ts";
import { checkDepth } from "../base/limits.ts";
import { parseProtobuf } from "./protobuf.ts";

/** How a client wants to have an answer. */
export interface Accepted {
  readonly as: "object" | "Table" | "PartialObjectMetadata";
  readonly format: "json" | "yaml";
  /** What the answer says of itself. */
  readonly type: string;
}

const FORMATS = ["application/json", "application/yaml"];

/** The first of the accepted types that can be given. @throws ApiError 406 */
export function negotiate(header: string | undefined, form: "one" | "list" | "watch" = "one"): Accepted {
  for (const part of (header || "*/*").split(",")) {
    const [type = "", ...parameters] = part.split(";").map((piece) => piece.trim());
    const json = type === "*/*" || type === "application/*" || type === "application/json";
    if (!json && type !== "application/yaml") continue;
    const named = Object.fromEntries(parameters.map((one) => one.split("=", 2) as [string, string]));
    const format = json ? "json" : "yaml";
    if (
      named.as === undefined ||
      (named.g !== undefined && named.g !== "meta.k8s.io" && named.g !== "apidiscovery.k8s.io")
    )
      return { as: "object", format, type: json ? "application/json" : type };
    if (named.g === "apidiscovery.k8s.io") return { as: "object", format, type: part.trim() };
    if (named.v !== "v1") continue;
    if (named.as === "Table") return { as: "Table", format, type: "application/json" };
    if (named.as === (form === "list" ? "PartialObjectMetadataList" : "PartialObjectMetadata"))
      return { as: "PartialObjectMetadata", format, type: "application/json" };
  }
  throw notAcceptable(FORMATS);
}

/** Reads a body as the JSON, YAML or protobuf that its type says. @throws ApiError 400, 415 */
export function parseBody(body: Buffer, mediaType: string): Json {
  const value = parseAs(body, mediaType);
  checkDepth(value);
  return value;
}

function parseAs(body: Buffer, mediaType: string): Json {
  const type = mediaType.split(";")[0]?.trim() ?? "";
  if (type === "application/yaml" || type === "application/apply-patch+yaml") return parseYaml(body.toString());
  if (type === "application/vnd.kubernetes.protobuf") return parseProtobuf(body);
  if (type !== "" && type !== "*/*" && type !== "application/json" && !type.endsWith("+json"))
    throw unsupportedMediaType(FORMATS);
  try {
    return JSON.parse(body.toString()) as Json;
  } catch (error) {
    throw badRequest(`couldn't get version/kind; json parse error: ${error instanceof Error ? error.message : ""}`);
  }
}

/** Most clients apply JSON, which is YAML too and read a hundred times faster. */
function parseYaml(text: string): Json {
  if (/^\s*\{/.test(text)) {
    try {
      return JSON.parse(text) as Json;
    } catch {
      // YAML in flow style starts in the same way.
    }
  }
  try {
    // The library compares every key of a map with every other one: `checkKeys` does not.
    const document = parseDocument(text, { schema: "core", uniqueKeys: false, prettyErrors: false });
    const [wrong] = document.errors;
    if (wrong) throw wrong;
    checkKeys(document);
    // Aliases are bounded, so that a small text cannot become a large object.
    return document.toJS({ maxAliasCount: 100 }) as Json;
  } catch (error) {
    if (error instanceof RangeError) throw badRequest("error decoding YAML: nested too deep");
    throw badRequest(`error decoding YAML: ${error instanceof Error ? error.message.split("\n")[0] : ""}`);
  }
}

function checkKeys(document: Document): void {
  visit(document, {
    Map(_, map) {
      const seen = new Set<unknown>();
      for (const { key } of isMap(map) ? map.items : []) {
        const name: unknown = isScalar(key) ? key.value : key;
        if (seen.has(name)) throw new Error(`key ${JSON.stringify(name)} already set in map`);
        seen.add(name);
      }
    },
  });
}
