import { open } from "node:fs/promises";
import { request as httpRequest, type ServerResponse } from "node:http";
import { ApiError, badRequest, methodNotAllowed, notFound, unknownPath } from "../base/errors.ts";
import { objectKey } from "../store/storage.ts";
import type { Exchange, HandlerOptions } from "./exchange.ts";
import type { PodBackends } from "./pod-backends.ts";

export type { PodBackends } from "./pod-backends.ts";

const PATH = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/(log|proxy|exec|attach|portforward)(\/.*)?$/;
const TIMEOUT = 30_000;
const PIECE = 64 * 1024;
const FOLLOW_PERIOD = 250;

/** For who serves the API alone. */
const NOTHING: PodBackends = { address: () => null, log: () => null, insteadOfExec: "nothing runs Pods" };

/** Serves the subresources that a kubelet would. False: the path is none of these. @throws ApiError */
export async function connectPod(exchange: Exchange, { cluster, pods }: HandlerOptions): Promise<boolean> {
  const backends = pods ?? NOTHING;
  const [, namespace, target, subresource, rest = ""] = PATH.exec(exchange.path) ?? [];
  if (namespace === undefined || target === undefined) return false;
  const [, name = "", port = ""] = /^(?:https?:)?([^:]+)(?::(\d*))?/.exec(decoded(target)) ?? [];
  const pod = objectKey(decoded(namespace), name);
  if (!cluster.storage.collection("pods").get(pod)) throw notFound({ group: "", kind: "pods", name });
  switch (subresource) {
    case "log":
      await sendLog(exchange, pod, backends);
      return true;
    case "proxy":
      await proxy(exchange, pod, port === "" ? null : Number(port), rest || "/", backends);
      return true;
    default:
      throw badRequest(`pods/${subresource} is not served here: ${backends.insteadOfExec}`);
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw unknownPath();
  }
}

async function proxy(
  { request, response, method, query }: Exchange,
  pod: string,
  port: number | null,
  path: string,
  backends: PodBackends,
): Promise<void> {
  if (method !== "GET" && method !== "HEAD") throw methodNotAllowed();
  const address = backends.address(pod, port);
  if (address === null) throw new ApiError(503, "ServiceUnavailable", `nothing serves port ${port} of Pod ${pod}`);
  const search = query.size === 0 ? "" : `?${query.toString()}`;
  const { accept } = request.headers;
  const headers = { host: `${address.host}:${address.port}`, ...(accept === undefined ? {} : { accept }) };
  await new Promise<void>((resolve, reject) => {
    const asked = httpRequest({ ...address, method, path: path + search, headers, timeout: TIMEOUT }, (answer) => {
      const type = answer.headers["content-type"];
      response.writeHead(answer.statusCode ?? 502, type === undefined ? {} : { "content-type": type });
      answer.pipe(response);
      answer.on("end", resolve);
      answer.on("error", reject);
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer in time")));
    asked.on("error", (error) =>
      reject(new ApiError(503, "ServiceUnavailable", `error trying to reach Pod ${pod}: ${error.message}`)),
    );
    response.on("close", () => asked.destroy());
    asked.end();
  });
}

async function sendLog({ response, method, query }: Exchange, pod: string, backends: PodBackends): Promise<void> {
  if (method !== "GET") throw methodNotAllowed();
  const path = backends.log(pod);
  const file = path === null ? null : await open(path, "r").catch(() => null);
  if (file === null) throw badRequest(`no log of Pod ${pod} is kept: no kubelet runs it`);
  try {
    const tail = query.get("tailLines");
    const text = await file.readFile("utf8");
    const lines = text.split("\n");
    const whole = lines.pop() ?? "";
    const kept = tail !== null && /^\d+$/.test(tail) ? lines.slice(Math.max(0, lines.length - Number(tail))) : lines;
    response.writeHead(200, { "content-type": "text/plain" });
    response.write(kept.map((line) => `${line}\n`).join("") + whole);
    if (query.get("follow") === "true") await followLog(file, Buffer.byteLength(text), response);
    response.end();
  } finally {
    await file.close();
  }
}

/** Goes on until the client leaves. A log that was begun anew is read from its beginning. */
async function followLog(
  file: Awaited<ReturnType<typeof open>>,
  from: number,
  response: ServerResponse,
): Promise<void> {
  let position = from;
  while (!response.destroyed) {
    if ((await file.stat()).size < position) position = 0;
    const { bytesRead, buffer } = await file.read(Buffer.alloc(PIECE), 0, PIECE, position);
    position += bytesRead;
    if (bytesRead > 0) response.write(buffer.subarray(0, bytesRead));
    else await new Promise((resolve) => setTimeout(resolve, FOLLOW_PERIOD));
  }
}
