import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectFile } from "../support/programs.ts";

/** As on the machine of somebody who has never heard of this repository: its own Node, and an empty folder. */
const env: NodeJS.ProcessEnv = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_|^NODE_OPTIONS$|^VITEST/.test(name))),
  PATH: (process.env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => !folder.includes("node_modules"))
    .join(delimiter),
};
const run = (cwd: string, program: string, ...args: readonly string[]): string =>
  execFileSync(program, args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

/** What a stranger may do with it, told in lines. */
const PROGRAM = `
import { createServer } from "node:http";
import { request } from "node:https";
import { runEndpointSlices, startApiServer } from "@metallb-ts/apiserver";

const web = createServer((_, response) => response.end("hello from a Pod"));
await new Promise((resolve) => web.listen(0, "127.0.0.1", resolve));
const pods = { address: () => ({ host: "127.0.0.1", port: web.address().port }), log: () => null, insteadOfExec: "" };
const api = await startApiServer({ host: "127.0.0.1", port: 0, dataFolder: null, pods });
const stop = runEndpointSlices(api.cluster);
const ask = (method, path, body) =>
  new Promise((resolve, reject) => {
    const headers = { authorization: "Bearer " + api.token, "content-type": "application/json" };
    const sent = request(api.url + path, { method, headers, ca: api.caPem }, (response) => {
      let text = "";
      response.on("data", (part) => (text += part));
      response.on("end", () => resolve([response.statusCode, text]));
    });
    sent.on("error", reject);
    sent.end(body && JSON.stringify(body));
  });
const tell = async (...request) => {
  const [code, text] = await ask(...request);
  console.log(code, text.startsWith("{") ? JSON.parse(text).kind : text.trim());
};
const spec = {
  type: "object",
  "x-kubernetes-validations": [{ rule: "self.a.matches('^[a-z]+$')" }],
  properties: { a: { type: "string", pattern: "^.+$" } },
};
await tell("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "things.example.io" },
  spec: {
    group: "example.io",
    scope: "Namespaced",
    names: { plural: "things", kind: "Thing" },
    versions: [
      { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object", properties: { spec } } } },
    ],
  },
});
const things = "/apis/example.io/v1/namespaces/default/things";
const thing = (name, a) => ({ apiVersion: "example.io/v1", kind: "Thing", metadata: { name }, spec: { a } });
await tell("POST", things, thing("right", "a"));
await tell("POST", things, thing("wrong", "A"));
await tell("GET", things);
await tell("POST", "/api/v1/namespaces/default/services", {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web" },
  spec: { type: "LoadBalancer", selector: { app: "web" }, ports: [{ port: 80 }] },
});
await tell("POST", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", {
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingWebhookConfiguration",
  metadata: { name: "gate" },
  webhooks: [
    {
      name: "gate.example.io",
      admissionReviewVersions: ["v1"],
      sideEffects: "None",
      clientConfig: { url: "https://127.0.0.1:1/" },
      rules: [{ apiGroups: ["example.io"], apiVersions: ["v1"], operations: ["*"], resources: ["things"] }],
    },
  ],
});
await tell("POST", things, thing("gated", "a"));
await tell("GET", "/openapi/v3/apis/example.io/v1");
await tell("POST", "/api/v1/namespaces/default/pods", {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p" },
  spec: { containers: [{ name: "c", image: "i" }] },
});
await tell("GET", "/api/v1/namespaces/default/pods/p:80/proxy/");
await tell("GET", "/readyz");
web.close();
stop();
await api.close();
`;

describe("the embedded API, installed alone into an empty folder", () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "apiserver-package-"));
    const workspace = ["-w", "packages/apiserver"];
    run(projectFile("."), "npm", "pack", ...workspace, "--pack-destination", folder);
    const [tarball = ""] = readdirSync(folder).filter((file) => file.endsWith(".tgz"));
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
    run(folder, "npm", "install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", `./${tarball}`);
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("brings nothing of the product that it was made for", () => {
    const installed = readdirSync(join(folder, "node_modules"));
    expect(installed.filter((name) => /metallb$|koffi|esbuild|preact|hono/.test(name))).toEqual([]);
  });

  it("serves on the machine's own Node", () => {
    writeFileSync(join(folder, "program.js"), PROGRAM);
    expect(run(folder, "node", "program.js").trim().split("\n")).toEqual([
      "201 CustomResourceDefinition",
      "201 Thing",
      "422 Status",
      "200 ThingList",
      "201 Service",
      "201 ValidatingWebhookConfiguration",
      "500 Status",
      "200 undefined",
      "201 Pod",
      "200 hello from a Pod",
      "200 ok",
    ]);
  });
});
