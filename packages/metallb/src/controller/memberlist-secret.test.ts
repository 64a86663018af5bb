import { describe, expect, it } from "vitest";
import { ApiError, type KubeObject } from "#kube";
import type { Logger } from "#process";
import { ensureMemberlistSecret } from "./memberlist-secret.ts";

const notFound = () => new ApiError(404, "NotFound", "not found");

function setUp(objects: Readonly<Record<string, KubeObject>>, answers: (Error | null)[] = []) {
  const created: KubeObject[] = [];
  const warnings: string[] = [];
  const client = {
    async get(_: unknown, { name = "" }: { readonly name?: string }) {
      const object = objects[name];
      if (object === undefined) throw notFound();
      return object;
    },
    async create(_: unknown, __: unknown, object: KubeObject) {
      const answer = answers.shift() ?? null;
      if (answer !== null) throw answer;
      created.push(object);
      return object;
    },
  };
  const log = { info() {}, warn: (text: string) => void warnings.push(text) } as unknown as Logger;
  const ensure = (more: Partial<Parameters<typeof ensureMemberlistSecret>[0]> = {}) =>
    ensureMemberlistSecret({
      client: client as never,
      namespace: "metallb-system",
      name: "memberlist",
      deployment: "controller",
      log,
      signal: new AbortController().signal,
      pauses: { first: 1, max: 1 },
      ...more,
    });
  return { created, warnings, ensure };
}

const deployment = { metadata: { name: "controller", uid: "u-1" } } as KubeObject;

describe("the memberlist Secret", () => {
  it("is made with 22 characters of a key, owned by the Deployment", async () => {
    const { created, ensure } = setUp({ controller: deployment });
    await ensure();
    const [secret] = created as (KubeObject & { readonly stringData: { readonly secretkey: string } })[];
    expect(secret?.stringData.secretkey).toMatch(/^[A-Za-z0-9+/]{22}$/);
    expect(secret?.metadata?.ownerReferences).toEqual([
      { apiVersion: "apps/v1", kind: "Deployment", name: "controller", uid: "u-1" },
    ]);
  });

  it("has another key each time", async () => {
    const { created, ensure } = setUp({ controller: deployment });
    await ensure();
    await ensure();
    expect(new Set(created.map((secret) => JSON.stringify(secret))).size).toBe(2);
  });

  it("is left as it is when there is one", async () => {
    const { created, ensure } = setUp({ memberlist: {} as KubeObject, controller: deployment });
    await ensure();
    expect(created).toEqual([]);
  });

  it("is made without an owner when the Deployment is unknown", async () => {
    const { created, ensure } = setUp({});
    await ensure();
    expect(created[0]?.metadata?.ownerReferences).toBeUndefined();
  });

  it("is tried again after an error, which is told once", async () => {
    const down = () => new ApiError(503, "", "API is down");
    const { created, warnings, ensure } = setUp({ controller: deployment }, [down(), down(), null]);
    await ensure();
    expect(created).toHaveLength(1);
    expect(warnings).toHaveLength(1);
  });

  it("is not asked for again before the API wants it", async () => {
    const busy = new ApiError(429, "TooManyRequests", "busy", 150);
    const { created, ensure } = setUp({ controller: deployment }, [busy, null]);
    const began = performance.now();
    await ensure();
    expect(performance.now() - began).toBeGreaterThanOrEqual(149);
    expect(created).toHaveLength(1);
  });

  it("is somebody else's when another replica was quicker", async () => {
    const { created, warnings, ensure } = setUp({}, [new ApiError(409, "AlreadyExists", "exists")]);
    await ensure();
    expect(created).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it("is not asked for without a name", async () => {
    const { created, ensure } = setUp({});
    await ensure({ name: "" });
    expect(created).toEqual([]);
  });
});
