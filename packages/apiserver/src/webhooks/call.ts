import { request } from "node:https";
import { get, type Json, type JsonObject, number, objects, text, texts } from "../base/json.ts";
import { MAX_OBJECT } from "../base/limits.ts";
import { objectKey, type Storage } from "../store/storage.ts";

/** Where a webhook listens. */
interface Target {
  readonly host: string;
  readonly port: number;
  /** The name that its certificate has to be for. */
  readonly servername: string;
  readonly path: string;
  /** As errors name it. */
  readonly url: string;
}

/**
 * Sends a review to the webhook of a `clientConfig` and returns what it answers.
 * @throws Error whose message says where it went wrong, as client-go would
 */
export async function callWebhook(
  storage: Storage,
  config: JsonObject,
  review: JsonObject,
  seconds: number,
): Promise<JsonObject> {
  const target = resolve(storage, config, seconds);
  try {
    return await post(target, text(config, "caBundle"), Buffer.from(JSON.stringify(review)), seconds);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`Post ${JSON.stringify(target.url)}: ${why}`);
  }
}

function resolve(storage: Storage, config: JsonObject, seconds: number): Target {
  const timeout = `timeout=${seconds}s`;
  if (typeof config.url === "string") {
    const url = new URL(config.url);
    const query = url.search === "" ? `?${timeout}` : `${url.search}&${timeout}`;
    const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
    return {
      host,
      port: Number(url.port || 443),
      servername: host,
      path: url.pathname + query,
      url: `${url.origin}${url.pathname}${query}`,
    };
  }
  const name = text(config, "service", "name");
  const namespace = text(config, "service", "namespace");
  const port = number(config, "service", "port") ?? 443;
  const servername = `${name}.${namespace}.svc`;
  const path = `${text(config, "service", "path") || "/"}?${timeout}`;
  const endpoint = endpointOf(storage, namespace, name, port);
  return { ...endpoint, servername, path, url: `https://${servername}:${port}${path}` };
}

/** A ready endpoint behind the port of a Service, since nothing here forwards cluster IPs. */
function endpointOf(storage: Storage, namespace: string, name: string, port: number): { host: string; port: number } {
  const service = storage.collection("services").get(objectKey(namespace, name))?.object;
  if (!service) throw new Error(`service ${JSON.stringify(name)} not found`);
  const wanted = objects(service, "spec", "ports").find((one) => number(one, "port") === port);
  if (!wanted) throw new Error(`no service port ${port} found for service ${JSON.stringify(name)}`);
  for (const { key, object } of storage.collection("endpointslices").values()) {
    if (!key.startsWith(`${namespace}/`)) continue;
    if (text(object, "metadata", "labels", "kubernetes.io/service-name") !== name) continue;
    const behind = objects(object, "ports").find((one) => text(one, "name") === text(wanted, "name"));
    const ready = objects(object, "endpoints").find((one) => get(one, "conditions", "ready") !== false);
    const [host] = texts(ready, "addresses");
    const target = number(behind, "port");
    if (host !== undefined && target !== null) return { host, port: target };
  }
  throw new Error(`no endpoints available for service ${JSON.stringify(name)}`);
}

function post(target: Target, caBundle: string, body: Buffer, seconds: number): Promise<JsonObject> {
  return new Promise((settle, reject) => {
    const { host, port, servername, path } = target;
    const headers = { "content-type": "application/json", accept: "application/json", "content-length": body.length };
    const ca = caBundle === "" ? {} : { ca: Buffer.from(caBundle, "base64") };
    const signal = AbortSignal.timeout(seconds * 1000);
    // A server name is a name: for an address the certificate is checked against the address.
    const name = /^[\d.]+$|:/.test(servername) ? {} : { servername };
    const sent = request({ host, port, path, method: "POST", headers, agent: false, signal, ...ca, ...name });
    const fail = (error: Error) =>
      reject(signal.aborted ? new Error("context deadline exceeded (Client.Timeout exceeded)") : error);
    sent.on("error", fail);
    sent.on("response", (response) => {
      const parts: Buffer[] = [];
      let size = 0;
      response.on("error", fail);
      response.on("data", (part: Buffer) => {
        size += part.length;
        if (size > MAX_OBJECT) sent.destroy(new Error(`the answer is larger than ${MAX_OBJECT} bytes`));
        else parts.push(part);
      });
      response.on("end", () => {
        try {
          if ((response.statusCode ?? 0) >= 300)
            throw new Error(`an error on the server (${response.statusCode} ${response.statusMessage ?? ""})`);
          const answer = JSON.parse(Buffer.concat(parts).toString()) as Json;
          if (typeof answer !== "object" || answer === null || Array.isArray(answer))
            throw new Error("the answer is no object");
          settle(answer);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
    sent.end(body);
  });
}
