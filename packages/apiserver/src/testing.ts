import type { IncomingHttpHeaders } from "node:http";
import { createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import type { JsonObject } from "./base/json.ts";
import { loadIdentity } from "./http/identity.ts";
import type { ApiServer } from "./index.ts";

/** What a test sees of an API: enough of it to talk to a real one too. */
export type Endpoint = Pick<ApiServer, "url" | "caPem" | "token">;

export interface Answer {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: JsonObject;
}

export interface Sending {
  readonly type?: string;
  readonly accept?: string;
  readonly token?: string;
  /** Whom to act as: `Impersonate-User`. */
  readonly as?: string;
}

/** One request to the API. A body that is no string is sent as JSON. */
export function send(
  to: Endpoint,
  method: string,
  path: string,
  body: unknown = null,
  { type = "application/json", accept = "application/json", token = to.token, as = "" }: Sending = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const bytes = body === null ? null : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
    // Node leaves the length out of a DELETE, and the body with it.
    const length = bytes === null ? {} : { "content-length": bytes.length };
    const headers = {
      authorization: `Bearer ${token}`,
      "content-type": type,
      accept,
      ...length,
      ...(as === "" ? {} : { "impersonate-user": as }),
    };
    const sent = request(`${to.url}${path}`, { method, ca: to.caPem, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(parts).toString();
        const body = (text.startsWith("{") ? JSON.parse(text) : {}) as JsonObject;
        resolve({ code: response.statusCode ?? 0, headers: response.headers, text, body });
      });
    });
    sent.on("error", reject);
    sent.end(bytes ?? undefined);
  });
}

/** An open watch; `next` gives its events one by one. */
export interface OpenWatch {
  next(): Promise<JsonObject>;
  close(): void;
}

export function watch(on: Endpoint, path: string, accept = "application/json"): OpenWatch {
  const events: JsonObject[] = [];
  let wake: () => void = () => {};
  let rest = "";
  const headers = { authorization: `Bearer ${on.token}`, accept };
  const sent = request(`${on.url}${path}`, { ca: on.caPem, headers }, (response) =>
    response.on("data", (part) => {
      const lines = (rest + String(part)).split("\n");
      rest = lines.pop() ?? "";
      events.push(...lines.map((line) => JSON.parse(line) as JsonObject));
      wake();
    }),
  );
  sent.on("error", () => {});
  sent.end();
  return {
    async next() {
      for (;;) {
        const event = events.shift();
        if (event) return event;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    close: () => sent.destroy(),
  };
}

/** A webhook that the test answers for, over TLS with a CA of its own. */
export interface Webhook {
  readonly url: string;
  readonly port: number;
  /** The CA as a `caBundle` has it. */
  readonly caBundle: string;
  /** The `request` of every review that came, with its path. */
  readonly requests: (JsonObject & { readonly path: string })[];
  close(): Promise<void>;
}

/** @param answer makes the `response` of a review; its uid is filled in */
export async function startWebhook(
  hosts: readonly string[],
  answer: (request: JsonObject, path: string) => JsonObject | Promise<JsonObject>,
): Promise<Webhook> {
  const { caPem, certPem, keyPem } = await loadIdentity(null, hosts);
  const requests: Webhook["requests"] = [];
  const server = createServer({ cert: certPem, key: keyPem }, (asked, response) => {
    const parts: Buffer[] = [];
    asked.on("data", (part: Buffer) => parts.push(part));
    asked.on("end", () => {
      const path = (asked.url ?? "").split("?")[0] ?? "";
      const { request, ...review } = JSON.parse(Buffer.concat(parts).toString()) as { request: JsonObject };
      requests.push({ ...request, path });
      void Promise.resolve(answer(request, path)).then((made) => {
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ ...review, response: { uid: request.uid, ...made } }));
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    port,
    caBundle: Buffer.from(caPem).toString("base64"),
    requests,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
