import { afterEach, expect, it } from "vitest";
import { ApiError, type KubeClient, type KubeObject, type Resource, type Where } from "#kube";
import { createLogger } from "#process";
import type { WebhookCertificate } from "./webhook-certificate.ts";
import { WebhookCertificates } from "./webhook-certificates.ts";

const running: WebhookCertificates[] = [];
afterEach(() => {
  for (const each of running.splice(0)) each.stop();
});

/** An API of named objects, whose watches say what they are told to; `fail` is asked before each request. */
function make(fail: (verb: string, resource: Resource) => ApiError | null) {
  const objects = new Map<string, KubeObject>();
  const lines: string[] = [];
  const served: WebhookCertificate[] = [];
  const watches = new Map<string, (line: string) => void>();
  /** A watch tells of an object, once it stands. */
  const push = async (plural: string, name: string) => {
    await expect.poll(() => watches.has(plural)).toBe(true);
    watches.get(plural)?.(JSON.stringify({ type: "ADDED", object: { metadata: { name, resourceVersion: "2" } } }));
  };
  const act = (verb: string, resource: Resource, name = "") => {
    const failure = fail(verb, resource);
    if (failure) throw failure;
    return `${resource.plural}/${name}`;
  };
  const client = {
    get: async (resource: Resource, { name }: Where) => {
      const found = objects.get(act("get", resource, name));
      if (!found) throw new ApiError(404, "NotFound", "not found");
      return found;
    },
    create: async (resource: Resource, _: Where, object: KubeObject) => {
      objects.set(act("create", resource, object.metadata?.name), object);
      return object;
    },
    replace: async (resource: Resource, { name }: Where, object: KubeObject) => {
      objects.set(act("replace", resource, name), object);
      return object;
    },
    request: async () => ({ metadata: { resourceVersion: "1" }, items: [] }),
    stream: (path: string, _: unknown, onLine: (line: string) => void, signal: AbortSignal) => {
      watches.set(path.split("/").at(-1) ?? "", onLine);
      return new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    },
  } as unknown as KubeClient;
  const certificates = new WebhookCertificates({
    client,
    namespace: "n",
    secret: "s",
    names: ["w.n.svc"],
    configuration: "c",
    crds: ["peers"],
    onCertificate: (certificate) => served.push(certificate),
    log: createLogger("info", (line) => lines.push(line)),
  });
  running.push(certificates);
  return { objects, lines, served, certificates, push };
}

it("makes a certificate, keeps it in the Secret, and writes its authority where it is trusted", async () => {
  const { objects, served, certificates } = make(() => null);
  objects.set("validatingwebhookconfigurations/c", { webhooks: [{ name: "a", clientConfig: { url: "u" } }] });
  const webhook = { clientConfig: { url: "u" }, conversionReviewVersions: ["v1"] };
  objects.set("customresourcedefinitions/peers", {
    spec: { group: "g", conversion: { strategy: "Webhook", webhook } },
  });
  certificates.start();
  await expect
    .poll(() => JSON.stringify(objects.get("customresourcedefinitions/peers")), { timeout: 10_000 })
    .toContain("caBundle");
  const caBundle = Buffer.from(served[0]?.ca ?? "").toString("base64");
  expect(objects.get("customresourcedefinitions/peers")?.spec).toEqual({
    group: "g",
    conversion: { strategy: "Webhook", webhook: { ...webhook, clientConfig: { url: "u", caBundle } } },
  });
  expect(objects.get("validatingwebhookconfigurations/c")?.webhooks).toEqual([
    { name: "a", clientConfig: { url: "u", caBundle } },
  ]);
  expect(Object.keys(objects.get("secrets/s")?.data ?? {})).toEqual(["ca.crt", "ca.key", "tls.crt", "tls.key"]);
});

it("takes what another replica made a moment before", { timeout: 30_000 }, async () => {
  let first = true;
  const other = make(() => null);
  other.certificates.start();
  await expect.poll(() => other.served.length).toBe(1);
  const { objects, served, certificates } = make((verb) => {
    if (verb !== "create" || !first) return null;
    first = false;
    objects.set("secrets/s", other.objects.get("secrets/s") as KubeObject);
    return new ApiError(409, "AlreadyExists", "already exists");
  });
  certificates.start();
  await expect.poll(() => served.map(({ cert }) => cert), { timeout: 10_000 }).toEqual([other.served[0]?.cert]);
});

it("tells a missing right once, and goes on when it is given", { timeout: 30_000 }, async () => {
  let [forbidden, asked] = [true, 0];
  const { lines, served, certificates } = make((verb, { plural }) => {
    asked++;
    return forbidden ? new ApiError(403, "Forbidden", `may not ${verb} ${plural}`) : null;
  });
  certificates.start();
  await expect.poll(() => asked, { timeout: 10_000 }).toBeGreaterThanOrEqual(2);
  expect(lines.filter((line) => line.includes("may not get secrets"))).toHaveLength(1);
  forbidden = false;
  await expect.poll(() => served.length, { timeout: 10_000 }).toBe(1);
});

it("asks for nothing before the API wants it, although a watch tells of something new", {
  timeout: 30_000,
}, async () => {
  const asked: number[] = [];
  const { objects, served, certificates, push } = make(() => {
    asked.push(performance.now());
    return asked.length === 1 ? new ApiError(429, "TooManyRequests", "busy", 1_500) : null;
  });
  certificates.start();
  await expect.poll(() => asked.length, { timeout: 10_000 }).toBe(1);
  await push("validatingwebhookconfigurations", "c");
  objects.set("validatingwebhookconfigurations/c", { webhooks: [] });
  await expect.poll(() => served.length, { timeout: 10_000 }).toBe(1);
  expect((asked[1] ?? 0) - (asked[0] ?? 0)).toBeGreaterThanOrEqual(1_499);
});
