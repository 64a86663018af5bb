import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { text } from "../base/json.ts";
import { type ApiServer, startApiServer } from "../index.ts";
import { send, startWebhook, type Webhook } from "../testing.ts";

let server: ApiServer;
let hook: Webhook;

beforeAll(async () => {
  server = await startApiServer({ host: "127.0.0.1", port: 0, dataFolder: null });
  hook = await startWebhook(["gate.default.svc"], () => ({ allowed: false, status: { message: "closed" } }));
});
afterAll(async () => {
  await hook.close();
  await server.close();
});

const NAMESPACE = "/api/v1/namespaces/default";
/** Has a webhook asked about new objects of a kind. */
const configure = (name: string, resources: string[], clientConfig: object, operations = ["CREATE"]) =>
  send(server, "POST", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name },
    webhooks: [
      {
        name: `${name}.example.io`,
        admissionReviewVersions: ["v1"],
        sideEffects: "None",
        clientConfig,
        rules: [{ apiGroups: [""], apiVersions: ["v1"], operations, resources }],
      },
    ],
  });
const map = (name: string) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name } });

describe("a webhook behind a Service", () => {
  it("is found by the Service's endpoints, under the name of the Service", async () => {
    const service = { namespace: "default", name: "gate", path: "/validate", port: 9443 };
    await configure("gate", ["configmaps"], { service, caBundle: hook.caBundle });
    const create = async () => (await send(server, "POST", `${NAMESPACE}/configmaps`, map("a"))).body.message;
    const failed = 'Internal error occurred: failed calling webhook "gate.example.io": failed to call webhook: ';
    expect(await create()).toBe(`${failed}service "gate" not found`);
    await send(server, "POST", `${NAMESPACE}/services`, {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "gate" },
      spec: { ports: [{ name: "hook", port: 9443 }] },
    });
    expect(await create()).toBe(`${failed}no endpoints available for service "gate"`);
    await send(server, "POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "gate-1", labels: { "kubernetes.io/service-name": "gate" } },
      addressType: "IPv4",
      endpoints: [{ addresses: ["127.0.0.1"], conditions: { ready: true } }],
      ports: [{ name: "hook", port: hook.port, protocol: "TCP" }],
    });
    expect(await create()).toBe('admission webhook "gate.example.io" denied the request: closed');
    expect(hook.requests.map(({ path }) => path)).toEqual(["/validate"]);
  });

  it("gives no address to two Services, whatever was written while it thought", async () => {
    const slow = await startWebhook(["127.0.0.1"], async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return { allowed: true };
    });
    await configure("slow", ["services"], { url: slow.url, caBundle: slow.caBundle });
    const clusterIP = "10.96.7.7";
    const answers = await Promise.all(
      ["one", "two", "three"].map((name) =>
        send(server, "POST", `${NAMESPACE}/services`, {
          apiVersion: "v1",
          kind: "Service",
          metadata: { name },
          spec: { clusterIP, ports: [{ port: 80 }] },
        }),
      ),
    );
    expect(answers.map(({ code }) => code).sort((a, b) => a - b)).toEqual([201, 422, 422]);
    await slow.close();
  });
});

describe("what a webhook is asked about", () => {
  it("is told as it is when somebody else was faster", async () => {
    const faster = await startWebhook(["127.0.0.1"], async ({ operation, name }) => {
      // The first deletion of the collection takes the second one's object along.
      if (operation === "DELETE" && name === "many-a")
        await send(server, "DELETE", `${NAMESPACE}/secrets/many-b`, { kind: "DeleteOptions", apiVersion: "v1" });
      return { allowed: true };
    });
    for (const name of ["many-a", "many-b", "many-c"])
      await send(server, "POST", `${NAMESPACE}/secrets`, {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name, labels: { many: "yes" } },
      });
    await configure("faster", ["secrets"], { url: faster.url, caBundle: faster.caBundle }, ["DELETE"]);
    const answer = await send(server, "DELETE", `${NAMESPACE}/secrets?labelSelector=many%3Dyes`);
    expect(answer.code).toBe(200);
    expect(faster.requests.map((one) => text(one, "name")).sort()).toEqual(["many-a", "many-b", "many-c"]);
    const left = await send(server, "GET", `${NAMESPACE}/secrets?labelSelector=many%3Dyes`);
    expect(left.body.items).toEqual([]);
    await faster.close();
  });
});
