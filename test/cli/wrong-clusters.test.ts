import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@metallb-ts/lab/base";
import { crdOf, DEFINITIONS } from "metallb/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { realPrograms, startPlane } from "../support/cluster.ts";
import { describeWith } from "../support/parts.ts";
import { kubectlProgram } from "../support/probes.ts";
import { eventually, HERE, type Program, projectFile, runWith, startProgram } from "../support/programs.ts";

const METALLB = projectFile("packages/metallb/bin/metallb");
const NAMESPACE = "metallb-system";

interface Told {
  readonly code: number;
  readonly text: string;
}

/** A CRD as an older MetalLB left it. */
interface Definition {
  readonly metadata: { readonly name: string };
  readonly spec: {
    versions: {
      readonly name: string;
      storage: boolean;
      readonly schema: {
        readonly openAPIV3Schema: {
          readonly properties: { readonly spec: { readonly properties: Record<string, unknown> } };
        };
      };
    }[];
  };
}

/** BGPPeers in v1beta1 alone, pools without serviceAllocation, and none of the kinds that show a status. */
function olderDefinitions(): readonly Definition[] {
  const all = structuredClone(DEFINITIONS.map((each) => crdOf(each))) as unknown as readonly Definition[];
  return all.flatMap((each) => {
    const { name } = each.metadata;
    if (/status|state/.test(name)) return [];
    if (name.startsWith("bgppeers")) {
      each.spec.versions = each.spec.versions.filter((version) => version.name === "v1beta1");
      for (const version of each.spec.versions) version.storage = true;
    }
    if (name.startsWith("ipaddresspools"))
      for (const version of each.spec.versions)
        delete version.schema.openAPIV3Schema.properties.spec.properties.serviceAllocation;
    return [each];
  });
}

