/**
 * Lets MetalLB allocate from NetBox: speaks the IPAM interface of docs/ipam.md on one side and NetBox's REST API on the
 * other. It keeps nothing itself, so it may be restarted at any time. Run one of it.
 *
 *   NETBOX_URL         where NetBox is
 *   NETBOX_TOKEN_FILE  file with a token for NetBox
 *   TOKEN_FILE         file with the bearer token that MetalLB shows (--ipam-token-file)
 *   LISTEN             host:port; 127.0.0.1:8080 unless told. Put TLS in front of anything else.
 */
import { timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { Allocations, type Question, Refusal } from "./allocations.ts";
import { Netbox, NetboxError } from "./netbox.ts";

const MAX_BODY = 64 * 1024;
const PATH = /^\/v1\/clusters\/([^/]{1,100})\/allocations(?:\/([^/]{1,100}))?$/;

const env = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
};
const secret = (name: string): string => readFileSync(env(name), "utf8").trim();

const allocations = new Allocations(new Netbox(env("NETBOX_URL"), secret("NETBOX_TOKEN_FILE")));
const expected = Buffer.from(`Bearer ${secret("TOKEN_FILE")}`);
const [host = "127.0.0.1", port = "8080"] = (process.env.LISTEN ?? "127.0.0.1:8080").split(/:(?=\d+$)/);

const server = createServer((request, response) => {
  const reply = ({ status, body }: Answer) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(body === undefined ? "" : JSON.stringify(body));
  };
  void answer(request).catch(failure).then(reply);
});
server.requestTimeout = 10_000;
server.listen(Number(port), host, () => {
  const at = server.address();
  console.log(`listening on ${host}:${typeof at === "object" && at ? at.port : port}`);
});
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => server.close(() => process.exit(0)));

interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

async function answer(request: IncomingMessage): Promise<Answer> {
  const shown = Buffer.from(request.headers.authorization ?? "");
  if (shown.length !== expected.length || !timingSafeEqual(shown, expected))
    return { status: 401, body: { message: "wrong or missing bearer token" } };
  const url = new URL(request.url ?? "/", "http://localhost");
  const [, cluster, address] = PATH.exec(url.pathname) ?? [];
  if (cluster === undefined) return { status: 404, body: { message: "no such path" } };
  if (request.method === "GET" && address === undefined)
    return { status: 200, body: { items: await allocations.list(cluster), continue: "" } };
  if (request.method === "POST" && address === undefined)
    return { status: 200, body: await allocations.allocate(cluster, (await bodyOf(request)) as Question) };
  if (request.method === "DELETE" && address !== undefined) {
    const there = await allocations.release(cluster, decodeURIComponent(address), url.searchParams.get("uid") ?? "");
    return there ? { status: 204 } : { status: 404, body: { message: "no such allocation" } };
  }
  return { status: 405, body: { message: "no such method" } };
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const part of request.setEncoding("utf8") as AsyncIterable<string>) {
    text += part;
    if (text.length > MAX_BODY) throw new Refusal(422, "the body is too long");
  }
  return JSON.parse(text);
}

function failure(error: unknown): Answer {
  if (error instanceof Refusal) return { status: error.status, body: { message: error.message } };
  if (error instanceof NetboxError && error.status === 409)
    return { status: 409, body: { message: "the prefix has no free address" } };
  if (error instanceof SyntaxError) return { status: 400, body: { message: "the body is not JSON" } };
  console.error(error instanceof Error ? error.message : error);
  return { status: 503, body: { message: "NetBox does not answer as it should" } };
}
