import { X509Certificate } from "node:crypto";
import { request } from "node:https";
import { afterEach, describe, expect, it } from "vitest";
import { err, ok } from "#net";
import { createLogger } from "#process";
import { type AdmissionRequest, admit, convertReview, startWebhookServer, type Verdict } from "./index.ts";
import { fromSecret, isDue, makeWebhookCertificate, toSecret } from "./webhook-certificate.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const DAY = 24 * 3600 * 1000;
const NAMES = ["metallb-webhook-service.metallb-system.svc", "127.0.0.1"];

const review = (request: object) => ({
  apiVersion: "admission.k8s.io/v1",
  kind: "AdmissionReview",
  request: { uid: "u", operation: "CREATE", namespace: "n", name: "a", object: { spec: {} }, ...request },
});

describe("admission", () => {
  const answer = async (verdict: Verdict, request: object = {}) =>
    ((await admit(review(request), async () => verdict)) as { response: unknown } | null)?.response;

  it("answers what the judge says", async () => {
    expect(await answer({ kind: "allowed" })).toEqual({ uid: "u", allowed: true });
    expect(await answer({ kind: "allowed", warnings: ["w".repeat(300)] })).toEqual({
      uid: "u",
      allowed: true,
      warnings: ["w".repeat(256)],
    });
    expect(await answer({ kind: "denied", message: "no" })).toEqual({
      uid: "u",
      allowed: false,
      status: { code: 403, reason: "Forbidden", message: "no" },
    });
    expect(await answer({ kind: "unreadable", message: "no" })).toMatchObject({
      allowed: false,
      status: { code: 400, reason: "BadRequest", message: "no" },
    });
    expect(await answer({ kind: "denied", message: "x".repeat(250_000) })).toMatchObject({
      status: { message: "x".repeat(4096) },
    });
  });

  it("hands on what is asked, and asks nothing of what it does not know", async () => {
    const asked: AdmissionRequest[] = [];
    const judge = async (request: AdmissionRequest): Promise<Verdict> => {
      asked.push(request);
      throw new Error("the API is away");
    };
    const old = { spec: { a: 1 } };
    expect(await admit(review({ operation: "UPDATE", oldObject: old }), judge)).toMatchObject({
      response: { allowed: false, status: { code: 500, message: "the API is away" } },
    });
    expect(asked).toEqual([{ operation: "UPDATE", namespace: "n", name: "a", object: { spec: {} }, oldObject: old }]);
    expect(await admit(review({ operation: "CONNECT" }), judge)).toMatchObject({ response: { allowed: true } });
    for (const body of [
      null,
      [],
      "x",
      {},
      review({ uid: 5 }),
      { ...review({}), apiVersion: "admission.k8s.io/v1beta1" },
    ])
      expect(await admit(body, judge)).toBeNull();
    expect(asked).toHaveLength(1);
  });
});

describe("conversion", () => {
  const ask = (objects: unknown, apiVersion = "apiextensions.k8s.io/v1") => ({
    apiVersion,
    kind: "ConversionReview",
    request: { uid: "u", desiredAPIVersion: "metallb.io/v1beta2", objects },
  });
  const convert = (object: unknown, apiVersion: string) =>
    object === "bad" ? err("cannot convert") : ok({ object, apiVersion });

  it("converts all, in the version of the review that was asked in", () => {
    for (const version of ["apiextensions.k8s.io/v1", "apiextensions.k8s.io/v1beta1"])
      expect(convertReview(ask(["a", "b"], version), convert)).toEqual({
        apiVersion: version,
        kind: "ConversionReview",
        response: {
          uid: "u",
          convertedObjects: ["a", "b"].map((object) => ({ object, apiVersion: "metallb.io/v1beta2" })),
          result: { status: "Success" },
        },
      });
  });

  it("converts none where one cannot be, and answers nothing to what is no review", () => {
    expect(convertReview(ask(["a", "bad"]), convert)).toMatchObject({
      response: { convertedObjects: [], result: { status: "Failed", message: "cannot convert" } },
    });
    for (const body of [null, {}, ask("x"), ask([], "v1"), { ...ask([]), request: null }])
      expect(convertReview(body, convert)).toBeNull();
  });
});

