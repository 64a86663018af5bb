import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type JsonObject, list, object, objects, text } from "./base/json.ts";
import { type ApiServer, startApiServer } from "./index.ts";
import { type Sending, send } from "./testing.ts";

/** What one client may send must not cost the others anything: not the process, not the event loop, not the list. */

let server: ApiServer;
const ask = (method: string, path: string, body: unknown = null, sending: Sending = {}) =>
  send(server, method, path, body, sending);

beforeAll(async () => {
  server = await startApiServer({ host: "127.0.0.1", port: 0, dataFolder: null });
});
afterAll(() => server.close());

const MAPS = "/api/v1/namespaces/default/configmaps";
const MERGE: Sending = { type: "application/merge-patch+json" };
const JSON_PATCH: Sending = { type: "application/json-patch+json" };
const APPLY: Sending = { type: "application/apply-patch+yaml" };
const map = (name: string, data: JsonObject = {}): JsonObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  data,
});

/**
 * A busy machine may stand still for a second or two. What is tested here holds the event loop for
 * a fraction of one, and for half a minute and more where it is done without care.
 */
const HELD = 6_000;

/** Runs the work and returns how long the event loop stood still at most, in milliseconds. */
async function longestStall(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 5);
  try {
    await work();
    await new Promise((resolve) => setTimeout(resolve, 10));
  } finally {
    clearInterval(timer);
  }
  return longest;
}