describeWith(["kubernetes", "kubectl"], "a cluster that is not as it should be", () => {
  const undo: (() => Promise<unknown>)[] = [];
  let folder = "";
  let kubeconfig = "";
  let stopPlane: () => Promise<void> = () => Promise.resolve();

  const kubectl = (args: readonly string[], input?: string): Promise<string> =>
    runWith(HERE, [kubectlProgram(), ...args], {
      env: { ...process.env, KUBECONFIG: kubeconfig },
      ...(input === undefined ? {} : { input }),
    });
  const metallb = (...args: readonly string[]): Promise<Told> => {
    const { promise, resolve } = Promise.withResolvers<Told>();
    execFile(METALLB, [...args, "--kubeconfig", kubeconfig], (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), text: stdout + stderr }),
    );
    return promise;
  };
  /** A kubeconfig with the rights of a new account, which are none. */
  const account = async (name: string): Promise<string> => {
    await kubectl(["-n", NAMESPACE, "create", "serviceaccount", name]);
    const token = (await kubectl(["-n", NAMESPACE, "create", "token", name])).trim();
    const config = parse(await readFile(kubeconfig, "utf8")) as { readonly users: { user: object }[] };
    for (const each of config.users) each.user = { token };
    const file = join(folder, `${name}.json`);
    await writeFile(file, JSON.stringify(config), { mode: 0o600 });
    return file;
  };
  const start = async (argv: readonly string[], env: NodeJS.ProcessEnv): Promise<Program> => {
    const program = await startProgram(HERE, argv, { ...process.env, ...env });
    undo.push(() => program.stop());
    return program;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "metallb-wrong-"));
    undo.push(() => rm(folder, { recursive: true, force: true }));
    const plane = await startPlane(await realPrograms(), folder);
    kubeconfig = plane.kubeconfig;
    let stopped: Promise<void> | null = null;
    stopPlane = () => (stopped ??= plane.closePlane());
    undo.push(() => stopPlane());
    await kubectl(["create", "namespace", NAMESPACE]);
  }, 120_000);
  afterAll(async () => {
    for (const each of undo.toReversed()) await each();
  });

  describe("with the CRDs of another version", () => {
    it("is told by the doctor: what is missing, not served, or would be dropped, and the line that mends it", async () => {
      const none = await metallb("doctor");
      expect(none.code).toBe(1);
      expect(none.text).toMatch(/✗ CRDs +missing: .*bgppeers\.metallb\.io/);
      expect(none.text).toMatch(/\? configuration +could not be read: /);
      const items = olderDefinitions();
      await kubectl(["create", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }));
      await kubectl(["wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"]);
      const { code, text } = await metallb("doctor");
      expect(code).toBe(1);
      expect(text).toMatch(
        /✗ CRDs +missing: configurationstates\.metallb\.io, servicebgpstatuses\.metallb\.io, service/,
      );
      expect(text).toMatch(/✗ CRDs +of another version, not served: bgppeers\.metallb\.io v1beta2/);
      expect(text).toMatch(
        /! CRDs +of another version: .* ipaddresspools\.metallb\.io v1beta1 spec\.serviceAllocation/,
      );
      expect(text).not.toMatch(/reading|rights/);
      const status = await metallb("status");
      expect(status.text).toContain(
        "! the cluster does not serve bgppeers.metallb.io in version v1beta2: its CRD is missing",
      );
      // The line that the doctor prints.
      expect(text).toContain("→ kubectl apply --server-side --force-conflicts -f deploy/crds");
      await kubectl(["apply", "--server-side", "--force-conflicts", "-f", projectFile("deploy/crds")]);
      await kubectl(["wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"]);
      expect((await metallb("doctor")).text).toMatch(/✓ CRDs +all \d+ are there/);
    }, 120_000);
  });

  describe("with a speaker that has no right at all", () => {
    it("is told by its log: which, and the lines that grant them, which do", async () => {
      const port = await freePort();
      const flags = [`--namespace=${NAMESPACE}`, "--port=0", `--health-probe-port=${port}`];
      const speaker = await start([projectFile("packages/metallb/bin/speaker"), ...flags], {
        KUBECONFIG: await account("bare"),
        METALLB_NODE_NAME: "node-1",
        METALLB_HOST: "127.0.0.1",
      });
      const ready = async () => await (await fetch(`http://127.0.0.1:${port}/readyz`)).text();
      const refused = await eventually(
        ready,
        (text) => text.includes("missing right: list bgppeers.metallb.io in namespace"),
        {
          what: "readiness does not name the right",
        },
      );
      expect(refused).toMatch(/^not ready/);
      const granted = new Set<string>();
      await eventually(
        async () => {
          for (const line of speaker.output().split("\n")) {
            const grant = /; this grants it: (kubectl [^"\\]+)/.exec(line)?.[1];
            if (grant === undefined || granted.has(grant)) continue;
            granted.add(grant);
            for (const command of grant.split(" && ")) await kubectl(command.split(" ").slice(1));
          }
          return await ready();
        },
        (text) => text === "ok",
        { what: "what the log says does not help", limit: 90_000 },
      );
      expect([...granted].join("\n")).toContain("--serviceaccount=metallb-system:bare");
    }, 150_000);
  });

  describe("that changes its mind about who looks at it, and goes away", () => {
    it("is told by the page, which goes on when it can", async () => {
      const env = { KUBECONFIG: await account("viewer") };
      const binding = ["clusterrolebinding", "viewer"];
      const grant = () =>
        kubectl(["create", ...binding, "--clusterrole=cluster-admin", `--serviceaccount=${NAMESPACE}:viewer`]);
      await grant();
      const port = await freePort();
      const dashboard = await start([METALLB, "dashboard", "--port", String(port)], env);
      const url = await eventually(
        () => /http:\S+/.exec(dashboard.output())?.[0] ?? "",
        (text) => text !== "",
        { what: "no address" },
      );
      const problems = async (): Promise<readonly string[]> => {
        const answer = await fetch(url.replace("/?", "/api/state?"));
        return ((await answer.json()) as { readonly problems: readonly string[] }).problems;
      };
      const told = (what: string, is: (all: readonly string[]) => boolean) =>
        eventually(problems, is, { what, limit: 60_000 });
      await told("something is wrong at first", (all) => all.length === 0);
      await kubectl(["delete", ...binding]);
      await told("a right that is gone is not told", (all) => all.includes("no right to list pods"));
      await grant();
      await told("a right that is back is not seen", (all) => all.length === 0);
      await kubectl(["-n", NAMESPACE, "delete", "serviceaccount", "viewer"]);
      await told("401 is not told", (all) => all.some((each) => each.includes("does not accept your credentials")));
      await stopPlane();
      await told("an API that is away is not told", (all) => all.some((each) => each.includes("cannot be reached")));
      const refused = await metallb("dashboard");
      expect([refused.code, refused.text]).toEqual([
        3,
        expect.stringContaining("the API server cannot be reached: 127.0.0.1"),
      ]);
    }, 240_000);
  });
});
