import { afterAll, beforeAll, describe, expect, it } from "vitest";
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
const map = (name: string) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name } });

describe("a webhook behind a Service", () => {
  it("is found by the Service's endpoints, under the name of the Service", async () => {
    await send(server, "POST", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingWebhookConfiguration",
      metadata: { name: "gate" },
      webhooks: [
        {
          name: "gate.example.io",
          admissionReviewVersions: ["v1"],
          sideEffects: "None",
          clientConfig: {
            service: { namespace: "default", name: "gate", path: "/validate", port: 9443 },
            caBundle: hook.caBundle,
          },
          rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["configmaps"] }],
        },
      ],
    });
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
    await send(server, "POST", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingWebhookConfiguration",
      metadata: { name: "slow" },
      webhooks: [
        {
          name: "slow.example.io",
          admissionReviewVersions: ["v1"],
          sideEffects: "None",
          clientConfig: { url: slow.url, caBundle: slow.caBundle },
          rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["services"] }],
        },
      ],
    });
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
