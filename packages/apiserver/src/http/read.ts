import { type JsonObject, text } from "../base/json.ts";
import { apiVersionOf, type Resource } from "../kinds/resource.ts";
import { isShowable, served, servedJson } from "../kinds/served.ts";
import { type IncludeObject, partialMetadata, tableOf } from "../show/table.ts";
import { makeShowable } from "../webhooks/conversion.ts";
import { type Exchange, type HandlerOptions, isWatch } from "./exchange.ts";
import { type Filter, filterOf } from "./filter.ts";
import { type Accepted, negotiate } from "./media.ts";
import { checkListOptions } from "./options.ts";
import { getEntry, listJson, listMetadata, listPage, type Page } from "./pages.ts";
import type { RequestInfo } from "./request-info.ts";
import { includeOf, sendBytes, sendEntry, sendJson } from "./respond.ts";
import { type Encoder, Watch } from "./watch.ts";

export async function readOne(
  exchange: Exchange,
  info: RequestInfo,
  resource: Resource,
  options: HandlerOptions,
): Promise<void> {
  const entry = getEntry(options.cluster, resource, info.namespace ?? "", info.name ?? "");
  await makeShowable(options.cluster.storage, resource, [entry]);
  sendEntry(exchange, 200, resource, entry, options);
}

/** Has everything of a kind converted that a selection by fields may look at, and a watch may begin with. */
async function showAll({ cluster: { storage } }: HandlerOptions, resource: Resource): Promise<void> {
  if (resource.conversion === null) return;
  const collection = storage.collection(resource.collection);
  while ([...collection.values()].some((entry) => !isShowable(resource, entry)))
    await makeShowable(storage, resource, [...collection.values()]);
}

export async function showablePage(
  options: HandlerOptions,
  resource: Resource,
  filter: Filter,
  query: URLSearchParams,
): Promise<Page> {
  await showAll(options, resource);
  const page = listPage(options.cluster, resource, filter, query);
  await makeShowable(options.cluster.storage, resource, page.entries);
  return page;
}

export async function readMany(
  exchange: Exchange,
  info: RequestInfo,
  resource: Resource,
  options: HandlerOptions,
): Promise<void> {
  const { query, request, response } = exchange;
  const filter = filterOf(resource, info.namespace, info.name, query);
  const watching = isWatch(exchange);
  checkListOptions(query, watching);
  const accepted = negotiate(request.headers.accept, watching ? "watch" : "list");
  if (watching) {
    await showAll(options, resource);
    // It may have left while a webhook was asked, and nobody would end its watch.
    if (response.destroyed) return;
    watch(exchange, resource, filter, accepted, options);
    return;
  }
  const page = await showablePage(options, resource, filter, query);
  if (accepted.as === "object" && accepted.format === "json") {
    sendBytes(response, 200, "application/json", listJson(resource, page));
    return;
  }
  const values = page.entries.map((entry) => served(resource, entry));
  const metadata = listMetadata(page);
  if (accepted.as === "Table") {
    sendJson(response, 200, tableOf(resource, values, metadata, includeOf(query), options.now()), accepted);
    return;
  }
  const partial = accepted.as === "PartialObjectMetadata";
  sendJson(
    response,
    200,
    {
      kind: partial ? "PartialObjectMetadataList" : `${resource.kind}List`,
      apiVersion: partial ? "meta.k8s.io/v1" : apiVersionOf(resource),
      metadata,
      items: partial ? values.map(partialMetadata) : values,
    },
    accepted,
  );
}

function watch(
  exchange: Exchange,
  resource: Resource,
  filter: Filter,
  accepted: Accepted,
  options: HandlerOptions,
): void {
  const { response, query } = exchange;
  response.writeHead(200, {
    "content-type": accepted.as === "object" ? "application/json" : accepted.type,
    "cache-control": "no-cache, private",
  });
  response.flushHeaders();
  const encode = encoder(resource, accepted, includeOf(query), options.now);
  const sink = {
    write: (bytes: Buffer) => response.write(bytes),
    onDrain: (listener: () => void) => {
      response.on("drain", listener);
    },
    end: () => {
      response.end();
    },
  };
  const started = new Watch(options.cluster, resource, filter, sink, {
    query,
    bookmarkInterval: options.bookmarkInterval,
    encode,
    prepare:
      resource.conversion === null ? null : (entries) => makeShowable(options.cluster.storage, resource, entries),
  });
  options.watches.add(started);
  response.on("close", () => {
    started.stop();
    options.watches.delete(started);
  });
  started.start();
}

const END = Buffer.from("}\n");

/** How a watch shows an object: as it is, from the JSON that all watches share, as a row, or as metadata. */
function encoder(resource: Resource, accepted: Accepted, include: IncludeObject, now: () => number): Encoder {
  if (accepted.as === "object")
    return (type, entry) => [Buffer.from(`{"type":"${type}","object":`), servedJson(resource, entry), END];
  let first = true;
  return (type, entry) => {
    const value = served(resource, entry);
    let shown: JsonObject;
    if (accepted.as === "Table") {
      const metadata = { resourceVersion: text(value, "metadata", "resourceVersion") };
      shown = tableOf(resource, [value], metadata, include, now());
      // The columns are told once.
      if (!first) shown.columnDefinitions = null;
      first = false;
    } else shown = partialMetadata(value);
    return [Buffer.from(`${JSON.stringify({ type, object: shown })}\n`)];
  };
}
