import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { startApiServer } from "@metallb-ts/apiserver";
import { createClient, type KubeObject, loadCluster, RESOURCES } from "metallb/kube";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defineResources } from "../support/api.ts";
import { metallbObject, NAMESPACE } from "../support/objects.ts";
import { eventually, HERE, projectFile, startProgram } from "../support/programs.ts";

/** As on the machine of somebody who installs the packages: its own Node, and nothing of this repository. */
const foreign: NodeJS.ProcessEnv = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_|^NODE_OPTIONS$|^VITEST/.test(name))),
  PATH: (process.env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => !folder.includes("node_modules"))
    .join(delimiter),
};

const run = (cwd: string, program: string, ...args: readonly string[]): string =>
  execFileSync(program, args, { cwd, env: foreign, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

describe("the packages, installed into an empty folder", () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "metallb-packages-"));
    const tarballs = ["metallb", "apiserver", "lab"].map((name) => {
      const text = run(
        projectFile("."),
        "npm",
        "pack",
        "-w",
        `packages/${name}`,
        "--pack-destination",
        folder,
        "--json",
      );
      const [packed] = Object.values(JSON.parse(text.slice(text.indexOf("\n[") + 1)) as { filename: string }[]);
      return join(folder, packed?.filename ?? "");
    });
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
    run(folder, "npm", "install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", ...tarballs);
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("bring compiled JavaScript and no sources", () => {
    const files = run(folder, "find", "node_modules/metallb/", "node_modules/@metallb-ts/", "-name", "*.ts").split(
      "\n",
    );
    expect(files.filter((file) => file !== "" && !file.endsWith(".d.ts"))).toEqual([]);
    expect(files.length).toBeGreaterThan(50);
  });

  it("give the addresses and the BGP codec to the machine's own Node", () => {
    writeFileSync(
      join(folder, "use.js"),
      `import { parsePrefix, formatPrefix } from "metallb/net";
       import * as bgp from "metallb/bgp";
       const prefix = parsePrefix("192.0.2.0/24");
       console.log(prefix.ok && formatPrefix(prefix.value), typeof bgp.createBgpEngine);`,
    );
    expect(run(folder, "node", "use.js").trim()).toBe("192.0.2.0/24 function");
  });

  it("give a Kubernetes API to the machine's own Node", () => {
    writeFileSync(
      join(folder, "serve.js"),
      `import { startApiServer } from "@metallb-ts/apiserver";
       const server = await startApiServer({ host: "127.0.0.1", port: 0, dataFolder: null });
       console.log(server.kubeconfig.includes("current-context"));
       await server.close();`,
    );
    expect(run(folder, "node", "serve.js").trim()).toBe("true");
  });

  it("bring their types", () => {
    writeFileSync(
      join(folder, "types.ts"),
      `import { type Prefix, parsePrefix } from "metallb/net";
       import { startApiServer } from "@metallb-ts/apiserver";
       export const prefix: Prefix | null = ((read) => (read.ok ? read.value : null))(parsePrefix("::/0"));
       // @ts-expect-error a prefix is no number
       export const wrong: number = prefix;
       export const server: Promise<{ readonly kubeconfig: string }> = startApiServer({ host: "", port: 0, dataFolder: null });`,
    );
    const compiler = projectFile("node_modules/typescript/bin/tsc");
    const options = [
      "--ignoreConfig",
      "--noEmit",
      "--strict",
      "--skipLibCheck",
      "--module",
      "nodenext",
      "--target",
      "esnext",
      "--types",
      "",
    ];
    execFileSync(process.execPath, [compiler, ...options, "types.ts"], { cwd: folder, env: foreign });
  });

  it("start the command line, with the lab where it is installed", () => {
    const metallb = [process.execPath, join(folder, "node_modules/metallb/dist/bin/metallb.js")] as const;
    expect(run(folder, ...metallb, "version")).toMatch(/^metallb \d/);
    expect(run(folder, ...metallb, "lab", "--help")).toContain("--router");
    rmSync(join(folder, "node_modules/@metallb-ts/lab"), { recursive: true });
    expect(() => run(folder, ...metallb, "lab")).toThrow("the lab is not installed");
  });
});

