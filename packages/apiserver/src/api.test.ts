import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type JsonObject, number, objects, text, texts } from "./base/json.ts";
import { runEndpointSlices } from "./cluster/endpoint-slices.ts";
import { type ApiServer, startApiServer } from "./index.ts";
import { send as ask, watch as open } from "./testing.ts";

let server: ApiServer;
let stopSlices: () => void;

beforeAll(async () => {
  server = await startApiServer({
    host: "127.0.0.1",
    port: 0,
    dataFolder: null,
    historyLimit: 50,
    bookmarkInterval: 50,
  });
  stopSlices = runEndpointSlices(server.cluster);
});

afterAll(async () => {
  stopSlices();
  await server.close();
});

const JSON_TYPE = "application/json";

const send = (method: string, path: string, body: unknown = null, type = JSON_TYPE, token = server.token) =>
  ask(server, method, path, body, { type, token });
const watch = (path: string) => open(server, path);

const MAPS = "/api/v1/namespaces/default/configmaps";
const map = (name: string, data: Record<string, string> = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, labels: { app: name } },
  data,
});
const versionOf = (value: JsonObject) => text(value, "metadata", "resourceVersion");

describe("the embedded API", () => {
  it("lets nobody in without its token", async () => {
    expect((await send("GET", "/api/v1/pods", null, JSON_TYPE, "wrong")).body).toMatchObject({
      reason: "Unauthorized",
      code: 401,
    });
  });

  it("refuses a replace of an older version", async () => {
    const { body } = await send("POST", MAPS, map("stale"));
    await send("PUT", `${MAPS}/stale`, { ...body, data: { a: "1" } });
    const late = await send("PUT", `${MAPS}/stale`, { ...body, data: { a: "2" } });
    expect(late).toMatchObject({ code: 409, body: { reason: "Conflict" } });
    expect(text(late.body, "message")).toContain("the object has been modified");
  });

  it("gives pages of one state, however much changes between them", async () => {
    for (const name of ["p1", "p2", "p3", "p4"]) await send("POST", MAPS, map(name));
    const first = (await send("GET", `${MAPS}?limit=2&labelSelector=app+in+(p1,p2,p3,p4)`)).body;
    await send("DELETE", `${MAPS}/p3`);
    await send("POST", MAPS, map("p5"));
    const token = encodeURIComponent(text(first, "metadata", "continue"));
    const second = (await send("GET", `${MAPS}?limit=2&labelSelector=app+in+(p1,p2,p3,p4)&continue=${token}`)).body;
    const names = [...objects(first, "items"), ...objects(second, "items")].map((item) =>
      text(item, "metadata", "name"),
    );
    expect(names).toEqual(["p1", "p2", "p3", "p4"]);
    for (let i = 0; i < 120; i += 1)
      await send("PATCH", `${MAPS}/p1`, { data: { i: String(i) } }, "application/merge-patch+json");
    expect((await send("GET", `${MAPS}?limit=2&continue=${token}`)).body).toMatchObject({
      code: 410,
      reason: "Expired",
    });
    const old = watch(
      `${MAPS}?watch=1&resourceVersion=${versionOf((await send("GET", "/api/v1/namespaces/default")).body)}`,
    );
    expect(await old.next()).toMatchObject({ type: "ERROR", object: { code: 410, reason: "Expired" } });
    old.close();
  });

  it("watches with a selection, in order, with the end of the first state and bookmarks", async () => {
    await send("POST", MAPS, map("w1"));
    const live = watch(
      `${MAPS}?watch=1&labelSelector=app%3Dw1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
    );
    expect(await live.next()).toMatchObject({ type: "ADDED", object: { metadata: { name: "w1" } } });
    expect(await live.next()).toMatchObject({
      type: "BOOKMARK",
      object: { metadata: { annotations: { "k8s.io/initial-events-end": "true" } } },
    });
    await send("POST", MAPS, map("other"));
    await send("PATCH", `${MAPS}/w1`, { data: { a: "1" } }, "application/merge-patch+json");
    await send("PATCH", `${MAPS}/w1`, { metadata: { labels: { app: "left" } } }, "application/merge-patch+json");
    const seen: string[] = [];
    let bookmarks = 0;
    for (let event = await live.next(); seen.length < 2 || bookmarks === 0; event = await live.next()) {
      if (event.type === "BOOKMARK") bookmarks += 1;
      else seen.push(text(event, "type"));
      if (seen.length === 2 && bookmarks > 0) break;
    }
    expect(seen).toEqual(["MODIFIED", "DELETED"]);
    live.close();
  });

  it("empties a namespace before it goes", async () => {
    await send("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "brief" } });
    await send("POST", "/api/v1/namespaces/brief/configmaps", map("inside"));
    const live = watch(`/api/v1/namespaces?watch=1&fieldSelector=metadata.name%3Dbrief`);
    expect((await live.next()).type).toBe("ADDED");
    expect(text((await send("DELETE", "/api/v1/namespaces/brief")).body, "status", "phase")).toBe("Terminating");
    expect((await live.next()).type).toBe("MODIFIED");
    expect((await live.next()).type).toBe("DELETED");
    live.close();
    expect((await send("GET", "/api/v1/namespaces/brief/configmaps")).body).toMatchObject({ items: [] });
  });

  it("names each conflict of a server-side apply, and removes what its owner gives up", async () => {
    const apply = (manager: string, data: Record<string, string>, force = false) =>
      send(
        "PATCH",
        `${MAPS}/shared?fieldManager=${manager}&force=${String(force)}`,
        { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "shared" }, data },
        "application/apply-patch+yaml",
      );
    expect((await apply("one", { a: "1", b: "1" })).code).toBe(201);
    const refused = await apply("two", { a: "2", c: "2" });
    expect(refused.body).toMatchObject({
      code: 409,
      message: 'Apply failed with 1 conflict: conflict with "one": .data.a',
      details: { causes: [{ reason: "FieldManagerConflict", field: ".data.a" }] },
    });
    expect((await apply("two", { a: "2", c: "2" }, true)).body.data).toEqual({ a: "2", b: "1", c: "2" });
    expect((await apply("one", {})).body.data).toEqual({ a: "2", c: "2" });
  });

  it("makes EndpointSlices that follow Pods", async () => {
    const live = watch(
      "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?watch=1&labelSelector=kubernetes.io/service-name%3Dback",
    );
    await send("POST", "/api/v1/namespaces/default/services", {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "back" },
      spec: { selector: { app: "back" }, ports: [{ port: 80, targetPort: "web" }] },
    });
    expect(objects((await live.next()).object, "endpoints")).toEqual([]);
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "back-1", labels: { app: "back" } },
      spec: { nodeName: "n1", containers: [{ name: "c", image: "i", ports: [{ name: "web", containerPort: 8080 }] }] },
    };
    await send("POST", "/api/v1/namespaces/default/pods", pod);
    const status = {
      phase: "Running",
      podIPs: [{ ip: "10.244.0.5" }],
      conditions: [{ type: "Ready", status: "True" }],
    };
    await send("PATCH", "/api/v1/namespaces/default/pods/back-1/status", { status }, "application/merge-patch+json");
    let slice: JsonObject = {};
    while (objects(slice, "endpoints").length === 0) slice = (await live.next()).object as JsonObject;
    expect(objects(slice, "endpoints")[0]).toMatchObject({
      addresses: ["10.244.0.5"],
      nodeName: "n1",
      conditions: { ready: true, serving: true, terminating: false },
    });
    expect(number(objects(slice, "ports")[0], "port")).toBe(8080);
    expect(texts(slice, "metadata", "labels")).toEqual([]);
    await send("DELETE", "/api/v1/namespaces/default/services/back");
    for (let event = await live.next(); event.type !== "DELETED"; event = await live.next());
    live.close();
  });
});
