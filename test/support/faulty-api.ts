import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer, request, type Server as SecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";

export interface Asked {
  readonly method: string;
  /** With its query. */
  readonly url: string;
  /** Of what is asked: `services`, `ipaddresspools`, … */
  readonly isServiceWrite: boolean;
  readonly isServiceWatch: boolean;
  /** The bearer token that came with it. */
  readonly token: string;
}

/** PEM texts. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface Fault {
  /** Answered instead of the API. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The API hears of it when this resolves. */
  readonly before?: Promise<unknown>;
  /** The API has answered and the asker hears of it when this resolves. */
  readonly after?: () => Promise<unknown>;
  /** The connection breaks instead of an answer, without (`unheard`) or after the API heard of it. */
  readonly breaks?: "unheard" | "heard";
  /** What becomes of a line of a watch. */
  readonly lines?: (line: string) => readonly string[] | Promise<readonly string[]>;
}

/**
 * An API at its worst, in front of one that is well: between a process and the API it answers itself, holds,
 * breaks, and changes what a watch tells.
 */
export class FaultyApi {
  /** Asked of each request; null: it is let pass. */
  rule: (asked: Asked) => Fault | null = () => null;
  readonly url: string;
  private readonly server: Server | SecureServer;

  private constructor(url: string, server: Server | SecureServer) {
    this.url = url;
    this.server = server;
  }

  /** @param pair what it proves itself with; plain HTTP without */
  static async open(upstream: string, token: string, pair?: Pair): Promise<FaultyApi> {
    const server = pair === undefined ? createServer() : createSecureServer(pair);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const scheme = pair === undefined ? "http" : "https";
    const api = new FaultyApi(`${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`, server);
    server.on("request", (asking: IncomingMessage, response: ServerResponse) => {
      api.pass(asking, response, new URL(upstream), token).catch(() => response.destroy());
    });
    return api;
  }

  /** From now on it proves itself with another certificate, to all who come again. */
  become(pair: Pair): void {
    (this.server as SecureServer).setSecureContext(pair);
    this.cut();
  }

  /** Ends every connection, so that nothing arrives yet of who is gone; those who live come again. */
  cut(): void {
    this.server.closeAllConnections();
  }

  close(): Promise<unknown> {
    this.cut();
    return new Promise((resolve) => this.server.close(resolve));
  }

  private async pass(asking: IncomingMessage, response: ServerResponse, upstream: URL, token: string): Promise<void> {
    const { method = "GET", url = "/" } = asking;
    const path = url.split("?", 1)[0] as string;
    const fault = this.rule({
      method,
      url,
      isServiceWrite: method === "PUT" && /\/services\/[^/]+\/status$/.test(path),
      isServiceWatch: url.includes("watch=true") && path === "/api/v1/services",
      token: (asking.headers.authorization ?? "").replace(/^Bearer /, ""),
    });
    const body: Buffer[] = [];
    for await (const part of asking as AsyncIterable<Buffer>) body.push(part);
    if (fault?.breaks === "unheard") return void response.destroy();
    if (fault?.status !== undefined) {
      const { status, headers = {} } = fault;
      response.writeHead(status, { "content-type": "application/json", ...headers });
      return void response.end(JSON.stringify({ kind: "Status", status: "Failure", code: status, message: "planted" }));
    }
    await fault?.before;
    const answer = await forward(upstream, token, asking, Buffer.concat(body));
    if (fault?.breaks === "heard") return void response.destroy();
    await fault?.after?.();
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    response.flushHeaders();
    response.once("close", () => answer.destroy());
    if (!fault?.lines) return void answer.pipe(response);
    for await (const line of createInterface({ input: answer }))
      for (const told of await fault.lines(line)) response.write(`${told}\n`);
    response.end();
  }
}

function forward(upstream: URL, token: string, asking: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
  const { host: _, connection: __, authorization: ___, ...headers } = asking.headers;
  return new Promise((resolve, reject) => {
    request(
      {
        hostname: upstream.hostname,
        port: upstream.port,
        path: asking.url,
        method: asking.method,
        rejectUnauthorized: false,
        agent: false,
        headers: { ...headers, authorization: `Bearer ${token}` },
      },
      resolve,
    )
      .once("error", reject)
      .end(body);
  });
}