describe("the bundles of an image", () => {
  const undo: (() => Promise<unknown>)[] = [];
  let folder: string;
  let bundle: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "metallb-bundle-"));
    undo.push(() => rm(folder, { recursive: true, force: true }));
    bundle = join(folder, "bundle");
    execFileSync(process.execPath, [projectFile("scripts/bundle.ts"), bundle]);
  });
  afterAll(async () => {
    for (const each of undo.toReversed()) await each();
  });

  it("are one file for each program, without what only lab and page need", () => {
    for (const name of ["controller", "speaker"]) {
      const text = execFileSync("cat", [join(bundle, `${name}.mjs`), join(bundle, `${name}.mjs.map`)], {
        encoding: "utf8",
        maxBuffer: 64 * 1024 * 1024,
      });
      const { sources } = JSON.parse(text.slice(text.lastIndexOf('{\n  "version"'))) as { sources: readonly string[] };
      const foreign =
        /node_modules\/(esbuild|preact|@preact|hono|@hono|@marcbachmann|fast-json-patch|commander)\/|packages\/(lab|apiserver)\//;
      expect(sources.filter((source) => foreign.test(source))).toEqual([]);
      expect(sources.some((source) => source.includes(`/${name}/run.ts`))).toBe(true);
    }
  });

  it("run: the controller gives an address, and the speaker's engines dial a peer", async () => {
    const api = await startApiServer({ host: "127.0.0.1", port: 0, dataFolder: null });
    undo.push(() => api.close());
    const kubeconfig = join(folder, "kubeconfig");
    await writeFile(kubeconfig, api.kubeconfig, { mode: 0o600 });
    const env = { ...foreign, KUBECONFIG: kubeconfig };
    const cluster = loadCluster({ env });
    if (!cluster.ok) throw new Error(cluster.error);
    const client = createClient(cluster.value, { userAgent: "test" });
    undo.push(async () => client.close());
    await defineResources(client);
    const head = { apiVersion: "v1" };
    await client.create(RESOURCES.nodes, {}, { ...head, kind: "Node", metadata: { name: "node-1" } });
    const own = { namespace: NAMESPACE };
    await eventually(
      () =>
        client.create(RESOURCES.ipaddresspools, own, {
          ...metallbObject("IPAddressPool", "p", { addresses: ["192.0.2.0/24"] }),
        }),
      () => true,
      { what: "no pool could be made" },
    );
    await client.create(RESOURCES.bgppeers, own, {
      ...metallbObject("BGPPeer", "router", { myASN: 64512, peerASN: 64513, peerAddress: "127.0.0.9", peerPort: 1 }),
    });
    const health = 20_000 + (process.pid % 10_000) * 2;
    const flags = [`--namespace=${NAMESPACE}`, "--port=0", "--log-level=warn"];
    for (const argv of [
      [
        "controller.mjs",
        ...flags,
        `--health-probe-port=${health}`,
        "--webhook-mode=disabled",
        "--disable-cert-rotation",
      ],
      ["speaker.mjs", ...flags, `--health-probe-port=${health + 1}`, "--node-name=node-1"],
    ]) {
      const program = await startProgram(HERE, [process.execPath, join(bundle, argv[0] ?? ""), ...argv.slice(1)], env);
      undo.push(() => program.stop("SIGKILL"));
    }
    await client.create(RESOURCES.services, { namespace: "default" }, {
      ...head,
      kind: "Service",
      metadata: { name: "web", namespace: "default" },
      spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
    } as KubeObject);
    const service = await eventually(
      () => client.get(RESOURCES.services, { namespace: "default", name: "web" }),
      (found) => JSON.stringify(found).includes('"ip":"192.0.2.0"'),
      { what: "the Service has no address" },
    );
    expect(service).toBeDefined();
    await eventually(
      async () => await (await fetch(`http://127.0.0.1:${health + 1}/state`)).text(),
      (text) => text.includes("router") && /connection refused|ECONNREFUSED/i.test(text),
      { what: "the engines have not dialled the peer" },
    );
  });
});
