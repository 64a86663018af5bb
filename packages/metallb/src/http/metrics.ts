import { createServer } from "node:https";
import { Counter, type Registry } from "prom-client";
import { err, ok, type Result } from "#net";
import type { Logger } from "#process";
import { readKeyPair, selfSignedKeyPair, watchKeyPair } from "./certificate.ts";
import type { Access, Guard } from "./guard.ts";
import { type Handler, type HttpServer, LIMITS, listen, router, send } from "./server.ts";
import { type TlsSettings, tlsOptions } from "./tls-settings.ts";

export interface MetricsOptions {
  readonly host: string;
  readonly port: number;
  /** Folder with tls.crt and tls.key, re-read when they change; empty: self-signed, in memory. */
  readonly certFolder: string;
  readonly registry: Registry;
  readonly guard: Guard;
  /** Versions, cipher suites and curves that are offered; TLS 1.3 alone unless told. */
  readonly tls?: TlsSettings;
  readonly log: Logger;
}

const REFUSALS: Readonly<Record<Exclude<Access, "allowed">, readonly [number, string]>> = {
  unauthenticated: [401, "Unauthorized\n"],
  forbidden: [403, "Forbidden\n"],
  busy: [429, "too many tokens that were not seen before: try again later\n"],
  unknown: [500, "the Kubernetes API could not check the access\n"],
};

/** HTTPS with /metrics, for callers whose token the Kubernetes API allows to `get` that path. */
export async function startMetricsServer(options: MetricsOptions): Promise<Result<HttpServer>> {
  const { certFolder, registry, guard, log } = options;
  const tls = tlsOptions(options.tls);
  const reads = readCounters(registry);
  const read = () => {
    const pair = readKeyPair(certFolder);
    (pair.ok ? reads.total : reads.errors).inc();
    return pair;
  };
  const pair = certFolder === "" ? ok(selfSignedKeyPair()) : read();
  if (!pair.ok) return pair;
  const metrics: Handler = async (request, response) => {
    const access = await guard(request);
    if (access === "allowed") return send(response, 200, registry.contentType, await registry.metrics());
    const [status, text] = REFUSALS[access];
    if (status === 401) response.setHeader("www-authenticate", "Bearer");
    send(response, status, "text/plain; charset=utf-8", text);
  };
  let server: ReturnType<typeof createServer>;
  try {
    server = createServer(
      { ...LIMITS, handshakeTimeout: LIMITS.headersTimeout, ...pair.value, ...tls },
      router(new Map([["/metrics", metrics]])),
    );
  } catch (error) {
    return err(`the certificate in ${certFolder} (--metrics-cert-dir) cannot be used: ${(error as Error).message}`);
  }
  const listening = await listen(server, options.host, options.port, "--port");
  if (!listening.ok || certFolder === "") return listening;
  const stop = watchKeyPair(certFolder, () => {
    const renewed = read();
    try {
      if (!renewed.ok) throw new Error(renewed.error);
      server.setSecureContext({ ...renewed.value, ...tls });
      log.info("metrics certificate renewed", { op: "metrics" });
    } catch (error) {
      log.warn("the new metrics certificate cannot be used; the old one stays", {
        op: "metrics",
        error: (error as Error).message,
      });
    }
  });
  return ok({
    port: listening.value.port,
    close: () => {
      stop();
      return listening.value.close();
    },
  });
}

/** What controller-runtime's watcher of certificates tells. */
const readCounters = (registry: Registry) => ({
  total: new Counter({
    name: "certwatcher_read_certificate_total",
    help: "Total number of certificate reads",
    registers: [registry],
  }),
  errors: new Counter({
    name: "certwatcher_read_certificate_errors_total",
    help: "Total number of certificate read errors",
    registers: [registry],
  }),
});
