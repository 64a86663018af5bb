import type { IncomingHttpHeaders } from "node:http";
import { request } from "node:https";
import type { JsonObject } from "./base/json.ts";
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
}

/** One request to the API. A body that is no string is sent as JSON. */
export function send(
  to: Endpoint,
  method: string,
  path: string,
  body: unknown = null,
  { type = "application/json", accept = "application/json", token = to.token }: Sending = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const bytes = body === null ? null : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
    // Node leaves the length out of a DELETE, and the body with it.
    const length = bytes === null ? {} : { "content-length": bytes.length };
    const headers = { authorization: `Bearer ${token}`, "content-type": type, accept, ...length };
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
