import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Duplex } from "node:stream";
import { connect as secure } from "node:tls";
import type { Duration } from "#net";
import { connectThroughSocks } from "./socks.ts";

/** How long a SOCKS proxy may take until it has connected. */
const LIMIT: Duration = 30_000;

type Done = (error: Error | null, socket: Duplex) => void;
interface Wanted {
  readonly host?: string;
  readonly port?: number | string;
}

/** The agent that connects to the API: directly, or through a proxy. */
export function agentFor(isSecure: boolean, proxy: string | null, keepAlive: boolean): HttpAgent | HttpsAgent {
  const Agent = isSecure ? HttpsAgent : HttpAgent;
  if (proxy === null) return new Agent({ keepAlive });
  if (!proxy.startsWith("socks")) return new Agent({ keepAlive, proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } });
  const url = new URL(proxy);
  const agent = new Agent({ keepAlive });
  agent.createConnection = (options: Wanted, done?: Done) => {
    const target = { host: options.host ?? "", port: Number(options.port) };
    connectThroughSocks(url, target, LIMIT).then(
      (socket) => done?.(null, isSecure ? secure({ ...options, port: target.port, socket }) : socket),
      (error: Error) => done?.(error, undefined as never),
    );
    return undefined as never;
  };
  return agent;
}
