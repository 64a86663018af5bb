import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LabView } from "metallb/view";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import { type Part, realKubernetes } from "../support/probes.ts";
import { eventually, HERE, type Program, projectFile, runWith, startProgram } from "../support/programs.ts";
import { descendantsOf, namespacesOf, ownNetwork, runs } from "../support/traces.ts";

const SERVICE = "default/hello";

interface Kind {
  readonly title: string;
  readonly parts: readonly Part[];
  readonly flags: readonly string[];
}

const NAMESPACES = ["root", "namespaces", "bird", "iptables"] as const;
const KINDS: readonly Kind[] = [
  { title: "embedded Kubernetes", parts: NAMESPACES, flags: [] },
  { title: "real Kubernetes", parts: [...NAMESPACES, "kubernetes"], flags: ["--kubernetes", "real"] },
];

let runtime: string;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  // Labs that a person has running are none of ours.
  runtime = await mkdtemp(join(tmpdir(), "metallb-e2e-"));
  const assets = realKubernetes();
  env = { ...process.env, XDG_RUNTIME_DIR: runtime, ...(assets === null ? {} : { KUBEBUILDER_ASSETS: assets }) };
});
afterAll(() => rm(runtime, { recursive: true, force: true }));

const metallb = (...args: readonly string[]) =>
  runWith(HERE, [projectFile("packages/metallb/bin/metallb"), "lab", ...args], { env });
const startLab = (...flags: readonly string[]) =>
  startProgram(HERE, [projectFile("packages/metallb/bin/metallb"), "lab", ...flags], env);

async function status(name: string): Promise<LabView> {
  // Its exit code says whether all is well, which here it need not be.
  const script = '"$@" || test $? = 1';
  const asked = [projectFile("packages/metallb/bin/metallb"), "lab", "status", "--json", "--name", name];
  const [view] = JSON.parse(await runWith(HERE, ["sh", "-c", script, "sh", ...asked], { env })) as readonly LabView[];
  if (view === undefined) throw new Error(`no lab ${name}`);
  return view;
}

const nodesOnTheWay = (view: LabView): readonly string[] =>
  view.routes
    .find((route) => route.services.includes(SERVICE))
    ?.via.map(({ node }) => node)
    .toSorted() ?? [];

const waysBy = (name: string, lab: Program, nodes: readonly string[]) =>
  eventually(
    () => status(name),
    (view) => JSON.stringify(nodesOnTheWay(view)) === JSON.stringify(nodes),
    {
      what: `not ${nodes.join(", ")} are the ways to ${SERVICE}; the lab said:\n${lab.output().slice(-1_500)}\n`,
      limit: 60_000,
    },
  );

/** Who answers twelve requests of the lab's client. */
async function answers(name: string, address: string): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (let request = 0; request < 12; request++) {
    const text = await metallb(
      "exec",
      "--name",
      name,
      "client",
      "curl",
      "-sS",
      "--max-time",
      "2",
      `http://${address}/`,
    );
    names.add(/^hello from (\S+) to/.exec(text)?.[1] ?? text);
  }
  return names;
}

for (const { title, parts, flags } of KINDS) {
  describeWith(parts, `npm start -- --network namespaces, ${title}`, () => {
    const name = "e2e";
    let before: string;
    let lab: Program;

    beforeAll(async () => {
      before = await ownNetwork();
      lab = await startLab("--network", "namespaces", "--router", "bird", "--name", name, ...flags);
    });
    afterAll(() => lab?.stop());

    it("gives a Service an address and the router a way to it through each node", async () => {
      const view = await waysBy(name, lab, ["node-1", "node-2", "node-3"]);
      expect(view.network).toBe("namespaces");
      expect(view.router).toMatchObject({ port: 179 });
      expect(view.services.find(({ key }) => key === SERVICE)?.addresses).toHaveLength(1);
      expect(view.problems).toEqual([]);
      expect(await ownNetwork()).toBe(before);
    });

    it("answers the client through more than one node, and follows when a cable is cut and healed", async () => {
      const view = await status(name);
      const address = view.services.find(({ key }) => key === SERVICE)?.addresses[0] ?? "";
      const seen = await eventually(
        () => answers(name, address),
        (who) => who.size > 1,
        { what: "not two answer" },
      );
      expect([...seen].every((who) => who.startsWith("node-"))).toBe(true);

      await metallb("cut", "--name", name, "node-2");
      const cut = await waysBy(name, lab, ["node-1", "node-3"]);
      expect(cut.nodes.find((node) => node.name === "node-2")).toMatchObject({ cut: true });
      await metallb("heal", "--name", name, "node-2");
      await waysBy(name, lab, ["node-1", "node-2", "node-3"]);
    });

    it("leaves no process, no namespace and nothing in this machine's own network when stopped", async () => {
      const processes = descendantsOf(lab.pid);
      expect(processes.length).toBeGreaterThan(5);
      expect(namespacesOf(lab.pid)).toHaveLength(9);
      await metallb("stop", "--name", name);
      expect(await lab.stop()).toBe(0);
      expect(processes.filter(runs)).toEqual([]);
      expect(namespacesOf(lab.pid)).toEqual([]);
      expect(await ownNetwork()).toBe(before);
    });
  });
}

describeWith(NAMESPACES, "labs in network namespaces", () => {
  const labs: Program[] = [];
  const start = async (name: string) => {
    const lab = await startLab("--network", "namespaces", "--router", "bird", "--nodes", "1", "--name", name);
    labs.push(lab);
    await waysBy(name, lab, ["node-1"]);
    return lab;
  };
  afterAll(() => Promise.all(labs.map((lab) => lab.stop())));

  it("run beside each other, and what a killed one leaves is removed by the next", async () => {
    const [one, two] = await Promise.all([start("one"), start("two")]);
    const processes = descendantsOf(one.pid);
    await one.stop("SIGKILL");
    // The kernel ends them with it.
    await eventually(
      () => processes.filter(runs),
      (left) => left.length === 0,
      { what: "processes are left" },
    );
    expect(namespacesOf(one.pid)).not.toEqual([]);
    await start("three");
    expect(namespacesOf(one.pid)).toEqual([]);
    await waysBy("two", two, ["node-1"]);
  });
});
