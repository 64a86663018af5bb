import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { crdOf, DEFINITIONS } from "metallb/api";
import type { Explanation } from "metallb/explain";
import { createClient, type KubeClient, type KubeObject, loadCluster, RESOURCES, type Resource } from "metallb/kube";
import type { ServiceView } from "metallb/view";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { LabHouse } from "../lab/support.ts";
import { realPrograms, startPlane } from "../support/cluster.ts";
import { describeWith } from "../support/parts.ts";
import { kubectlProgram } from "../support/probes.ts";
import { eventually, projectFile } from "../support/programs.ts";

const METALLB = projectFile("packages/metallb/bin/metallb");

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function metallb(kubeconfig: string, ...args: readonly string[]): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  execFile(METALLB, args, { env: { ...process.env, KUBECONFIG: kubeconfig } }, (error, stdout, stderr) => {
    resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
  });
  return promise;
}

/** What no MetalLB has touched: custom resources, a Node, a Pod as it stands for a speaker, two Services. */
async function fill(client: KubeClient): Promise<void> {
  const apply = (resource: Resource, object: KubeObject) =>
    client.apply(resource, { ...object.metadata }, object, "metallb-test");
  for (const definition of DEFINITIONS) {
    await apply(RESOURCES.customresourcedefinitions, crdOf(definition) as unknown as KubeObject);
  }
  await eventually(
    () => client.list(RESOURCES.ipaddresspools, {}).catch(() => null),
    (list) => list !== null,
    { what: "the kinds are not served" },
  );
  const namespace = "metallb-system";
  const own = { apiVersion: "metallb.io/v1beta1" };
  await apply(RESOURCES.namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  await apply(RESOURCES.ipaddresspools, {
    ...own,
    kind: "IPAddressPool",
    metadata: { name: "pool", namespace },
    spec: { addresses: ["198.51.100.0/24"] },
  });
  const ports = [{ port: 80, protocol: "TCP" }];
  const service = { apiVersion: "v1", kind: "Service" };
  await apply(RESOURCES.services, {
    ...service,
    metadata: { name: "web", namespace: "default" },
    spec: { type: "LoadBalancer", selector: { app: "web" }, ports },
  });
  await apply(RESOURCES.services, {
    ...service,
    metadata: { name: "cloud", namespace: "default" },
    spec: { type: "LoadBalancer", loadBalancerClass: "example.com/cloud", selector: { app: "web" }, ports },
  });
}

/** The commands on a cluster without MetalLB: what they say must be the same on either API. */
function suite(start: (folder: string) => Promise<{ readonly kubeconfig: string; closePlane(): Promise<void> }>): void {
  let folder: string;
  let plane: Awaited<ReturnType<typeof start>>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "metallb-cli-"));
    plane = await start(folder);
    const cluster = loadCluster({ kubeconfig: plane.kubeconfig, env: {} });
    if (!cluster.ok) throw new Error(cluster.error);
    const client = createClient(cluster.value, { userAgent: "metallb-test" });
    await fill(client);
    client.close();
  });

  afterAll(async () => {
    await plane?.closePlane();
    await rm(folder, { recursive: true, force: true });
  });

  it("say that no controller runs, and fail", async () => {
    const { code, stdout } = await metallb(plane.kubeconfig, "status");
    expect(code).toBe(1);
    expect(stdout).toContain("! the controller does not run: no Pod in metallb-system");
    expect(stdout).toContain("! default/web has no address");
    // Where no terminal is, nothing is coloured and nothing is cut.
    expect(stdout).not.toContain("\x1b");
    expect(stdout).not.toContain("…");
  });

  it("explain what decides, with object and field, as lines and as data", async () => {
    const json = await metallb(plane.kubeconfig, "explain", "cloud", "-o", "json");
    expect(json.code).toBe(1);
    const explanation = JSON.parse(json.stdout) as Explanation;
    expect(explanation.steps.at(1)).toMatchObject({
      verdict: "no",
      object: "Service default/cloud",
      field: "spec.loadBalancerClass",
    });
    const lines = await metallb(plane.kubeconfig, "explain", "default/web");
    expect(lines.stdout).toMatch(/✗ controller +no controller Pod/);
    const none = await metallb(plane.kubeconfig, "explain", "wbe");
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("did you mean 'default/web'?")]);
  });

  it("complete words, formats and the names of what is there, in a shell", async () => {
    const complete = (...words: readonly string[]) => {
      const script = `source <("$0" completion bash); COMP_WORDS=("$0" "$@"); COMP_CWORD=$#; _metallb; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const env = { ...process.env, KUBECONFIG: plane.kubeconfig };
      // The embedded API answers in this process: nothing here may block.
      const { promise, resolve } = Promise.withResolvers<readonly string[]>();
      execFile("bash", ["-c", script, METALLB, ...words], { env }, (_, stdout) => resolve(stdout.trim().split("\n")));
      return promise;
    };
    expect(await complete("expl")).toEqual(["explain"]);
    expect(await complete("explain", "")).toEqual(expect.arrayContaining(["web", "cloud", "--output"]));
    expect(await complete("explain", "w")).toEqual(["web"]);
    expect(await complete("pools", "po")).toEqual(["pool"]);
    expect(await complete("pools", "-o", "")).toEqual(["json", "yaml", "wide"]);
    // Where the cluster cannot be asked nothing is said.
    expect(await complete("explain", "--kubeconfig", "/nowhere", "w")).toEqual([""]);
  });

  it("narrow a table to what is named, and suggest what may be meant", async () => {
    const one = await metallb(plane.kubeconfig, "services", "web", "-o", "json");
    expect((JSON.parse(one.stdout) as ServiceView[]).map(({ key }) => key)).toEqual(["default/web"]);
    const none = await metallb(plane.kubeconfig, "pools", "pol");
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("did you mean 'pool'?")]);
  });

  it("foretell the address of a Service that no controller has looked at", async () => {
    const { stdout } = await metallb(plane.kubeconfig, "explain", "web");
    expect(stdout).toMatch(/. prediction +198\.51\.100\.0 of pool pool is free for it/);
    expect(stdout).toContain("it has no endpoint that can serve");
  });

  it("show Services, pools, sessions and owners", async () => {
    const services = await metallb(plane.kubeconfig, "services", "-o", "json");
    const keys = (JSON.parse(services.stdout) as ServiceView[]).map(({ key, foreign }) => [key, foreign !== ""]);
    expect(keys).toEqual([
      ["default/cloud", true],
      ["default/web", false],
    ]);
    const pools = await metallb(plane.kubeconfig, "pools", "-o", "yaml");
    expect(pools.stdout).toContain("name: pool");
    for (const command of ["bgp", "l2", "events"]) expect((await metallb(plane.kubeconfig, command)).code).toBe(0);
  });

  it("look at the cluster as a doctor does", async () => {
    const { stdout } = await metallb(plane.kubeconfig, "doctor");
    expect(stdout).toMatch(/✓ CRDs +all \d+ are there/);
    expect(stdout).toMatch(/✓ Kubernetes +v1\.\d+/);
    expect(stdout).toMatch(/! configuration +there is no BGPAdvertisement or L2Advertisement/);
  });

  it("write a bundle that tar reads", async () => {
    const file = join(folder, "bundle.tar.gz");
    expect((await metallb(plane.kubeconfig, "support", "--file", file)).code).toBe(0);
    const archive = gunzipSync(await readFile(file)).toString("utf8");
    expect(archive).toContain("metallb-support/objects/services.yaml");
    expect(archive).toContain("198.51.100.0/24");
  });

  it("take a cluster that runs upstream as it is: nothing is wrong, and what nobody tells is named", async () => {
    await install(plane.kubeconfig, UPSTREAM);
    const { code, stdout } = await metallb(plane.kubeconfig, "status");
    expect([code, stdout]).toEqual([0, expect.stringContaining("all is well")]);
    expect(stdout).toMatch(/MetalLB's own programs run here \(quay\.io\/metallb\/controller:v0\.16\.1/);
    expect(stdout).toMatch(/sessions +not told/);
    expect(stdout).toMatch(/default\/web +198\.51\.100\.7 .* one/);
    const json = await metallb(plane.kubeconfig, "status", "-o", "json");
    expect(JSON.parse(json.stdout)).toMatchObject({ troubles: [], notes: [expect.any(String)] });
    const explained = await metallb(plane.kubeconfig, "explain", "web");
    expect(explained.stdout).toMatch(/✓ controller +1 of 1 controller Pods ready/);
    expect(explained.stdout).toMatch(/✗ advertisements +no BGPAdvertisement or L2Advertisement selects pool pool/);
  });
}

const own = (component: string) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: `${component}-x`, namespace: "metallb-system", labels: { app: "metallb", component } },
  spec: {
    nodeName: "one",
    serviceAccountName: "default",
    automountServiceAccountToken: false,
    containers: [{ name: component, image: `quay.io/metallb/${component}:v0.16.1` }],
  },
});

/** What upstream leaves in the API: Pods that tell no state, an address and who announces it. */
const UPSTREAM: readonly { readonly object: object; readonly status?: object }[] = [
  {
    object: {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "default", namespace: "metallb-system" },
    },
  },
  ...["controller", "speaker"].map((component) => ({
    object: own(component),
    status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] },
  })),
  {
    object: {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", namespace: "default" },
      spec: { type: "LoadBalancer", selector: { app: "web" }, ports: [{ port: 80, protocol: "TCP" }] },
    },
    status: { loadBalancer: { ingress: [{ ip: "198.51.100.7" }] } },
  },
  {
    object: {
      apiVersion: "metallb.io/v1beta1",
      kind: "ServiceBGPStatus",
      metadata: { name: "bgp-x", namespace: "metallb-system" },
    },
    status: { node: "one", serviceName: "web", serviceNamespace: "default", peers: ["router"] },
  },
];

interface ObjectPlace {
  readonly name: string;
  readonly namespace: string;
}

const SERVICE_ACCOUNTS: Resource = {
  group: "",
  version: "v1",
  plural: "serviceaccounts",
  kind: "ServiceAccount",
  namespaced: true,
};

async function install(kubeconfig: string, objects: typeof UPSTREAM): Promise<void> {
  const cluster = loadCluster({ kubeconfig, env: {} });
  if (!cluster.ok) throw new Error(cluster.error);
  const client = createClient(cluster.value, { userAgent: "metallb-test" });
  for (const { object, status } of objects) {
    const { kind, metadata } = object as KubeObject & { readonly metadata: ObjectPlace };
    const resource = Object.values(RESOURCES).find((each) => each.kind === kind) ?? SERVICE_ACCOUNTS;
    // Who a Pod acts for is asked by a real API server alone; the embedded one knows no such kind.
    const skips = (error: unknown) => {
      if (resource !== SERVICE_ACCOUNTS) throw error;
    };
    await client.apply(resource, { ...metadata }, object as KubeObject, "metallb-test").catch(skips);
    if (status !== undefined) await client.patch(resource, { ...metadata, subresource: "status" }, "merge", { status });
  }
  client.close();
}

describe("the command line on the embedded API", () => {
  suite((folder) => startPlane(null, folder));
});

describeWith(["kubernetes", "kubectl"], "the command line with the rights that its page asks for", () => {
  let folder: string;
  let plane: Awaited<ReturnType<typeof startPlane>>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "metallb-rights-"));
    plane = await startPlane({ ...(await realPrograms()), controllerManager: null }, folder);
    const cluster = loadCluster({ kubeconfig: plane.kubeconfig, env: {} });
    if (!cluster.ok) throw new Error(cluster.error);
    const client = createClient(cluster.value, { userAgent: "metallb-test" });
    await fill(client);
    const page = await readFile(projectFile("docs/cli.md"), "utf8");
    const [, text = ""] = /```yaml\n(apiVersion: rbac[\s\S]*?)```/.exec(page) ?? [];
    const role = parse(text) as KubeObject;
    await client.apply(rbac("clusterroles", "ClusterRole"), { name: "metallb-view" }, role, "metallb-test");
    const binding = {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "metallb-view" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "metallb-view" },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "viewer" }],
    };
    const bindings = rbac("clusterrolebindings", "ClusterRoleBinding");
    await client.apply(bindings, { name: "metallb-view" }, binding as KubeObject, "metallb-test");
    client.close();
  });

  afterAll(async () => {
    await plane?.closePlane();
    await rm(folder, { recursive: true, force: true });
  });

  const as = async (user: string): Promise<string> => {
    const config = parse(await readFile(plane.kubeconfig, "utf8")) as { users: { user: Record<string, unknown> }[] };
    for (const each of config.users) each.user.as = user;
    const file = join(folder, `kubeconfig-${user}`);
    await writeFile(file, stringify(config), { mode: 0o600 });
    return file;
  };

  it.each([["status"], ["services"], ["pools"], ["bgp"], ["l2"], ["events"], ["explain", "web"], ["doctor"]])(
    "lacks nothing: %s",
    async (...args) => {
      const { stdout, stderr, code } = await metallb(await as("viewer"), ...args);
      expect(`${stdout}${stderr}`).not.toMatch(/no right|forbidden/i);
      expect(code).toBeLessThan(2);
    },
  );

  it("is given by the line that the doctor prints, to who has none", async () => {
    const checks = async (user: string) => {
      const { stdout } = await metallb(await as(user), "doctor", "-o", "json");
      return JSON.parse(stdout) as readonly { readonly what: string; readonly text: string; readonly fix: string }[];
    };
    const lacking = (await checks("nobody")).find(({ text }) => text.startsWith("no right to list"));
    expect(lacking?.text).toMatch(/services.*bgppeers\.metallb\.io.*customresourcedefinitions/);
    const kubectl = `kubectl() { '${kubectlProgram()}' --kubeconfig '${plane.kubeconfig}' "$@"; }`;
    execFileSync("bash", ["-c", `${kubectl}; ${lacking?.fix}`]);
    try {
      await eventually(
        async () => (await checks("nobody")).filter(({ text }) => text.startsWith("no right to list")),
        (left) => left.length === 0,
        { what: "the rights are not enough" },
      );
    } finally {
      execFileSync("bash", ["-c", `${kubectl}; kubectl delete clusterrolebinding,clusterrole metallb-view-more`]);
    }
  });

  it("names what is missing where there are none, and says of nothing that it is not there", async () => {
    const { stdout } = await metallb(await as("nobody"), "status");
    expect(stdout).toContain("no right to list services");
    expect(stdout).toMatch(/Services +could not be read/);
  });
});

const rbac = (plural: string, kind: string): Resource => ({
  group: "rbac.authorization.k8s.io",
  version: "v1",
  plural,
  kind,
  namespaced: false,
});

describeWith(["kubernetes"], "the command line on a real kube-apiserver", () => {
  suite(async (folder) => startPlane({ ...(await realPrograms()), controllerManager: null }, folder));
});

describe("the command line without a cluster", () => {
  it.each([
    [["status"], "/does/not/exist", 3, /kubeconfig \/does\/not\/exist cannot be read/],
    [["explain"], "/does/not/exist", 2, /missing required argument 'service'/],
    [["status", "-o", "xml"], "/does/not/exist", 2, /Allowed choices are json, yaml, wide/],
    [["statsu"], "/does/not/exist", 2, /Did you mean status\?/],
    [["dashboard", "--port", "x"], "/does/not/exist", 2, /--port takes 1 to 65535/],
    [["completion", "csh"], "/does/not/exist", 2, /not for 'csh'/],
  ] as const)("%j", async (args, kubeconfig, code, words) => {
    const outcome = await metallb(kubeconfig, ...args);
    expect([outcome.code, outcome.stderr]).toEqual([code, expect.stringMatching(words)]);
  });
});

describe("the command line on a running cluster", () => {
  let house: LabHouse;
  let kubeconfig: string;

  beforeAll(async () => {
    house = await LabHouse.open();
    await house.start("--router", "builtin", "--nodes", "2");
    kubeconfig = (await house.status())[0]?.kubeconfig ?? "";
  });

  afterAll(async () => {
    await house.close();
  });

  it("reaches every Pod's state through the API server alone", async () => {
    const { code, stdout } = await metallb(kubeconfig, "status");
    expect([code, stdout]).toEqual([0, expect.stringContaining("all is well")]);
    expect(stdout).toMatch(/sessions +2 of 2 established/);
    expect((await metallb(kubeconfig, "bgp")).stdout).toMatch(/node-2 +node-2 +Established/);
  });

  it("says of a Service that is served that every rule said yes, and of a broken node which did not", async () => {
    const well = await metallb(kubeconfig, "explain", "hello");
    expect([well.code, well.stdout]).toEqual([0, expect.stringContaining("every rule said yes")]);
    await house.run("lab", "cut", "node-2");
    await house.until("node-2 is down", (view) => view.nodes[1]?.sessions[0]?.established === false);
    // The view tells what the router knows; the speaker finds out at its own hold time.
    const cut = await eventually(
      () => metallb(kubeconfig, "explain", "hello"),
      ({ code }) => code === 1,
      { what: "the speaker of node-2 still has its session" },
    );
    expect(cut.stdout).toMatch(/✗ node node-2 +the session is not established/);
    await house.run("lab", "heal", "node-2");
    expect((await house.run("lab", "status", "--wait")).code).toBe(0);
  });

  it("fetches a speaker's last events through the API server, and does them again without it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "metallb-dump-"));
    try {
      const file = join(folder, "dump.json");
      const fetched = await metallb(kubeconfig, "dump", "node-2", "--file", file);
      expect([fetched.code, fetched.stderr]).toEqual([0, ""]);
      const again = await metallb("/nowhere", "replay", file);
      expect(again.code).toBe(0);
      expect(again.stdout).toContain("this is what happened, octet for octet");
      expect(again.stdout).toContain("Established");
      const nobody = await metallb(kubeconfig, "dump", "node-9");
      expect([nobody.code, nobody.stderr]).toEqual([1, expect.stringContaining("no speaker runs on node node-9")]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("tells a secret of nobody in the bundle, and has the logs of all", async () => {
    await house.apply(kubeconfig, [
      {
        apiVersion: "metallb.io/v1beta2",
        kind: "BGPPeer",
        metadata: { name: "secretive", namespace: "metallb-system" },
        spec: { myASN: 64500, peerASN: 64999, peerAddress: "127.0.0.1", peerPort: 1, password: "hunter2hunter2" },
      },
    ]);
    const file = join(house.folder, "bundle.tar.gz");
    expect((await metallb(kubeconfig, "support", "--file", file)).code).toBe(0);
    const archive = gunzipSync(await readFile(file)).toString("utf8");
    expect(archive).not.toContain("hunter2");
    for (const name of ["controller", "speaker-node-1", "speaker-node-2"]) {
      expect(archive).toContain(`metallb-support/logs/${name}.log`);
      expect(archive).toContain(`metallb-support/states/${name}.yaml`);
    }
    await house.remove(kubeconfig, [["bgppeers", "secretive"]]);
  });

  it("shows what changes with --watch, and ends at Ctrl-C", async () => {
    const child = spawn(METALLB, ["pools", "--watch"], { env: { ...process.env, KUBECONFIG: kubeconfig } });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    const seen = (words: string) =>
      eventually(
        () => output,
        (text) => text.includes(words),
        { what: `not shown: ${words}` },
      );
    await seen("198.51.100.1-198.51.100.254");
    await house.apply(kubeconfig, [
      {
        apiVersion: "metallb.io/v1beta1",
        kind: "IPAddressPool",
        metadata: { name: "second", namespace: "metallb-system" },
        spec: { addresses: ["203.0.113.0/28"] },
      },
    ]);
    await seen("203.0.113.0/28");
    const ended = once(child, "exit");
    child.kill("SIGINT");
    expect((await ended)[0]).toBe(0);
    await house.remove(kubeconfig, [["ipaddresspools", "second"]]);
  });

  it("shows events as they come with --watch, of one Service", async () => {
    const child = spawn(METALLB, ["events", "later", "--watch"], { env: { ...process.env, KUBECONFIG: kubeconfig } });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    const see = (words: RegExp) =>
      eventually(
        () => output,
        (text) => words.test(text),
        { what: `not shown: ${words.source}` },
      );
    await see(/LAST/);
    const metadata = { name: "later", namespace: "default" };
    const spec = { type: "LoadBalancer", selector: { app: "hello" }, ports: [{ port: 81, protocol: "TCP" }] };
    await house.apply(kubeconfig, [{ apiVersion: "v1", kind: "Service", metadata, spec }]);
    await see(/IPAllocated +Service default\/later/);
    expect(output).not.toContain("default/hello");
    const ended = once(child, "exit");
    child.kill("SIGINT");
    expect((await ended)[0]).toBe(0);
  });

  it("serves the page to who has its key, and to nobody else", async () => {
    const child = spawn(METALLB, ["dashboard"], { env: { ...process.env, KUBECONFIG: kubeconfig } });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    const address = await eventually(
      () => /http:\/\/\S+/.exec(output)?.[0] ?? "",
      (url) => url !== "",
      { what: "no address" },
    );
    const page = await fetch(address);
    expect(page.status).toBe(200);
    const cookie = page.headers.get("set-cookie")?.split(";")[0] ?? "";
    const { origin } = new URL(address);
    expect((await fetch(`${origin}/api/state`)).status).toBe(403);
    const state = await fetch(`${origin}/api/state`, { headers: { cookie } });
    expect(await state.json()).toMatchObject({
      kind: "cluster",
      services: [{ key: "default/hello" }, { key: "default/later" }],
    });
    const ended = once(child, "exit");
    child.kill("SIGINT");
    expect((await ended)[0]).toBe(0);
  });

  it("leaves nothing in the folder where it was called", async () => {
    expect((await readdir(process.cwd())).filter((name) => name.startsWith("metallb-support"))).toEqual([]);
  });
});