async function define(plural: string, kind: string, schema: JsonObject): Promise<JsonObject> {
  const answer = await ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.test.io` },
    spec: {
      group: "test.io",
      scope: "Namespaced",
      names: { plural, kind },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", properties: { spec: schema } } },
        },
      ],
    },
  });
  return answer.body;
}
const things = (plural: string) => `/apis/test.io/v1/namespaces/default/${plural}`;
const thing = (kind: string, name: string, spec: unknown) => ({
  apiVersion: "test.io/v1",
  kind,
  metadata: { name },
  spec,
});

describe("a patch", { timeout: 20_000 }, () => {
  it("copies no more than a body may hold", async () => {
    await ask("POST", MAPS, map("doubled", { seed: "x".repeat(1000) }));
    const copies = Array.from({ length: 22 }, (_, i) => ({ op: "copy", from: "/data", path: `/data/copy${i}` }));
    const refused = await ask("PATCH", `${MAPS}/doubled`, copies, JSON_PATCH);
    expect(refused.code).toBe(422);
    expect(refused.text.length).toBeLessThan(2_000);
    expect(object((await ask("GET", `${MAPS}/doubled`)).body, "data")).toEqual({ seed: "x".repeat(1000) });
  });

  it("never makes an object that is larger than a body may be", async () => {
    await ask("POST", MAPS, map("grown", { a: "x".repeat(1_000_000) }));
    expect((await ask("PATCH", `${MAPS}/grown`, { data: { b: "x".repeat(1_000_000) } }, MERGE)).code).toBe(200);
    expect((await ask("PATCH", `${MAPS}/grown`, { data: { c: "x".repeat(2_000_000) } }, MERGE)).code).toBe(413);
    expect(Object.keys(object((await ask("GET", `${MAPS}/grown`)).body, "data"))).toEqual(["a", "b"]);
  });

  it("is refused in few words, however large it is", async () => {
    await ask("POST", MAPS, map("terse"));
    const refused = await ask("PATCH", `${MAPS}/terse`, { data: { a: ["x".repeat(1_000_000)] } }, MERGE);
    expect(refused.code).toBe(422);
    expect(refused.text.length).toBeLessThan(64 * 1024);
  });

  it("follows RFC 6902", async () => {
    await ask("POST", MAPS, {
      ...map("rfc", { a: "1", e: "3" }),
      metadata: { name: "rfc", annotations: { "x.io/c": "2" } },
    });
    const patched = await ask(
      "PATCH",
      `${MAPS}/rfc`,
      [
        { op: "test", path: "/data/a", value: "1" },
        { op: "replace", path: "/data/a", value: "9" },
        { op: "remove", path: "/metadata/annotations/x.io~1c" },
        { op: "move", from: "/data/e", path: "/data/f" },
        { op: "copy", from: "/data/f", path: "/data/g" },
        { op: "add", path: "/metadata/finalizers", value: ["a.io/x", "a.io/z"] },
        { op: "add", path: "/metadata/finalizers/1", value: "a.io/y" },
        { op: "add", path: "/metadata/finalizers/-", value: "a.io/end" },
      ],
      JSON_PATCH,
    );
    expect(patched.body.data).toEqual({ a: "9", f: "3", g: "3" });
    expect(object(patched.body, "metadata").annotations).toBeUndefined();
    expect(list(patched.body, "metadata", "finalizers")).toEqual(["a.io/x", "a.io/y", "a.io/z", "a.io/end"]);
    for (const bad of [
      [{ op: "test", path: "/data/a", value: "1" }],
      [{ op: "remove", path: "/data/none" }],
      [{ op: "replace", path: "/data/none", value: "1" }],
      [{ op: "add", path: "/none/below", value: "1" }],
      [{ op: "copy", from: "/data/constructor", path: "/data/h" }],
      [{ op: "add", path: "/metadata/finalizers/9", value: "a.io/w" }],
    ])
      expect((await ask("PATCH", `${MAPS}/rfc`, bad, JSON_PATCH)).code).toBe(422);
    for (const wrong of [{}, [{ op: "jump", path: "/data" }], [{ op: "add", path: "data", value: 1 }], [null]])
      expect((await ask("PATCH", `${MAPS}/rfc`, wrong, JSON_PATCH)).code).toBe(400);
  });

  it("merges long lists without comparing all with all", async () => {
    await ask("POST", "/api/v1/namespaces/default/pods", {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "long", finalizers: ["a.io/keep"] },
      spec: { containers: [{ name: "c", image: "i" }] },
    });
    const finalizers = Array.from({ length: 60_000 }, (_, i) => `a.io/f${i}`);
    const stall = await longestStall(() =>
      ask(
        "PATCH",
        "/api/v1/namespaces/default/pods/long",
        { metadata: { finalizers } },
        {
          type: "application/strategic-merge-patch+json",
        },
      ),
    );
    expect(stall).toBeLessThan(HELD);
  });
});

describe("the event loop", { timeout: 20_000 }, () => {
  const manyKeys = (count: number) => Array.from({ length: count }, (_, i) => `  key${i}: "${i}"`).join("\n");

  it("is not held by a server-side apply of many keys, as YAML or as JSON", async () => {
    const yaml = `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: wide\ndata:\n${manyKeys(20_000)}\n`;
    let code = 0;
    const stall = await longestStall(async () => {
      code = (await ask("PATCH", `${MAPS}/wide?fieldManager=me`, yaml, APPLY)).code;
    });
    expect(code).toBe(201);
    // A third of a second on an idle machine; 16 seconds when every key is compared with every other.
    expect(stall).toBeLessThan(HELD);
    const data = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`key${i}`, "j"]));
    const json = await longestStall(async () => {
      code = (await ask("PATCH", `${MAPS}/wide?fieldManager=me`, map("wide", data), APPLY)).code;
    });
    expect(code).toBe(200);
    expect(json).toBeLessThan(HELD);
  });

  it("still refuses a key that YAML names twice", async () => {
    const twice = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: twice}\ndata:\n  a: '1'\n  a: '2'\n";
    const refused = await ask("PATCH", `${MAPS}/twice?fieldManager=me`, twice, APPLY);
    expect(refused.code).toBe(400);
    expect(text(refused.body, "message")).toContain('"a"');
  });

  it("is not held by a pattern that backtracks", async () => {
    await define("slows", "Slow", { type: "object", properties: { a: { type: "string", pattern: "^(a+)+$" } } });
    const stall = await longestStall(async () => {
      const refused = await ask("POST", things("slows"), thing("Slow", "x", { a: `${"a".repeat(50_000)}!` }));
      expect(refused.code).toBe(422);
      expect(refused.text.length).toBeLessThan(16 * 1024);
    });
    expect(stall).toBeLessThan(HELD);
  });

  it("is not held by a rule that matches or counts without end", async () => {
    await define("rules", "Rule", {
      type: "object",
      properties: {
        a: { type: "string", "x-kubernetes-validations": [{ rule: "self.matches('^(a+)+$')" }] },
        b: {
          type: "array",
          items: { type: "integer" },
          "x-kubernetes-validations": [{ rule: "self.all(x, self.all(y, self.all(z, x + y + z >= 0)))" }],
        },
        c: {
          type: "string",
          "x-kubernetes-validations": [
            { rule: "[self].map(a, a + a).map(a, a + a).map(a, a + a).all(a, a.split('').all(b, b != 'y'))" },
          ],
        },
      },
    });
    const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
    const stall = await longestStall(async () => {
      const refused = await ask("POST", things("rules"), thing("Rule", "a", { a: `${"a".repeat(50_000)}!` }));
      expect(refused.code).toBe(422);
      const counted = await ask("POST", things("rules"), thing("Rule", "b", { b: numbers(400) }));
      expect(text(counted.body, "message")).toContain("running out of cost budget");
      const joined = await ask("POST", things("rules"), thing("Rule", "c", { c: "x".repeat(1_000_000) }));
      expect(text(joined.body, "message")).toContain("running out of cost budget");
    });
    expect(stall).toBeLessThan(HELD);
    expect((await ask("POST", things("rules"), thing("Rule", "few", { a: "aaa", b: numbers(30), c: "x" }))).code).toBe(
      201,
    );
  });

  it("refuses a pattern that is none when the definition comes", async () => {
    const refused = await define("brokens", "Broken", { type: "string", pattern: "(" });
    expect(refused).toMatchObject({ code: 422 });
    expect(text(refused, "message")).toContain("must be a valid regular expression");
  });

  it("reads a selector of many terms at once", async () => {
    const selector = Array.from({ length: 3_000 }, (_, i) => `a${i}`).join(",");
    expect(await longestStall(() => ask("GET", `${MAPS}?labelSelector=${selector}`))).toBeLessThan(HELD);
  });
});

describe("depth", { timeout: 20_000 }, () => {
  const nested = (depth: number, inner = "1") => `${'{"a":'.repeat(depth)}${inner}${"}".repeat(depth)}`;
  const free = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

  it("is bounded, with a refusal", async () => {
    await define("deeps", "Deep", free);
    const body = (spec: string) =>
      `{"apiVersion":"test.io/v1","kind":"Deep","metadata":{"name":"deep"},"spec":${spec}}`;
    for (const depth of [2_000, 100_000]) {
      expect((await ask("POST", things("deeps"), body(nested(depth)))).code).toBe(400);
      expect((await ask("PATCH", `${things("deeps")}/deep?fieldManager=me`, body(nested(depth)), APPLY)).code).toBe(
        400,
      );
      const list = `${"[".repeat(depth)}${"]".repeat(depth)}`;
      expect((await ask("PATCH", `${things("deeps")}/deep?fieldManager=me`, `a: ${list}`, APPLY)).code).toBe(400);
    }
  });

  it("that was accepted can be listed, watched and patched", async () => {
    const spec = JSON.parse(nested(200)) as JsonObject;
    expect((await ask("POST", things("deeps"), thing("Deep", "kept", spec))).code).toBe(201);
    expect(objects((await ask("GET", things("deeps"))).body, "items")).toHaveLength(1);
    expect((await ask("PATCH", `${things("deeps")}/kept`, { spec: { b: 1 } }, MERGE)).code).toBe(200);
    const grow = [{ op: "copy", from: "/spec", path: `/spec${"/a".repeat(200)}` }];
    expect((await ask("PATCH", `${things("deeps")}/kept`, grow, JSON_PATCH)).code).toBe(400);
    expect((await ask("GET", `${things("deeps")}/kept`)).code).toBe(200);
  });
});

describe("names that JavaScript has already", () => {
  const NAMES = ["constructor", "toString", "__proto__", "hasOwnProperty"];

  it("are keys like any other", async () => {
    const data = `{${NAMES.map((name) => `"${name}":"1"`).join(",")}}`;
    const body = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"names"},"data":${data}}`;
    const made = await ask("PATCH", `${MAPS}/names?fieldManager=one`, body, APPLY);
    expect(made.code).toBe(201);
    expect(Object.keys(object(made.body, "data")).sort()).toEqual([...NAMES].sort());
    for (const [type, patch] of [
      ["application/merge-patch+json", `{"data":${data.replaceAll('"1"', '"2"')}}`],
      ["application/strategic-merge-patch+json", `{"data":${data.replaceAll('"1"', '"3"')}}`],
    ] as const) {
      const patched = await ask("PATCH", `${MAPS}/names?fieldManager=two`, patch, { type });
      expect(patched.code).toBe(200);
      expect(Object.keys(object(patched.body, "data")).sort()).toEqual([...NAMES].sort());
    }
    await ask("PATCH", `${MAPS}/names?fieldManager=two`, { data: { __other: "1", __proto__x: null } }, MERGE);
    const gone = await ask("PATCH", `${MAPS}/names?fieldManager=two`, `{"data":{"__proto__":null}}`, MERGE);
    expect(Object.keys(object(gone.body, "data"))).not.toContain("__proto__");
    expect(({} as JsonObject)["1"]).toBeUndefined();
  });

  it("are not there where nobody wrote them", async () => {
    await ask("POST", MAPS, { ...map("plain"), metadata: { name: "plain", labels: { plain: "yes" } } });
    for (const name of ["constructor", "toString", "valueOf"]) {
      const found = await ask("GET", `${MAPS}?labelSelector=plain,${name}`);
      expect(objects(found.body, "items")).toEqual([]);
    }
    await define("needs", "Need", {
      type: "object",
      required: ["constructor"],
      properties: { constructor: { type: "string" }, valueOf: { type: "string", default: "d" } },
    });
    expect((await ask("POST", things("needs"), thing("Need", "a", {}))).code).toBe(422);
    const given = await ask("POST", things("needs"), thing("Need", "b", { constructor: "me" }));
    expect(given.body.spec).toEqual({ constructor: "me", valueOf: "d" });
  });

  it("are no formats and no types", async () => {
    await define("formats", "Format", {
      type: "object",
      properties: { a: { type: "string", format: "__proto__" }, b: { type: "string", format: "constructor" } },
    });
    expect((await ask("POST", things("formats"), thing("Format", "a", { a: "x", b: "y" }))).code).toBe(201);
  });
});

