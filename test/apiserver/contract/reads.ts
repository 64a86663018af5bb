import { expect, it } from "vitest";
import { configMap, MERGE, METADATA, METADATA_LIST, metadataOf, namesOf, type Requests, TABLE } from "./api.ts";

/** Lists, watches and the forms that they come in. */
export function reads(api: Requests): void {
  const maps = api.path("configmaps");
  const make = (name: string, app = name) => api.ok("POST", maps, configMap(name, { a: "1" }, { app }));

  it("lists in the order of names, page by page, as of one revision", async () => {
    for (const name of ["list-c", "list-a", "list-d", "list-b"]) await make(name, "list");
    const selected = `${maps}?labelSelector=app%3Dlist`;
    expect(namesOf(await api.ok("GET", selected))).toEqual(["list-a", "list-b", "list-c", "list-d"]);
    const first = await api.ok("GET", `${selected}&limit=3`);
    const { continue: token, resourceVersion } = first.metadata as { continue: string; resourceVersion: string };
    await api.ok("DELETE", `${maps}/list-d`);
    await make("list-e", "list");
    const second = await api.ok("GET", `${selected}&limit=3&continue=${encodeURIComponent(token)}`);
    expect([namesOf(first), namesOf(second)]).toEqual([["list-a", "list-b", "list-c"], ["list-d"]]);
    expect(second.metadata).toEqual({ resourceVersion });
    const broken = await api.send("GET", `${maps}?limit=1&continue=nonsense`);
    expect([broken.code, broken.body.reason]).toEqual([400, "BadRequest"]);
  });

  it("tells how many remain where nothing is selected", async () => {
    const page = await api.ok("GET", "/api/v1/namespaces?limit=1");
    const all = await api.ok("GET", "/api/v1/namespaces");
    expect(page.metadata).toMatchObject({ remainingItemCount: namesOf(all).length - 1 });
  });

  it("selects by labels and by fields", async () => {
    await make("select-a", "one");
    await make("select-b", "two");
    const of = async (query: string) => namesOf(await api.ok("GET", `${maps}?${query}`));
    expect(await of("labelSelector=app+in+(one,two)")).toEqual(["select-a", "select-b"]);
    expect(await of("labelSelector=app+in+(one,two),app!%3Done")).toEqual(["select-b"]);
    expect(await of("fieldSelector=metadata.name%3Dselect-a")).toEqual(["select-a"]);
    expect(await of("labelSelector=constructor")).toEqual([]);
    const unknown = await api.send("GET", `${maps}?fieldSelector=data.a%3D1`);
    expect([unknown.code, unknown.body.message]).toEqual([
      400,
      '"data.a" is not a known field selector: only "metadata.name", "metadata.namespace"',
    ]);
    expect((await api.send("GET", `${maps}?labelSelector=a=b=c`)).code).toBe(400);
  });

  it("tells a watch what happens, in order, from the version of a list on", async () => {
    const { resourceVersion } = metadataOf(await api.ok("GET", maps));
    await make("watch-a");
    await api.ok("PATCH", `${maps}/watch-a`, { data: { a: "2" } }, MERGE);
    await make("watch-b");
    await api.ok("DELETE", `${maps}/watch-a`);
    const open = api.watch(`${maps}?watch=1&resourceVersion=${resourceVersion}`);
    const seen: [unknown, string, unknown][] = [];
    const versions: number[] = [];
    while (seen.length < 4) {
      const { type, object } = await open.next();
      seen.push([type, metadataOf(object).name, (object as { data: unknown }).data]);
      versions.push(Number(metadataOf(object).resourceVersion));
    }
    open.close();
    expect(seen).toEqual([
      ["ADDED", "watch-a", { a: "1" }],
      ["MODIFIED", "watch-a", { a: "2" }],
      ["ADDED", "watch-b", { a: "1" }],
      ["DELETED", "watch-a", { a: "2" }],
    ]);
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
    expect(new Set(versions).size).toBe(4);
  });

  it("starts a watch with what is there, and says where that ends", async () => {
    await make("begin-a", "begin");
    const query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    const open = api.watch(`${maps}?${query}&labelSelector=app%3Dbegin`);
    expect(await open.next()).toMatchObject({ type: "ADDED", object: { metadata: { name: "begin-a" } } });
    const { type, object } = await open.next();
    expect([type, (object as { metadata: { annotations: unknown } }).metadata.annotations]).toEqual([
      "BOOKMARK",
      { "k8s.io/initial-events-end": "true" },
    ]);
    expect(Number(metadataOf(object).resourceVersion)).toBeGreaterThan(0);
    expect(object).toMatchObject({ kind: "ConfigMap", apiVersion: "v1" });
    open.close();
    const loose = await api.send("GET", `${maps}?watch=1&sendInitialEvents=true`);
    expect([loose.code, loose.body.reason]).toEqual([422, "Invalid"]);
  });

  it("says before a quiet watch ends where it was, when others of the kind changed, so that the next goes on from there", async () => {
    const { resourceVersion } = metadataOf(await api.ok("GET", maps));
    const query = `watch=1&allowWatchBookmarks=true&resourceVersion=${resourceVersion}&timeoutSeconds=6`;
    const open = api.watch(`${maps}?${query}&labelSelector=app%3Dquiet`);
    await make("not-quiet", "loud");
    const { type, object } = await open.next();
    expect([type, object]).toMatchObject(["BOOKMARK", { kind: "ConfigMap" }]);
    expect(Number(metadataOf(object).resourceVersion)).toBeGreaterThan(Number(resourceVersion));
  });

  it("tells a watch when an object enters its selection and leaves it", async () => {
    await make("enter", "outside");
    const { resourceVersion } = metadataOf(await api.ok("GET", maps));
    const open = api.watch(`${maps}?watch=1&resourceVersion=${resourceVersion}&labelSelector=app%3Dinside`);
    const relabel = (app: string) => api.ok("PATCH", `${maps}/enter`, { metadata: { labels: { app } } }, MERGE);
    for (const app of ["inside", "inside2", "inside"]) await relabel(app);
    await api.ok("DELETE", `${maps}/enter`);
    const seen = [];
    while (seen.length < 4) seen.push((await open.next()).type);
    open.close();
    expect(seen).toEqual(["ADDED", "DELETED", "ADDED", "DELETED"]);
  });

  it("never answers for a version that is still to come", async () => {
    const future = "999999999";
    const listed = await api.send("GET", `${maps}?resourceVersion=${future}&resourceVersionMatch=NotOlderThan`);
    expect([listed.code, listed.body.reason]).toEqual([504, "Timeout"]);
    expect(JSON.stringify(listed.body)).toContain("ResourceVersionTooLarge");
    expect((await api.send("GET", `${maps}?resourceVersion=abc`)).code).toBe(400);
    expect((await api.send("GET", `${maps}?resourceVersion=1&resourceVersionMatch=Sideways`)).code).toBe(422);
  });

  it("gives metadata alone, of one, of a list and of a watch", async () => {
    await make("meta", "meta");
    const shape = { apiVersion: "meta.k8s.io/v1", kind: "PartialObjectMetadata" };
    const one = await api.ok("GET", `${maps}/meta`, null, { accept: METADATA });
    expect(Object.keys(one).sort()).toEqual(["apiVersion", "kind", "metadata"]);
    expect(one).toMatchObject({ ...shape, metadata: { name: "meta", labels: { app: "meta" } } });
    const list = await api.ok("GET", `${maps}?labelSelector=app%3Dmeta`, null, { accept: METADATA_LIST });
    expect(list).toMatchObject({ apiVersion: "meta.k8s.io/v1", kind: "PartialObjectMetadataList" });
    const [item] = list.items as object[];
    expect(item).toMatchObject({ ...shape, metadata: { name: "meta" } });
    expect(item).not.toHaveProperty("data");
    expect(metadataOf(list).resourceVersion).toMatch(/^\d+$/);
    const query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    const open = api.watch(`${maps}?${query}&labelSelector=app%3Dmeta`, METADATA);
    expect(await open.next()).toMatchObject({ type: "ADDED", object: { ...shape, metadata: { name: "meta" } } });
    expect(await open.next()).toMatchObject({ type: "BOOKMARK", object: shape });
    open.close();
    // Each accepts only what it can give.
    expect((await api.send("GET", `${maps}/meta`, null, { accept: METADATA_LIST })).code).toBe(406);
    expect((await api.send("GET", maps, null, { accept: METADATA })).code).toBe(406);
    expect((await api.send("GET", maps, null, { accept: `${METADATA_LIST},application/json` })).code).toBe(200);
  });

  it("gives tables, with what was asked for in each row", async () => {
    await make("table", "table");
    const query = "labelSelector=app%3Dtable";
    const table = async (more = "") =>
      (await api.ok("GET", `${maps}?${query}${more}`, null, { accept: TABLE })) as {
        kind: string;
        columnDefinitions: { name: string; type: string }[];
        rows: { cells: unknown[]; object?: { kind: string } }[];
      };
    const { kind, columnDefinitions, rows } = await table();
    expect([kind, columnDefinitions.map(({ name }) => name)]).toEqual(["Table", ["Name", "Data", "Age"]]);
    expect(rows[0]?.cells.slice(0, 2)).toEqual(["table", 1]);
    expect(rows[0]?.object?.kind).toBe("PartialObjectMetadata");
    expect((await table("&includeObject=Object")).rows[0]?.object?.kind).toBe("ConfigMap");
    expect((await table("&includeObject=None")).rows[0]?.object ?? null).toBeNull();
    const open = api.watch(`${maps}?watch=1&${query}&resourceVersion=0`, TABLE);
    expect(await open.next()).toMatchObject({ type: "ADDED", object: { kind: "Table", rows: [{}] } });
    open.close();
  });
}
