import { startWebhook, type Webhook } from "@metallb-ts/apiserver/testing";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { configMap, MERGE, metadataOf, type Requests } from "./api.ts";

type Answer = Parameters<typeof startWebhook>[1];

const CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1";
const patchOf = (operations: unknown) => Buffer.from(JSON.stringify(operations)).toString("base64");

/** Webhooks that are asked before a write counts. */
export function webhooks(api: Requests): void {
  const maps = api.path("configmaps");
  let hook: Webhook;
  let answer: Answer = () => ({ allowed: true });
  const made: string[] = [];

  beforeAll(async () => {
    hook = await startWebhook(["127.0.0.1"], (request, path) => answer(request, path));
  });
  afterAll(() => hook?.close());
  afterEach(async () => {
    for (const path of made.splice(0)) await api.ok("DELETE", path);
    hook.requests.length = 0;
    answer = () => ({ allowed: true });
  });

  /** Has the webhook asked about ConfigMaps of this namespace, and waits until it is. */
  async function configure(kind: "Validating" | "Mutating", name: string, more: object = {}, path = `/${name}`) {
    const plural = `${kind.toLowerCase()}webhookconfigurations`;
    await api.ok("POST", `${CONFIGURATIONS}/${plural}`, {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: `${kind}WebhookConfiguration`,
      metadata: { name },
      webhooks: [
        {
          name: `${name}.contract.io`,
          admissionReviewVersions: ["v1"],
          sideEffects: "None",
          timeoutSeconds: 5,
          clientConfig: { url: hook.url + path, caBundle: hook.caBundle },
          rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["*"], resources: ["configmaps"] }],
          namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": api.namespace } },
          ...more,
        },
      ],
    });
    made.push(`${CONFIGURATIONS}/${plural}/${name}`);
  }
  /** A real server reads a new configuration a moment later. */
  async function asked(name: string): Promise<void> {
    while (!hook.requests.some(({ path }) => path === `/${name}`)) {
      await api.send("POST", `${maps}?dryRun=All`, configMap("probe", {}, { asked: "yes" }));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    hook.requests.length = 0;
  }

  it("are asked about what is created, changed and deleted, and told what they need", async () => {
    await configure("Validating", "told");
    await asked("told");
    await api.ok("POST", `${maps}?fieldManager=me`, configMap("told", { a: "1" }));
    await api.ok("PATCH", `${maps}/told`, { data: { a: "2" } }, MERGE);
    await api.ok("DELETE", `${maps}/told`);
    const told = hook.requests.map(({ operation, object, oldObject }) => [
      operation,
      (object as { data?: object } | null)?.data ?? null,
      (oldObject as { data?: object } | null)?.data ?? null,
    ]);
    expect(told).toEqual([
      ["CREATE", { a: "1" }, null],
      ["UPDATE", { a: "2" }, { a: "1" }],
      ["DELETE", null, { a: "2" }],
    ]);
    expect(hook.requests[0]).toMatchObject({
      kind: { group: "", version: "v1", kind: "ConfigMap" },
      resource: { group: "", version: "v1", resource: "configmaps" },
      requestResource: { group: "", version: "v1", resource: "configmaps" },
      name: "told",
      namespace: api.namespace,
      dryRun: false,
      userInfo: { username: "admin" },
      object: { apiVersion: "v1", kind: "ConfigMap" },
    });
  });

  it("refuse in their own words", async () => {
    await configure("Validating", "refusing");
    await asked("refusing");
    const refused = async (response: Awaited<ReturnType<Answer>>) => {
      answer = () => ({ allowed: false, ...response });
      const { code, body } = await api.send("POST", maps, configMap("refused"));
      return [code, body.message, body.reason];
    };
    const denied = 'admission webhook "refusing.contract.io" denied the request';
    expect(await refused({ status: { message: "no such pool", code: 403, reason: "Forbidden" } })).toEqual([
      403,
      `${denied}: no such pool`,
      "Forbidden",
    ]);
    expect(await refused({ status: { message: "no" } })).toEqual([400, `${denied}: no`, undefined]);
    expect(await refused({})).toEqual([400, `${denied} without explanation`, undefined]);
    expect((await api.send("GET", `${maps}/refused`)).code).toBe(404);
  });

  it("warn", async () => {
    await configure("Validating", "warning");
    await asked("warning");
    answer = () => ({ allowed: true, warnings: ["mind the gap"] });
    const { code, headers } = await api.send("POST", maps, configMap("warned"));
    expect([code, headers.warning]).toEqual([201, '299 - "mind the gap"']);
  });

  it("change what is written, before it is checked", async () => {
    await configure("Mutating", "changing");
    await asked("changing");
    answer = () => ({
      allowed: true,
      patchType: "JSONPatch",
      patch: patchOf([{ op: "add", path: "/data", value: { made: "by webhook" } }]),
    });
    expect((await api.ok("POST", maps, configMap("changed"))).data).toEqual({ made: "by webhook" });
    const patched = await api.ok("PATCH", `${maps}/changed`, { data: { more: "1" } }, MERGE);
    expect(patched.data).toEqual({ made: "by webhook" });
    answer = () => ({
      allowed: true,
      patchType: "JSONPatch",
      patch: patchOf([{ op: "add", path: "/data", value: { "not a key": "1" } }]),
    });
    const wrong = await api.send("POST", maps, configMap("wrong"));
    expect([wrong.code, wrong.body.reason]).toEqual([422, "Invalid"]);
  });

  it("are asked only about what they select", async () => {
    await configure("Validating", "choosy", {
      objectSelector: { matchLabels: { asked: "yes" } },
      matchConditions: [{ name: "not-exempt", expression: "!object.metadata.name.startsWith('exempt')" }],
    });
    await asked("choosy");
    answer = () => ({ allowed: false });
    expect((await api.send("POST", maps, configMap("unlabelled"))).code).toBe(201);
    expect((await api.send("POST", maps, configMap("exempt", {}, { asked: "yes" }))).code).toBe(201);
    expect((await api.send("POST", maps, configMap("labelled", {}, { asked: "yes" }))).code).toBe(400);
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "s", labels: { asked: "yes" } } };
    expect((await api.send("POST", api.path("secrets"), secret)).code).toBe(201);
  });

  it("that cannot be reached fail the write, or are left out", async () => {
    await configure("Validating", "reached");
    await asked("reached");
    const gone = { url: "https://127.0.0.1:1/gone", caBundle: hook.caBundle };
    await configure("Validating", "gone", { clientConfig: gone, objectSelector: { matchLabels: { gone: "fail" } } });
    const ignored = { failurePolicy: "Ignore", objectSelector: { matchLabels: { gone: "ignore" } } };
    await configure("Validating", "ignored", { clientConfig: gone, ...ignored });
    let failed = await api.send("POST", `${maps}?dryRun=All`, configMap("failed", {}, { gone: "fail" }));
    while (failed.code === 201)
      failed = await api.send("POST", `${maps}?dryRun=All`, configMap("failed", {}, { gone: "fail" }));
    expect([failed.code, failed.body.reason]).toEqual([500, "InternalError"]);
    expect(failed.body.message).toMatch(
      /^Internal error occurred: failed calling webhook "gone\.contract\.io": failed to call webhook: Post "https:\/\/127\.0\.0\.1:1\/gone\?timeout=5s": /,
    );
    expect((await api.send("POST", maps, configMap("left-out", {}, { gone: "ignore" }))).code).toBe(201);
  });

  it("whose certificate nobody vouches for are not believed", async () => {
    await configure("Validating", "strange", { clientConfig: { url: `${hook.url}/strange` } });
    let failed = await api.send("POST", `${maps}?dryRun=All`, configMap("strange"));
    while (failed.code === 201) failed = await api.send("POST", `${maps}?dryRun=All`, configMap("strange"));
    expect(failed.code).toBe(500);
    expect(hook.requests).toEqual([]);
  });

  it("see a write that changed while they thought", async () => {
    await configure("Validating", "slow");
    await asked("slow");
    await api.ok("POST", maps, configMap("slow", { a: "1" }));
    let first = true;
    let between = "once";
    answer = async () => {
      if (first) {
        first = false;
        await api.ok("PATCH", `${maps}/slow`, { data: { b: between } }, MERGE);
      }
      return { allowed: true };
    };
    const patched = await api.ok("PATCH", `${maps}/slow`, { data: { a: "2" } }, MERGE);
    expect(patched.data).toEqual({ a: "2", b: "once" });
    first = true;
    between = "twice";
    const { uid } = metadataOf(patched);
    const stale = await api.send("PUT", `${maps}/slow`, { ...patched, data: { a: "3" } });
    expect([stale.code, metadataOf(await api.ok("GET", `${maps}/slow`)).uid]).toEqual([409, uid]);
  });

  it("are checked when they are configured", async () => {
    const refusals = async (fields: object) => {
      const { code, body } = await api.send("POST", `${CONFIGURATIONS}/validatingwebhookconfigurations`, {
        apiVersion: "admissionregistration.k8s.io/v1",
        kind: "ValidatingWebhookConfiguration",
        metadata: { name: "checked" },
        webhooks: [
          {
            name: "checked.contract.io",
            admissionReviewVersions: ["v1"],
            sideEffects: "None",
            clientConfig: { url: "https://127.0.0.1/x" },
            ...fields,
          },
        ],
      });
      const { causes } = (body.details ?? {}) as { causes?: { field: string }[] };
      return [code, ...(causes ?? []).map(({ field }) => field)];
    };
    expect(await refusals({ name: "checked" })).toEqual([422, "webhooks[0].name"]);
    expect(await refusals({ sideEffects: "Some" })).toEqual([422, "webhooks[0].sideEffects"]);
    expect(await refusals({ clientConfig: {} })).toEqual([422, "webhooks[0].clientConfig"]);
    expect(await refusals({ clientConfig: { url: "http://127.0.0.1/x" } })).toEqual([
      422,
      "webhooks[0].clientConfig.url",
    ]);
    expect(await refusals({ timeoutSeconds: 31 })).toEqual([422, "webhooks[0].timeoutSeconds"]);
  });
}