describe("warnings", () => {
  it("say what they are about in any letters", async () => {
    const answer = await ask("POST", `${MAPS}?fieldValidation=Warn`, { ...map("letters"), größe: 1, 大きさ: 2 });
    expect(answer.code).toBe(201);
    const warning = Buffer.from(String(answer.headers.warning), "latin1").toString();
    expect(warning).toContain('unknown field \\"größe\\"');
    expect(warning).toContain("大きさ");
  });

  it("are few, however many fields are unknown", async () => {
    const unknown = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`unknown${i}`, i]));
    const answer = await ask("POST", `${MAPS}?fieldValidation=Warn`, { ...map("many"), ...unknown });
    expect(answer.code).toBe(201);
    expect(String(answer.headers.warning).length).toBeLessThan(8 * 1024);
    const strict = await ask("POST", `${MAPS}?fieldValidation=Strict`, { ...map("strict"), ...unknown });
    expect(strict.code).toBe(400);
    expect(strict.text.length).toBeLessThan(16 * 1024);
    const control = await ask("POST", MAPS, { ...map("control"), "a\r\nset-cookie: b": 1 });
    expect(control.code).toBe(201);
    expect(control.headers["set-cookie"]).toBeUndefined();
  });
});

describe("what is shown", () => {
  it("holds no character that a terminal would obey", async () => {
    await define("shows", "Show", { type: "object", properties: { a: { type: "string" } } });
    await ask("POST", "/api/v1/namespaces/default/services", {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "esc" },
      spec: { ports: [{ port: 80 }], selector: { app: "a" } },
    });
    await ask("POST", "/api/v1/namespaces/default/events", {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: "esc" },
      involvedObject: { kind: "Pod", name: "p", namespace: "default" },
      reason: "\u001b[31mRed",
      message: "one \u009b2J\u0007 two\nthree",
      type: "Normal",
    });
    const accept = "application/json;as=Table;g=meta.k8s.io;v=v1";
    const table = await ask("GET", "/api/v1/namespaces/default/events?includeObject=None", null, { accept });
    const cells = objects(table.body, "rows").map((row) => JSON.stringify(list(row, "cells")));
    expect(cells.join()).toContain("^[[31mRed");
    expect(cells.join()).toContain("one \\\\u009b2J^G two...");
    expect(cells.join()).not.toMatch(/\p{Cc}/u);
  });
});

