import type { IncomingMessage, ServerResponse } from "node:http";
import { ApiError, badRequest, methodNotAllowed, notAcceptable, unknownPath } from "../base/errors.ts";
import { isObject, type JsonObject } from "../base/json.ts";
import {
  aggregatedDiscovery,
  apiGroup,
  apiGroupList,
  apiVersions,
  groupsOf,
  REVIEWS,
  resourceList,
} from "../show/discovery.ts";
import { OPENAPI_V2_PROTOBUF, OpenApi, openApiV2Protobuf } from "../show/openapi.ts";
import { authorize, userOf } from "./access.ts";
import { type Exchange, type HandlerOptions, readBody } from "./exchange.ts";
import { authenticate, handleResource } from "./handler.ts";
import type { Identity } from "./identity.ts";
import { negotiate, parseBody } from "./media.ts";
import { connectPod } from "./pod-connect.ts";
import { parsePath } from "./request-info.ts";
import { sendBytes, sendError, sendJson } from "./respond.ts";
import { review } from "./reviews.ts";

const VERSION = {
  major: "1",
  minor: "36",
  gitVersion: "v1.36.0+embedded",
  gitCommit: "",
  gitTreeState: "",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: "",
  compiler: "",
  platform: `${process.platform}/${process.arch}`,
};

/** Answers with the error, and drops the connection where even that fails. */
function refuse(response: ServerResponse, error: unknown): void {
  try {
    const why = error instanceof Error ? error.message : "unknown";
    sendError(
      response,
      error instanceof ApiError ? error : new ApiError(500, "InternalError", `Internal error occurred: ${why}`),
    );
  } catch {
    response.destroy();
  }
}

/** @throws ApiError 400 for what is no path */
function parseUrl(text: string): URL {
  // A path that starts with two slashes would be read as a host.
  const whole = `https://localhost${text.startsWith("/") ? text : "/"}`;
  if (!URL.canParse(whole)) throw badRequest("the request's path cannot be read");
  return new URL(whole);
}

/** Takes requests to what answers them. */
export class Api {
  private readonly identity: Identity;
  private readonly options: HandlerOptions;
  private readonly openApi: OpenApi;

  constructor(identity: Identity, options: HandlerOptions) {
    this.identity = identity;
    this.options = options;
    this.openApi = new OpenApi(options.cluster.registry);
  }

  /** Answers one request; never rejects. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const url = parseUrl(request.url ?? "/");
      await this.route({
        request,
        response,
        method: request.method ?? "GET",
        path: url.pathname,
        query: url.searchParams,
        user: userOf(request.headers),
      });
    } catch (error) {
      if (response.headersSent) response.destroy();
      else refuse(response, error);
    }
  }

  private async route(exchange: Exchange): Promise<void> {
    const { path, response, method } = exchange;
    if (path === "/healthz" || path === "/livez" || path === "/readyz") {
      sendBytes(response, 200, "text/plain; charset=utf-8", Buffer.from("ok"));
      return;
    }
    authenticate(exchange.request, this.identity.token);
    const info = parsePath(path);
    authorize(this.options.cluster.storage, exchange.user, exchange, info);
    if (path.startsWith("/openapi/")) this.describe(exchange);
    else if (path === "/version") sendJson(response, 200, VERSION);
    else if (!(await connectPod(exchange, this.options))) {
      const asked = REVIEWS.find(
        (one) => one.group === info?.group && one.plural === info.plural && info.version === "v1",
      );
      if (asked && method !== "POST") throw methodNotAllowed();
      if (asked) await this.review(exchange, asked);
      else if (info) await handleResource(exchange, info, this.options);
      else this.discover(exchange);
    }
  }

  private async review(
    { request, response, user }: Exchange,
    { kind, group }: (typeof REVIEWS)[number],
  ): Promise<void> {
    const body = parseBody(await readBody(request), request.headers["content-type"] ?? "");
    if (!isObject(body)) throw badRequest("the request's body is not an object");
    const { storage } = this.options.cluster;
    sendJson(response, 201, review(kind, `${group}/v1`, body, { token: this.identity.token, storage, user }));
  }

  private discover({ path, method, request, response }: Exchange): void {
    if (method !== "GET" && method !== "HEAD") throw methodNotAllowed();
    const { registry } = this.options.cluster;
    const accepted = negotiate(request.headers.accept);
    const parts = path.replace(/\/$/, "").split("/").slice(1);
    const [root, group = "", version] = parts;
    let found: JsonObject | null = null;
    const aggregated = /g=apidiscovery\.k8s\.io/.test(accepted.type);
    if (parts.length === 1 && (root === "api" || root === "apis")) {
      if (aggregated)
        found = aggregatedDiscovery(
          registry,
          root === "api",
          `apidiscovery.k8s.io/${/v=([\w]+)/.exec(accepted.type)?.[1] ?? "v2"}`,
        );
      else found = root === "api" ? apiVersions(request.headers.host ?? "") : apiGroupList(registry);
    } else if (root === "api" && parts.length === 2) found = resourceList(registry, "", group);
    else if (root === "apis" && parts.length === 2)
      found = groupsOf(registry).includes(group) ? apiGroup(registry, group) : null;
    else if (root === "apis" && parts.length === 3 && version !== undefined)
      found = resourceList(registry, group, version);
    else if (path === "/")
      found = {
        paths: ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"],
      };
    if (!found) throw unknownPath();
    sendJson(response, 200, found, aggregated ? accepted : { ...accepted, type: "application/json" });
  }

  private describe({ path, request, response }: Exchange): void {
    const accept = request.headers.accept ?? "*/*";
    if (path === "/openapi/v2" && accept.includes(OPENAPI_V2_PROTOBUF)) {
      sendBytes(response, 200, "application/octet-stream", openApiV2Protobuf);
      return;
    }
    if (!/json|\*\/\*/.test(accept)) throw notAcceptable(["application/json"]);
    const bytes =
      path === "/openapi/v3"
        ? this.openApi.index()
        : path === "/openapi/v2"
          ? this.openApi.version2()
          : path.startsWith("/openapi/v3/")
            ? this.openApi.document(path.slice("/openapi/v3/".length))
            : null;
    if (!bytes) throw unknownPath();
    sendBytes(response, 200, "application/json", bytes);
  }
}
