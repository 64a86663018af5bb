import { Agent, request } from "node:https";
import { createInterface } from "node:readline";
import { parse } from "yaml";

/** Just enough of a client to fill a cluster; it shares no code with the program that is measured. */
export interface Api {
  call(
    method: string,
    path: string,
    body?: unknown,
    type?: string,
  ): Promise<{ readonly status: number; readonly body: string }>;
  /** Tells every object that is added or changed, from now on. */
  watch(path: string, seen: (type: string, object: Seen) => void): Promise<void>;
  close(): void;
}

export interface Seen {
  readonly metadata: { readonly name: string };
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly unknown[] } };
}

interface Kubeconfig {
  readonly clusters: readonly {
    readonly cluster: { readonly server: string; readonly "certificate-authority-data"?: string };
  }[];
  readonly users: readonly { readonly user: { readonly token: string } }[];
}

export function connect(kubeconfig: string): Api {
  const config = parse(kubeconfig) as Kubeconfig;
  const cluster = config.clusters[0]?.cluster;
  const token = config.users[0]?.user.token ?? "";
  const ca = Buffer.from(cluster?.["certificate-authority-data"] ?? "", "base64");
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 16,
    ...(ca.length > 0 ? { ca } : { rejectUnauthorized: false }),
  });
  const call: Api["call"] = (method, path, body, type = "application/json") =>
    new Promise((resolve, reject) => {
      const bytes = body === undefined ? undefined : JSON.stringify(body);
      const headers = { authorization: `Bearer ${token}`, "content-type": type, accept: "application/json" };
      const outgoing = request(new URL(path, cluster?.server), { method, agent, headers }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (piece: string) => {
          text += piece;
        });
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body: text }));
      });
      outgoing.on("error", reject).end(bytes);
    });
  const watch: Api["watch"] = async (path, seen) => {
    const { body } = await call("GET", path);
    const { metadata } = JSON.parse(body) as { readonly metadata: { readonly resourceVersion: string } };
    const url = new URL(`${path}?watch=true&resourceVersion=${metadata.resourceVersion}`, cluster?.server);
    return new Promise((resolve, reject) => {
      const outgoing = request(url, { agent, headers: { authorization: `Bearer ${token}` } }, (answer) => {
        resolve();
        // It ends with the agent.
        answer.on("error", () => {});
        const lines = createInterface({ input: answer }).on("error", () => {});
        lines.on("line", (line) => {
          const { type, object } = JSON.parse(line) as { readonly type: string; readonly object: Seen };
          seen(type, object);
        });
      });
      outgoing.on("error", reject).end();
    });
  };
  return { call, watch, close: () => agent.destroy() };
}

const serviceName = (n: number): string => `service-${String(n).padStart(6, "0")}`;

/** The address that the n-th Service holds: one of 10.0.0.0/8, from 10.0.1.0 on. */
const serviceAddress = (n: number): string => {
  const value = n + 256;
  return `10.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
};

const slice = (n: number, ready: boolean): object => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: {
    name: `${serviceName(n)}-x`,
    namespace: "default",
    labels: { "kubernetes.io/service-name": serviceName(n) },
  },
  addressType: "IPv4",
  endpoints: [{ addresses: ["10.244.0.1"], conditions: { ready, serving: ready }, nodeName: "node-1" }],
  ports: [{ port: 8080, protocol: "TCP" }],
});

/** Creates Services that already hold their addresses, with one ready endpoint each, 16 writes at a time. */
export async function fill(api: Api, services: number, say: (line: string) => void): Promise<void> {
  let next = 0;
  const must = async (method: string, path: string, body: unknown): Promise<void> => {
    const { status, body: text } = await api.call(method, path, body);
    if (status >= 300 && status !== 409) throw new Error(`${method} ${path}: ${status} ${text.slice(0, 200)}`);
  };
  const worker = async (): Promise<void> => {
    for (let n = next++; n < services; n = next++) {
      const name = serviceName(n);
      const service = { apiVersion: "v1", kind: "Service", metadata: { name, namespace: "default" } };
      const spec = { type: "LoadBalancer", ports: [{ port: 80 }], allocateLoadBalancerNodePorts: false };
      const status = { loadBalancer: { ingress: [{ ip: serviceAddress(n) }] } };
      await must("POST", "/api/v1/namespaces/default/services", { ...service, spec });
      await must("PUT", `/api/v1/namespaces/default/services/${name}/status`, { ...service, spec, status });
      await must("POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", slice(n, true));
      if ((n + 1) % 1000 === 0) say(`${n + 1} Services made`);
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

/** Makes the only endpoint of the n-th Service ready or not: one change that one route depends on. */
export async function setReady(api: Api, n: number, ready: boolean): Promise<void> {
  const path = `/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/${serviceName(n)}-x`;
  const patch = {
    endpoints: [{ addresses: ["10.244.0.1"], conditions: { ready, serving: ready }, nodeName: "node-1" }],
  };
  const { status, body } = await api.call("PATCH", path, patch, "application/merge-patch+json");
  if (status !== 200) throw new Error(`PATCH ${path}: ${status} ${body.slice(0, 200)}`);
}