describe("a request", () => {
  it("that is no request gets an answer", async () => {
    for (const path of [
      "//",
      "/%",
      "/api/v1/namespaces/%ff/pods",
      "/apis/a/b/c/d/e/f/g/h",
      "/api/v1/namespaces/a/pods/%ff/log",
    ]) {
      const { code } = await ask("GET", path);
      expect([path, code >= 400 && code < 500]).toEqual([path, true]);
    }
  });

  it("for what a kubelet would serve is told that there is none", async () => {
    const pods = "/api/v1/namespaces/default/pods";
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p" },
      spec: { containers: [{ name: "c", image: "i" }] },
    };
    await ask("POST", pods, pod);
    expect(text((await ask("GET", `${pods}/nobody/log`)).body, "message")).toBe('pods "nobody" not found');
    expect(text((await ask("GET", `${pods}/p/log`)).body, "message")).toContain("no kubelet runs it");
    const exec = await ask("POST", `${pods}/p/exec?command=ls&stdout=true`);
    expect([exec.code, text(exec.body, "message")]).toEqual([400, "pods/exec is not served here: nothing runs Pods"]);
  });

  it("with HEAD never holds a watch open", async () => {
    expect((await ask("HEAD", `${MAPS}?watch=1`)).code).toBe(200);
  });
});
