import type { ServerResponse } from "node:http";
import { stringify } from "yaml";
import type { ApiError } from "../base/errors.ts";
import { type Json, text } from "../base/json.ts";
import { withoutControls } from "../base/texts.ts";
import type { Resource } from "../kinds/resource.ts";
import { served, servedJson } from "../kinds/served.ts";
import { type IncludeObject, partialMetadata, tableOf } from "../show/table.ts";
import type { Entry } from "../store/storage.ts";
import type { Exchange, HandlerOptions } from "./exchange.ts";
import { type Accepted, negotiate } from "./media.ts";

export function sendBytes(response: ServerResponse, code: number, type: string, bytes: Buffer): void {
  response.writeHead(code, {
    "content-type": type,
    "content-length": bytes.length,
    "cache-control": "no-cache, private",
  });
  response.end(bytes);
}

export function sendJson(response: ServerResponse, code: number, value: Json, accepted: Accepted | null = null): void {
  if (accepted?.format === "yaml") sendBytes(response, code, "application/yaml", Buffer.from(stringify(value)));
  else sendBytes(response, code, accepted?.type ?? "application/json", Buffer.from(`${JSON.stringify(value)}\n`));
}

export function sendError(response: ServerResponse, error: ApiError): void {
  const retry = error.details.retryAfterSeconds;
  if (typeof retry === "number") response.setHeader("retry-after", retry);
  sendJson(response, error.code, error.status());
}

/** In characters: texts for people that no client is made to choke on, as the real API has them. */
const MAX_WARNING = 256;
const MAX_WARNINGS = 4 * 1024;

/** Adds a Warning header. It is bytes in UTF-8 there; what would break the header is left out. */
export function warn(response: ServerResponse, message: string): void {
  const before = response.getHeader("warning");
  const lines = Array.isArray(before) ? before : before === undefined ? [] : [String(before)];
  const shown = Array.from(withoutControls(message)).slice(0, MAX_WARNING).join("");
  const line = Buffer.from(`299 - "${shown.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`).toString("latin1");
  if (lines.includes(line) || lines.join("").length + line.length > MAX_WARNINGS) return;
  response.setHeader("warning", [...lines, line]);
}

export const includeOf = (query: URLSearchParams): IncludeObject => {
  const asked = query.get("includeObject");
  return asked === "None" || asked === "Object" ? asked : "Metadata";
};

export function sendEntry(
  exchange: Exchange,
  code: number,
  resource: Resource,
  entry: Entry,
  options: HandlerOptions,
): void {
  const accepted = negotiate(exchange.request.headers.accept);
  if (accepted.as === "object" && accepted.format === "json") {
    sendBytes(
      exchange.response,
      code,
      "application/json",
      Buffer.concat([servedJson(resource, entry), Buffer.from("\n")]),
    );
    return;
  }
  const value = served(resource, entry);
  if (accepted.as === "Table") {
    const metadata = { resourceVersion: text(value, "metadata", "resourceVersion") };
    sendJson(
      exchange.response,
      code,
      tableOf(resource, [value], metadata, includeOf(exchange.query), options.now()),
      accepted,
    );
  } else sendJson(exchange.response, code, accepted.as === "object" ? value : partialMetadata(value), accepted);
}
