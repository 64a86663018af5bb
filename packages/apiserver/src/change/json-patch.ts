import { ApiError, badRequest } from "../base/errors.ts";
import { clone, equal, isObject, type Json, type JsonObject, own, put } from "../base/json.ts";

const MAX_OPERATIONS = 10_000;

interface Operation {
  readonly op: string;
  readonly path: readonly string[];
  readonly from: readonly string[];
  /** undefined where the operation has none. */
  readonly value: Json | undefined;
}

/**
 * RFC 6902. The target is not changed. What `copy` adds counts against `maxCopied` bytes of JSON in
 * all: each copy may double the object. @throws ApiError 400, 413 for too many operations, 422
 */
export function jsonPatch(target: JsonObject, patch: Json, maxCopied: number): JsonObject {
  if (!Array.isArray(patch))
    throw badRequest("error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch");
  if (patch.length > MAX_OPERATIONS)
    throw new ApiError(
      413,
      "RequestEntityTooLarge",
      `Request entity too large: The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`,
    );
  const operations = patch.map(readOperation);
  const holder: JsonObject = { root: clone(target) };
  let left = maxCopied;
  for (const operation of operations)
    left -= perform(holder, operation, (copied) => {
      const size = JSON.stringify(copied).length;
      if (size > left) throw unprocessable();
      return size;
    });
  const { root } = holder;
  if (!isObject(root)) throw unprocessable();
  return root;
}

/** The API says no more than this; not which operation failed. */
const unprocessable = () =>
  new ApiError(422, "Invalid", "the server rejected our request due to an error in our request");

const OPERATIONS = ["add", "remove", "replace", "move", "copy", "test"];

function readOperation(raw: Json, i: number): Operation {
  const wrong = (what: string) => badRequest(`error decoding patch: operation ${i}: ${what}`);
  if (!isObject(raw)) throw wrong("must be an object");
  const { op, path, from } = raw;
  if (typeof op !== "string" || !OPERATIONS.includes(op)) throw wrong(`unknown op ${JSON.stringify(op ?? null)}`);
  if (typeof path !== "string") throw wrong("needs a path");
  const source = op === "move" || op === "copy" ? from : "";
  if (typeof source !== "string") throw wrong("needs a from");
  if (["add", "replace", "test"].includes(op) && !Object.hasOwn(raw, "value")) throw wrong("needs a value");
  return { op, path: pointer(path, wrong), from: pointer(source, wrong), value: raw.value };
}

/** RFC 6901. */
function pointer(text: string, wrong: (what: string) => ApiError): string[] {
  if (text === "") return [];
  if (!text.startsWith("/")) throw wrong(`${JSON.stringify(text)} is no JSON pointer`);
  return text
    .slice(1)
    .split("/")
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** Performs one operation below `root`. Returns the bytes that it copied. */
function perform(holder: JsonObject, operation: Operation, copying: (value: Json) => number): number {
  const { op, value } = operation;
  const path = ["root", ...operation.path];
  const from = ["root", ...operation.from];
  switch (op) {
    case "test":
      if (!equal(find(holder, path), value)) throw unprocessable();
      return 0;
    case "remove":
      remove(holder, path);
      return 0;
    case "replace":
      find(holder, path);
      set(holder, path, clone(value as Json));
      return 0;
    case "move": {
      // RFC 6902, 4.4: a value cannot be moved into one of its own children.
      if (path.length > from.length && from.every((step, i) => path[i] === step)) throw unprocessable();
      const moved = find(holder, from);
      remove(holder, from);
      add(holder, path, moved);
      return 0;
    }
    case "copy": {
      const found = find(holder, from);
      const size = copying(found);
      add(holder, path, clone(found));
      return size;
    }
    default:
      add(holder, path, clone(value as Json));
      return 0;
  }
}

/** The value at the path. @throws ApiError 422 where there is none */
function find(holder: Json, path: readonly string[]): Json {
  let at: Json | undefined = holder;
  for (const step of path) {
    if (Array.isArray(at)) at = at[indexIn(at, step, at.length - 1)];
    else at = isObject(at) ? own(at, step) : undefined;
    if (at === undefined) throw unprocessable();
  }
  return at;
}

function indexIn(list: readonly Json[], step: string, last: number): number {
  const index = step === "-" ? list.length : /^(0|[1-9]\d*)$/.test(step) ? Number(step) : -1;
  if (index < 0 || index > last) throw unprocessable();
  return index;
}

const parentOf = (holder: Json, path: readonly string[]): [Json, string] => [
  find(holder, path.slice(0, -1)),
  path[path.length - 1] as string,
];

function add(holder: Json, path: readonly string[], value: Json): void {
  const [parent, step] = parentOf(holder, path);
  if (Array.isArray(parent)) parent.splice(indexIn(parent, step, parent.length), 0, value);
  else if (isObject(parent)) put(parent, step, value);
  else throw unprocessable();
}

function set(holder: Json, path: readonly string[], value: Json): void {
  const [parent, step] = parentOf(holder, path);
  if (Array.isArray(parent)) parent[indexIn(parent, step, parent.length - 1)] = value;
  else if (isObject(parent)) put(parent, step, value);
}

function remove(holder: Json, path: readonly string[]): void {
  find(holder, path);
  const [parent, step] = parentOf(holder, path);
  if (Array.isArray(parent)) parent.splice(indexIn(parent, step, parent.length - 1), 1);
  else if (isObject(parent)) delete parent[step];
}