describe("the webhook's certificate", () => {
  it("is signed by an authority of its own, for its names, and survives the Secret", async () => {
    const now = Date.UTC(2026, 0, 1);
    const made = await makeWebhookCertificate(NAMES, now);
    const [ca, leaf] = [new X509Certificate(made.ca), new X509Certificate(made.cert)];
    expect([ca.ca, leaf.verify(ca.publicKey), leaf.checkHost(NAMES[0] ?? "")]).toEqual([true, true, NAMES[0]]);
    expect(fromSecret(toSecret(made))).toEqual(made);
    expect(isDue(made, NAMES, now)).toBe(false);
    expect(isDue(made, NAMES, now + 3559 * DAY)).toBe(false);
    expect(isDue(made, NAMES, now + 3561 * DAY)).toBe(true);
    expect(isDue(made, ["other.metallb-system.svc"], now)).toBe(true);
    const other = await makeWebhookCertificate(NAMES, now);
    expect(isDue({ ...made, ca: other.ca }, NAMES, now)).toBe(true);
  });

  it.each([
    null,
    {},
    { "tls.crt": "eA==" },
    Object.fromEntries(["ca.crt", "ca.key", "tls.crt", "tls.key"].map((key) => [key, "eA=="])),
  ])("is nothing where the Secret holds %j", (data) => {
    expect(fromSecret(data)).toBeNull();
  });
});

describe("the webhook server", () => {
  function post(port: number, ca: string, path: string, body: string, method = "POST") {
    return new Promise<{ status: number; text: string }>((resolve, reject) => {
      const call = request({ host: "127.0.0.1", port, path, method, ca, agent: false }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => {
          text += part;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      });
      call.on("error", reject).end(body);
    });
  }

  it.each([false, true])(
    "answers reviews and nothing else, and takes a new certificate without a restart (HTTP/2: %s)",
    async (http2) => {
      const [first, second] = [
        await makeWebhookCertificate(NAMES, Date.now()),
        await makeWebhookCertificate(NAMES, Date.now()),
      ];
      const started = await startWebhookServer({
        host: "127.0.0.1",
        port: 0,
        certificate: first,
        http2,
        judges: { "/validate": async ({ name }) => ({ kind: "denied", message: `not ${name}` }) },
        convert: (object) => ok(object),
        log: createLogger("none"),
      });
      if (!started.ok) throw new Error(started.error);
      const server = started.value;
      closers.push(() => server.close());
      const ask = (path: string, body: string, method?: string) => post(server.port, first.ca, path, body, method);
      const denied = await ask("/validate", JSON.stringify(review({})));
      expect([denied.status, JSON.parse(denied.text)]).toEqual([
        200,
        expect.objectContaining({ kind: "AdmissionReview" }),
      ]);
      expect(denied.text).toContain("not a");
      const statuses = [
        await ask("/other", "{}"),
        await ask("/constructor", "{}"),
        await ask("/validate", "", "GET"),
        await ask("/validate", "{"),
        await ask("/validate", "{}"),
        await ask("/convert", JSON.stringify(review({}))),
      ].map(({ status }) => status);
      expect(statuses).toEqual([404, 404, 405, 400, 400, 400]);
      await expect(ask("/validate", "x".repeat(9_000_000))).resolves.toMatchObject({ status: 413 });
      server.renew(second);
      await expect(ask("/validate", "{}")).rejects.toThrow();
      expect((await post(server.port, second.ca, "/validate", "{}")).status).toBe(400);
      server.renew({ cert: "x", key: "y" });
      expect((await post(server.port, second.ca, "/validate", "{}")).status).toBe(400);
    },
  );
});
