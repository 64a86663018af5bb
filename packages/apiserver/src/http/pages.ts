import { ApiError, badRequest, expired, notFound } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { apiVersionOf, type Resource, subjectOf } from "../kinds/resource.ts";
import { servedJson } from "../kinds/served.ts";
import { type Entry, objectKey } from "../store/storage.ts";
import type { Filter } from "./filter.ts";

export function getEntry(cluster: Cluster, resource: Resource, namespace: string, name: string): Entry {
  const entry = cluster.storage.collection(resource.collection).get(objectKey(namespace, name));
  if (!entry) throw notFound(subjectOf(resource, name));
  return entry;
}

export interface Page {
  readonly entries: readonly Entry[];
  readonly revision: number;
  /** For the next page; "" on the last. */
  readonly next: string;
  readonly remaining: number | null;
}

interface Token {
  readonly v: "meta.k8s.io/v1";
  /** -1: whatever the state is now. */
  readonly rv: number;
  readonly start: string;
}

const tooOld = (revision: number, oldest: string) =>
  `The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list. (${revision}, ${oldest})`;

/** One page of a list, as of one revision over all pages. @throws ApiError 400, 410, 504 */
export function listPage(cluster: Cluster, resource: Resource, filter: Filter, query: URLSearchParams): Page {
  const collection = cluster.storage.collection(resource.collection);
  const current = cluster.storage.revision;
  const limit = Number(query.get("limit") ?? 0);
  const token = query.get("continue") ? readToken(query.get("continue") ?? "") : null;
  const revision = token ? (token.rv === -1 ? current : token.rv) : listRevision(query, current);
  if (!collection.knows(revision)) {
    if (!token) throw expired(`The resourceVersion for the provided list is too old.`);
    throw expired(tooOld(revision, token.start), writeToken({ ...token, rv: -1 }));
  }
  const prefix = filter.namespace === null ? "" : `${filter.namespace}/`;
  const entries: Entry[] = [];
  let next = "";
  let remaining: number | null = null;
  for (const entry of collection.from(token?.start ?? "", prefix, revision)) {
    if (!filter.matches(entry)) continue;
    if (limit > 0 && entries.length === limit) {
      next = writeToken({ v: "meta.k8s.io/v1", rv: revision, start: (entries[entries.length - 1] as Entry).key });
      break;
    }
    entries.push(entry);
  }
  const unfiltered = !query.get("labelSelector") && !query.get("fieldSelector") && filter.namespace === null;
  if (next !== "" && unfiltered && token === null) remaining = collection.size - entries.length;
  return { entries, revision, next, remaining };
}

function listRevision(query: URLSearchParams, current: number): number {
  const asked = query.get("resourceVersion") ?? "";
  if (asked === "" || asked === "0") return current;
  const revision = parseRevision(asked);
  if (revision > current) throw tooLargeRevision(revision, current);
  return query.get("resourceVersionMatch") === "Exact" ? revision : current;
}

export function parseRevision(text: string): number {
  if (!/^\d{1,15}$/.test(text))
    throw badRequest(
      `invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  return Number(text);
}

const tooLargeRevision = (asked: number, current: number) =>
  new ApiError(504, "Timeout", `Timeout: Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    retryAfterSeconds: 1,
  });

const writeToken = (token: Token): string => Buffer.from(JSON.stringify(token)).toString("base64url");

function readToken(text: string): Token {
  try {
    const token = JSON.parse(Buffer.from(text, "base64url").toString()) as Partial<Token>;
    if (typeof token.rv === "number" && typeof token.start === "string")
      return { v: "meta.k8s.io/v1", rv: token.rv, start: token.start };
  } catch {
    // Falls through to the one answer for every broken token.
  }
  throw badRequest("continue key is not valid: illegal base64 data or unknown version");
}

/** `metadata` of a list. */
export function listMetadata(page: Page): JsonObject {
  const metadata: JsonObject = { resourceVersion: String(page.revision) };
  if (page.next !== "") metadata.continue = page.next;
  if (page.remaining !== null) metadata.remainingItemCount = page.remaining;
  return metadata;
}

/** The list as JSON, made of the bytes that the entries already have. */
export function listJson(resource: Resource, page: Page): Buffer {
  const head = `{"kind":"${resource.kind}List","apiVersion":"${apiVersionOf(resource)}","metadata":${JSON.stringify(listMetadata(page))},"items":[`;
  const parts: Buffer[] = [Buffer.from(head)];
  const comma = Buffer.from(",");
  page.entries.forEach((entry, i) => {
    if (i > 0) parts.push(comma);
    parts.push(servedJson(resource, entry));
  });
  parts.push(Buffer.from("]}\n"));
  return Buffer.concat(parts);
}
