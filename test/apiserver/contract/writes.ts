import { expect, it } from "vitest";
import { APPLY, configMap, custom, JSON_PATCH, MERGE, metadataOf, namesOf, type Requests, STRATEGIC } from "./api.ts";

const DELETION = { apiVersion: "v1", kind: "DeleteOptions" };

/** Creating, changing and deleting: versions, conflicts, subresources, ownership. */
export function writes(api: Requests): void {
  const maps = api.path("configmaps");

  it("refuses what is there already, what is gone, and what changed meanwhile", async () => {
    const made = await api.ok("POST", maps, configMap("versions"));
    const again = await api.send("POST", maps, configMap("versions"));
    expect([again.code, again.body.reason, again.body.message]).toEqual([
      409,
      "AlreadyExists",
      'configmaps "versions" already exists',
    ]);
    await api.ok("PUT", `${maps}/versions`, { ...made, data: { a: "1" } });
    const stale = await api.send("PUT", `${maps}/versions`, { ...made, data: { a: "2" } });
    expect([stale.code, stale.body.reason, stale.body.message]).toEqual([
      409,
      "Conflict",
      'Operation cannot be fulfilled on configmaps "versions": the object has been modified; please apply your changes to the latest version and try again',
    ]);
    const { resourceVersion, uid } = metadataOf(made);
    const patched = await api.send("PATCH", `${maps}/versions`, { metadata: { resourceVersion } }, MERGE);
    expect([patched.code, patched.body.reason]).toEqual([409, "Conflict"]);
    for (const preconditions of [{ resourceVersion }, { uid: "another" }]) {
      const refused = await api.send("DELETE", `${maps}/versions`, { ...DELETION, preconditions });
      expect([refused.code, refused.body.reason]).toEqual([409, "Conflict"]);
    }
    await api.ok("DELETE", `${maps}/versions`, { ...DELETION, preconditions: { uid } });
    for (const method of ["GET", "DELETE"]) expect((await api.send(method, `${maps}/versions`)).code).toBe(404);
    expect((await api.send("PUT", `${maps}/versions`, configMap("versions"))).code).toBe(404);
  });

  it("writes nothing when nothing changes", async () => {
    const made = await api.ok("POST", maps, configMap("same", { a: "1" }));
    const put = await api.ok("PUT", `${maps}/same`, made);
    const patched = await api.ok("PATCH", `${maps}/same`, { data: { a: "1" } }, MERGE);
    expect([metadataOf(put).resourceVersion, metadataOf(patched).resourceVersion]).toEqual([
      metadataOf(made).resourceVersion,
      metadataOf(made).resourceVersion,
    ]);
  });

  it("makes names, and checks them", async () => {
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { generateName: "made-" } };
    expect(metadataOf(await api.ok("POST", maps, body)).name).toMatch(/^made-[a-z0-9]{5}$/);
    const bad = await api.send("POST", maps, configMap("Not_A_Name"));
    expect([bad.code, bad.body.reason]).toEqual([422, "Invalid"]);
    const elsewhere = { ...configMap("else"), metadata: { name: "else", namespace: "other" } };
    expect((await api.send("POST", maps, elsewhere)).code).toBe(400);
    expect((await api.send("POST", "/api/v1/namespaces/nowhere/configmaps", configMap("a"))).code).toBe(404);
  });

  it("tries without doing", async () => {
    const dry = await api.send("POST", `${maps}?dryRun=All`, configMap("dry"));
    expect([dry.code, metadataOf(dry.body).name]).toEqual([201, "dry"]);
    expect((await api.send("GET", `${maps}/dry`)).code).toBe(404);
    const wrong = await api.send("POST", `${maps}?dryRun=Some`, configMap("dry"));
    expect([wrong.code, wrong.body.message]).toEqual([
      422,
      'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"',
    ]);
  });

  it("says which fields it does not know", async () => {
    const unknown = (name: string) => ({ ...configMap(name), spec: {}, größe: 1 });
    const warned = await api.send("POST", `${maps}?fieldValidation=Warn`, unknown("warned"));
    expect(warned.code).toBe(201);
    const warning = Buffer.from(String(warned.headers.warning), "latin1").toString();
    expect(warning).toContain('299 - "unknown field \\"größe\\""');
    expect(warning).toContain('299 - "unknown field \\"spec\\""');
    const strict = await api.send("POST", `${maps}?fieldValidation=Strict`, unknown("strict"));
    expect([strict.code, strict.body.reason]).toEqual([400, "BadRequest"]);
    expect(strict.body.message).toContain('strict decoding error: unknown field "');
    const wrong = await api.send("PUT", `${maps}/warned?fieldValidation=Loud`, unknown("warned"));
    expect([wrong.code, wrong.body.message]).toEqual([
      422,
      'UpdateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Loud": supported values: "", "Ignore", "Strict", "Warn"',
    ]);
  });

  it("patches in four ways, and refuses what does not fit", async () => {
    await api.ok("POST", maps, configMap("patched", { a: "1", b: "1" }));
    const target = `${maps}/patched`;
    const data = async (body: unknown, sending: typeof MERGE) =>
      (await api.ok("PATCH", target, body, sending)).data as object;
    expect(await data({ data: { a: null, c: "1" } }, MERGE)).toEqual({ b: "1", c: "1" });
    expect(await data({ data: { $patch: "replace", d: "1" } }, STRATEGIC)).toEqual({ d: "1" });
    expect(await data([{ op: "copy", from: "/data/d", path: "/data/e" }], JSON_PATCH)).toEqual({ d: "1", e: "1" });
    const failed = await api.send("PATCH", target, [{ op: "test", path: "/data/d", value: "2" }], JSON_PATCH);
    expect([failed.code, failed.body.reason]).toEqual([422, "Invalid"]);
    expect((await api.send("PATCH", target, [{ op: "remove", path: "/data/z" }], JSON_PATCH)).code).toBe(422);
    expect((await api.send("PATCH", target, { data: { a: 1 } }, MERGE)).code).toBe(422);
    expect((await api.send("PATCH", target, {}, { type: "application/json" })).code).toBe(415);
    expect((await api.send("PATCH", `${maps}/nobody`, {}, MERGE)).code).toBe(404);
  });

  it("bounds what a JSON patch copies", async () => {
    await api.ok("POST", maps, configMap("copied", { seed: "x".repeat(1_000) }));
    const copies = Array.from({ length: 22 }, (_, i) => ({ op: "copy", from: "/data", path: `/data/c${i}` }));
    const refused = await api.send("PATCH", `${maps}/copied`, copies, JSON_PATCH);
    expect([refused.code, refused.body.reason]).toEqual([422, "Invalid"]);
  });

  it("keeps status and spec apart, and counts generations of the spec alone", async () => {
    await api.define("writeables", "Writeable", {
      spec: { type: "object", properties: { a: { type: "integer" } } },
      status: { type: "object", properties: { b: { type: "integer" } } },
    });
    const at = api.custom("writeables", "one");
    const made = await api.ok("POST", api.custom("writeables"), {
      ...custom("Writeable", "one", { spec: { a: 1 }, status: { b: 1 } }),
    });
    expect([made.status, metadataOf(made).generation]).toEqual([undefined, 1]);
    const status = await api.ok("PUT", `${at}/status`, { ...made, spec: { a: 9 }, status: { b: 2 } });
    expect([status.spec, status.status, metadataOf(status).generation]).toEqual([{ a: 1 }, { b: 2 }, 1]);
    const labelled = await api.ok("PATCH", at, { metadata: { labels: { x: "y" } }, status: { b: 3 } }, MERGE);
    expect([labelled.status, metadataOf(labelled).generation]).toEqual([{ b: 2 }, 1]);
    const changed = await api.ok("PATCH", at, { spec: { a: 2 } }, MERGE);
    expect([changed.status, metadataOf(changed).generation]).toEqual([{ b: 2 }, 2]);
    const ignored = await api.ok(
      "PATCH",
      `${at}/status`,
      { metadata: { labels: { x: "z" } }, status: { b: 4 } },
      MERGE,
    );
    expect(ignored).toMatchObject({ metadata: { labels: { x: "y" } }, status: { b: 4 } });
    const wrong = await api.send("PATCH", `${at}/status`, { status: { b: "many" } }, MERGE);
    expect([wrong.code, wrong.body.reason]).toEqual([422, "Invalid"]);
  });

  it("waits for finalizers, and takes none on the way out", async () => {
    const held = { ...configMap("held"), metadata: { name: "held", finalizers: ["contract.io/a"] } };
    await api.ok("POST", maps, held);
    const marked = await api.ok("DELETE", `${maps}/held`);
    expect(marked).toMatchObject({ metadata: { deletionTimestamp: expect.any(String) } });
    const more = await api.send("PATCH", `${maps}/held`, { metadata: { finalizers: ["contract.io/b"] } }, MERGE);
    expect([more.code, more.body.reason]).toEqual([422, "Invalid"]);
    expect((await api.send("PATCH", `${maps}/held`, { metadata: { finalizers: null } }, MERGE)).code).toBe(200);
    expect((await api.send("GET", `${maps}/held`)).code).toBe(404);
  });

  it("deletes what is selected", async () => {
    for (const name of ["del-a", "del-b"]) await api.ok("POST", maps, configMap(name, {}, { app: "del" }));
    await api.ok("POST", maps, configMap("del-c", {}, { app: "stays" }));
    await api.ok("DELETE", `${maps}?labelSelector=app%3Ddel`);
    expect(namesOf(await api.ok("GET", `${maps}?labelSelector=app+in+(del,stays)`))).toEqual(["del-c"]);
  });

  it("notes who owns which field", async () => {
    const target = `${maps}/owned`;
    const apply = (manager: string, data: object, more = "") =>
      api.send("PATCH", `${target}?fieldManager=${manager}${more}`, configMap("owned", { ...data }), APPLY);
    await apply("one", { a: "1", b: "1" });
    await api.ok("PATCH", `${target}?fieldManager=three`, { data: { c: "1" } }, MERGE);
    const owners = async () =>
      Object.fromEntries(
        (metadataOf(await api.ok("GET", target)).managedFields ?? []).map(({ manager, operation, fieldsV1 }) => [
          `${manager} ${operation}`,
          Object.keys((fieldsV1 as Record<string, object>)["f:data"] ?? {}),
        ]),
      );
    expect(await owners()).toEqual({ "one Apply": ["f:a", "f:b"], "three Update": ["f:c"] });
    const refused = await apply("two", { a: "2", c: "2" });
    expect([refused.code, refused.body.reason]).toEqual([409, "Conflict"]);
    // In any order: a real API server walks a map.
    const { causes } = refused.body.details as unknown as { readonly causes: readonly { readonly field: string }[] };
    expect(causes.toSorted((a, b) => (a.field < b.field ? -1 : 1))).toMatchObject([
      { reason: "FieldManagerConflict", message: 'conflict with "one"', field: ".data.a" },
      { reason: "FieldManagerConflict", field: ".data.c" },
    ]);
    expect((await apply("two", { a: "2", c: "2" }, "&force=true")).code).toBe(200);
    expect(await owners()).toEqual({ "one Apply": ["f:b"], "two Apply": ["f:a", "f:c"] });
    expect((await apply("one", { a: "2" })).body.data).toEqual({ a: "2", c: "2" });
    expect((await apply("two", {})).body.data).toEqual({ a: "2" });
    const nobody = await api.send("PATCH", target, configMap("owned"), APPLY);
    expect([nobody.code, nobody.body.reason]).toEqual([422, "Invalid"]);
  });

  it("tells the versions of a status's owner", async () => {
    const at = api.custom("writeables", "owned");
    await api.ok("PATCH", `${at}?fieldManager=spec`, custom("Writeable", "owned", { spec: { a: 1 } }), APPLY);
    await api.ok(
      "PATCH",
      `${at}/status?fieldManager=status`,
      custom("Writeable", "owned", { status: { b: 1 } }),
      APPLY,
    );
    const managers = metadataOf(await api.ok("GET", at)).managedFields ?? [];
    expect(managers.map(({ manager, subresource }) => [manager, subresource ?? ""])).toEqual([
      ["spec", ""],
      ["status", "status"],
    ]);
  });
}
