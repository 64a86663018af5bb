import { mkdirSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { Cluster } from "../cluster/cluster.ts";
import { FileJournal } from "../store/journal.ts";
import { lockFolder } from "../store/lock.ts";
import { Storage } from "../store/storage.ts";
import { Performer } from "../webhooks/perform.ts";
import { kubeconfig, loadIdentity } from "./identity.ts";
import type { PodBackends } from "./pod-connect.ts";
import { Api } from "./routes.ts";
import type { Watch } from "./watch.ts";

export interface ApiServerOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Where objects, CA and token survive restarts; null keeps everything in memory. */
  readonly dataFolder: string | null;
  /** What the kubeconfig calls cluster, user and context; default: embedded. */
  readonly name?: string;
  /** Changes remembered per kind, for watches that come back. */
  readonly historyLimit?: number;
  /** Milliseconds between bookmarks. */
  readonly bookmarkInterval?: number;
  /** What stands behind Pods, for their logs and proxy; default: nothing. */
  readonly pods?: PodBackends;
}

export interface ApiServer {
  readonly url: string;
  readonly caPem: string;
  /** A secret. */
  readonly token: string;
  /** A kubeconfig as YAML, with the token in it. */
  readonly kubeconfig: string;
  /** For what runs beside the server in the same process, such as the EndpointSlice controller. */
  readonly cluster: Cluster;
  close(): Promise<void>;
}

/**
 * Starts a Kubernetes API of its own: HTTPS with its own CA, one bearer token, objects in memory and,
 * with a data folder, on disk. @throws Error when the port is taken or the folder is in use or damaged
 */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { dataFolder } = options;
  if (dataFolder !== null) mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const unlock = dataFolder === null ? () => {} : await lockFolder(dataFolder);
  try {
    const hosts = [...new Set([options.host, "127.0.0.1", "::1", "localhost", "kubernetes.default.svc"])];
    const identity = await loadIdentity(dataFolder, hosts);
    const storage = new Storage(options.historyLimit ?? 20_000);
    const journal = dataFolder === null ? null : new FileJournal(dataFolder, storage);
    const cluster = new Cluster(storage, Date.now);
    const handler = {
      cluster,
      performer: new Performer(cluster),
      now: Date.now,
      bookmarkInterval: options.bookmarkInterval ?? 30_000,
      watches: new Set<Watch>(),
      pods: options.pods ?? null,
    };
    const api = new Api(identity, handler);
    const server = createServer(
      { cert: identity.certPem, key: identity.keyPem },
      (request, response) => void api.serve(request, response),
    );
    server.keepAliveTimeout = 120_000;
    await listen(server, options.host, options.port);
    const { port } = server.address() as AddressInfo;
    cluster.seedService(options.host, port);
    const url = `https://${options.host.includes(":") ? `[${options.host}]` : options.host}:${port}`;
    return {
      url,
      caPem: identity.caPem,
      token: identity.token,
      kubeconfig: kubeconfig(url, identity, options.name ?? "embedded"),
      cluster,
      async close() {
        for (const watch of handler.watches) watch.stop();
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        server.closeAllConnections();
        await closed;
        journal?.close();
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
