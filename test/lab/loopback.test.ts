import { execFileSync } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import type { LabView } from "metallb/view";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import { apiOf, LabHouse, pidsOf, type RunningLab, runs, waysToHello } from "./support.ts";

const node = (name: string) => ({ matchLabels: { "kubernetes.io/hostname": name } });

const ALL = ["node-1", "node-2", "node-3"];

describe("a lab on loopback, without root", () => {
  let house: LabHouse;
  let lab: RunningLab;

  beforeAll(async () => {
    house = await LabHouse.open({ unprivileged: true });
    lab = await house.start("--router", "builtin");
  });

  afterAll(async () => {
    await house.close();
  });

  it("gives the Service an address and the router one route per node", async () => {
    const [view] = await house.status();
    expect(view?.services.map((service) => [service.key, service.addresses])).toEqual([
      ["default/hello", ["198.51.100.1"]],
    ]);
    expect(view === undefined ? [] : waysToHello(view)).toEqual(ALL);
    expect(view?.nodes.flatMap((node) => node.sessions.map(({ established }) => established))).toEqual([
      true,
      true,
      true,
    ]);
    expect(view?.pools).toMatchObject([{ name: "lab", used: "1", free: "253" }]);
    expect(view?.problems).toEqual([]);
  });

  it("names the next things to try", () => {
    expect(lab.output()).toContain("export KUBECONFIG=");
    expect(lab.output()).toContain("http://127.0.0.1:");
    expect(lab.output()).not.toContain("npx");
    const [, typed] = /(\S*metallb lab cut node-2)/.exec(lab.output()) ?? [];
    const { code, stdout } = house.shell(`${typed?.replace("cut node-2", "status --json")}`, "/");
    expect([code, JSON.parse(stdout)]).toMatchObject([0, [{ name: "default" }]]);
  });

  it("tells a second shell in words, too", async () => {
    const { code, stdout } = await house.run("lab", "status");
    expect(code).toBe(0);
    expect(stdout).toMatch(/198\.51\.100\.1\/32 +default\/hello +node-1 \(127\.77\.\d+\.11\), node-2/);
  });

  it("lets the router lose a node whose cable is cut, at the hold time, and find it again", async () => {
    expect((await house.run("lab", "cut", "node-2")).code).toBe(0);
    const cutAt = performance.now();
    const cut = await house.until("node-2 is gone", (view) => !waysToHello(view).includes("node-2"));
    expect(performance.now() - cutAt).toBeLessThan(12_000);
    expect(waysToHello(cut)).toEqual(["node-1", "node-3"]);
    expect(cut.services[0]).toMatchObject({
      announcedFrom: ["node-1", "node-3"],
      refusals: [{ nodes: ["node-2"], reason: "the BGP session is not established" }],
    });
    expect(cut.nodes[1]).toMatchObject({ cut: true, sessions: [{ established: false }], speaker: { restarts: 0 } });
    const down = await house.run("lab", "status");
    expect([down.code, down.stdout]).toEqual([1, expect.stringMatching(/node-2 +node-2 +\w+, router: \w+/)]);
    expect((await house.run("lab", "cut", "node-2")).stdout).toBe("the cable of node-2 is cut already\n");
    expect((await house.run("lab", "heal", "node-2")).code).toBe(0);
    expect((await house.run("lab", "heal", "node-2")).stdout).toMatch(/is whole: there is nothing to heal/);
    const well = await house.run("lab", "status", "--wait", "60", "--json");
    expect([well.code, well.stderr]).toEqual([0, ""]);
    expect(waysToHello((JSON.parse(well.stdout) as LabView[])[0] as LabView)).toEqual(ALL);
  });

  it("tells when the session of a cut cable ends, before it has", async () => {
    await house.run("lab", "cut", "node-3");
    const view = await house.until("a timer", ({ nodes }) => nodes[2]?.sessions[0]?.established === true, 2_000);
    expect(view.nodes[2]?.sessions[0]?.timer).toMatch(/^ends within [1-6] s$/);
    await house.run("lab", "heal", "node-3");
    expect((await house.run("lab", "status", "--wait")).code).toBe(0);
  });

  it("shows what is wrong with the configuration, and each session for itself", async () => {
    const [before] = await house.status();
    const apply = (objects: readonly object[]) => house.apply(before?.kubeconfig ?? "", objects);
    const own = { apiVersion: "metallb.io/v1beta2", kind: "BGPPeer" };
    await apply([
      {
        ...own,
        metadata: { name: "by-hand", namespace: "metallb-system" },
        spec: { myASN: 64500, peerASN: 64999, peerAddress: "127.0.0.1", peerPort: 1, nodeSelectors: [node("node-1")] },
      },
      {
        apiVersion: "metallb.io/v1beta1",
        kind: "IPAddressPool",
        metadata: { name: "wrong", namespace: "metallb-system" },
        spec: { addresses: ["300.1.1.1-300.1.1.9"] },
      },
    ]);
    const seen = await house.until(
      "both are shown",
      ({ nodes, configuration }) => nodes[0]?.sessions.length === 2 && configuration.length > 0,
    );
    expect(seen.nodes[0]?.sessions.map(({ peer, established }) => [peer, established])).toEqual([
      ["node-1", true],
      ["by-hand", false],
    ]);
    expect(seen.configuration[0]).toMatchObject({ object: "IPAddressPool wrong" });
    const { code, stdout } = await house.run("lab", "status");
    expect(code).toBe(1);
    expect(stdout).toMatch(/! IPAddressPool wrong/);
    await house.remove(before?.kubeconfig ?? "", [
      ["bgppeers", "by-hand"],
      ["ipaddresspools", "wrong"],
    ]);
    expect((await house.run("lab", "status", "--wait")).code).toBe(0);
  });

  it("prints what a process wrote, and says where a command runs", async () => {
    const controller = await house.run("lab", "logs", "controller", "--tail", "5");
    expect([controller.code, controller.stdout]).toEqual([0, expect.stringContaining("{")]);
    expect((await house.run("lab", "logs", "node-1")).code).toBe(0);
    expect((await house.run("lab", "logs", "node-9")).stderr).toContain("there is no process 'node-9': controller");
    const { code, stdout, stderr } = await house.run("lab", "exec", "node-1", "echo", "here");
    expect([code, stdout]).toEqual([0, "here\n"]);
    expect(stderr).toContain("this runs on this machine");
  });

  it("names the nearest word", async () => {
    expect((await house.run("lab", "statsu")).stderr).toContain("did you mean 'status'?");
    expect((await house.run("lab", "cut", "nod-2")).stderr).toContain("did you mean 'node-2'?");
    expect((await house.run("lab", "--name", "defualt", "status")).stderr).toContain("did you mean 'default'?");
  });

  it("means the same lab by --name, wherever it stands", async () => {
    for (const args of [
      ["lab", "--name", "default", "kubeconfig"],
      ["lab", "kubeconfig", "--name", "default"],
    ]) {
      expect((await house.run(...args)).stdout).toContain("default/kubeconfig");
    }
    for (const args of [["--version"], ["version"], ["lab", "--version"], ["lab", "status", "--version"]]) {
      expect((await house.run(...args)).stdout).toMatch(/^metallb \d+\.\d+\.\d+/);
    }
  });

  it("starts a killed speaker again", async () => {
    const [before] = await house.status();
    const pid = before?.nodes[0]?.speaker.pid ?? 0;
    process.kill(pid, "SIGKILL");
    const after = await house.until(
      "node-1 is back",
      (view) => view.nodes[0]?.speaker.restarts === 1 && waysToHello(view).length === 3,
    );
    expect(after.nodes[0]?.speaker.pid).not.toBe(pid);
    expect(after.nodes[0]?.speaker.lastEnding).toBe("signal SIGKILL");
  });

  it("refuses what there is not, in words", async () => {
    const cut = await house.run("lab", "cut", "node-9");
    expect(cut.code).toBe(1);
    expect(cut.stderr).toMatch(/there is no node 'node-9'.*: node-1, node-2, node-3/);
    const stop = await house.run("lab", "stop", "--name", "other");
    expect(stop.code).toBe(1);
    expect(stop.stderr).toContain("no lab named 'other' is running (running: default)");
  });

  it("does not disturb a second lab, nor it", async () => {
    await house.start("--router", "builtin", "--name", "second", "--nodes", "1");
    const views = await house.status();
    expect(views.map((view) => view.name)).toEqual(["default", "second"]);
    expect(views.map((view) => waysToHello(view).length)).toEqual([3, 1]);
    expect(new Set(views.map((view) => view.dashboard)).size).toBe(2);
    expect((await house.run("lab", "cut", "node-1")).stderr).toContain("say which with --name");
    expect((await house.run("lab", "stop", "--name", "second")).code).toBe(0);
    expect((await house.status()).map((view) => waysToHello(view).length)).toEqual([3]);
  });

  it("leaves nothing behind", async () => {
    const [view] = await house.status();
    const pids = view === undefined ? [] : pidsOf(view);
    expect(pids).toHaveLength(4);
    const { code, stdout } = await house.run("lab", "stop");
    expect([code, stdout]).toEqual([0, "lab default has ended\n"]);
    expect(await lab.ended).toBe(0);
    expect(pids.filter(runs)).toEqual([]);
    expect(await house.left()).toEqual([]);
    expect((await house.run("lab", "status")).code).toBe(1);
  });
});

describe("a lab that is ended otherwise", () => {
  let house: LabHouse;

  beforeAll(async () => {
    house = await LabHouse.open();
  });

  afterAll(async () => {
    await house.close();
  });

  it("leaves nothing at Ctrl-C", async () => {
    const lab = await house.start("--router", "builtin", "--nodes", "1");
    const [view] = await house.status();
    lab.kill("SIGINT");
    expect(await lab.ended).toBe(0);
    expect((view === undefined ? [] : pidsOf(view)).filter(runs)).toEqual([]);
    expect(await house.left()).toEqual([]);
  });

  it("ends when it is told to while the Kubernetes API hangs, and answers until then", async () => {
    const lab = await house.start("--router", "builtin", "--nodes", "1");
    const [view] = await house.status();
    if (view === undefined) throw new Error("no lab");
    const api = apiOf(lab.pid);
    process.kill(api, "SIGSTOP");
    expect((await house.run("lab", "status")).stdout).toContain("node-1");
    expect((await house.run("lab", "stop")).code).toBe(0);
    expect(await lab.ended).toBe(0);
    expect([api, ...pidsOf(view)].filter(runs)).toEqual([]);
    expect(await house.left()).toEqual([]);
  });

  it.each(["lab stop", "Ctrl-C"])("ends at %s while the Kubernetes API computes for minutes", async (way) => {
    const lab = await house.start("--router", "builtin", "--nodes", "1");
    const [view] = await house.status();
    if (view === undefined) throw new Error("no lab");
    const api = apiOf(lab.pid);
    const spinning = await house.spin(view.kubeconfig);
    const asked = performance.now();
    expect((await house.run("lab", "status")).stdout).toContain("node-1");
    if (way === "lab stop") expect((await house.run("lab", "stop")).code).toBe(0);
    else lab.kill("SIGINT");
    expect(await lab.ended).toBe(0);
    expect(performance.now() - asked).toBeLessThan(30_000);
    // It was still at it.
    expect(await spinning.outcome).toBe("no answer");
    expect([api, ...pidsOf(view)].filter(runs)).toEqual([]);
    expect(await house.left()).toEqual([]);
  });

  it("takes its processes with it when it is killed, and the next one clears its folder away", async () => {
    const lab = await house.start("--router", "builtin", "--nodes", "1");
    const [view] = await house.status();
    const pids = view === undefined ? [] : pidsOf(view);
    expect(pids).toHaveLength(2);
    lab.kill("SIGKILL");
    await lab.ended;
    const next = await house.start("--router", "builtin", "--nodes", "1");
    expect(next.name).toBe("default");
    expect(pids.filter(runs)).toEqual([]);
    next.kill("SIGTERM");
    await next.ended;
    expect(await house.left()).toEqual([]);
  });
});

describe("wrong inputs", () => {
  let house: LabHouse;

  beforeAll(async () => {
    house = await LabHouse.open({ unprivileged: true });
  });

  afterAll(async () => {
    await house.close();
  });

  it.each([
    [["lab", "--nodes", "0"], 2, /--nodes takes a whole number from 1 to 20/],
    [["lab", "--router", "cisco"], 2, /Allowed choices are auto, bird/],
    [["lab", "--colour"], 2, /unknown option '--colour'/],
    [["lab", "dance"], 2, /unknown command 'dance' of 'lab'/],
    [["dance"], 2, /unknown command 'dance'/],
    [["lab", "status"], 1, /no lab is running: '\S*metallb lab' starts one/],
    [["lab", "--web-port", "80"], 1, /port 80 needs root/],
  ])("%j", async (args, code, words) => {
    const outcome = await house.run(...args);
    expect(outcome.code).toBe(code);
    expect(outcome.stdout + outcome.stderr).toMatch(words);
    expect(await house.left()).toEqual([]);
  });

  it("a data folder that cannot be one: path and cause, and not a word about ports", async () => {
    const file = join(house.folder, "file");
    await writeFile(file, "");
    const locked = join(house.folder, "locked");
    await mkdir(locked, { mode: 0o500 });
    const damaged = join(house.folder, "damaged");
    await mkdir(damaged);
    await writeFile(join(damaged, "identity.json"), "{}");
    await chmod(damaged, 0o777);
    await chmod(join(damaged, "identity.json"), 0o666);
    for (const [folder, words] of [
      [file, `--data ${file}: ${file} is a file, not a folder`],
      [join(file, "below"), "is a file, not a folder"],
      [locked, `--data ${locked}: you may not write there`],
      [join(locked, "new"), "you may not write there"],
      [damaged, `${join(damaged, "identity.json")} is damaged`],
    ] as const) {
      const { code, stdout, stderr } = await house.run("lab", "--data", folder);
      expect(code).toBe(1);
      expect(stderr).toContain(words);
      expect(stdout + stderr).not.toMatch(/\bport \d/);
    }
    expect(await house.left()).toEqual([]);
  });

  it("a folder for sockets whose path is too long", async () => {
    const deep = await LabHouse.open({ unprivileged: true, within: "x".repeat(60) });
    const { code, stderr } = await deep.run("lab", "--name", "a-very-long-lab-name");
    expect(code).toBe(1);
    expect(stderr).toMatch(/too long a path for the lab's sockets, by \d+ octets: set XDG_RUNTIME_DIR to a shorter/);
    await deep.close();
  });

  it("a port that is taken", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? String(address.port) : "";
    for (const option of ["--api-port", "--web-port"]) {
      const outcome = await house.run("lab", option, port);
      expect(outcome.code).toBe(1);
      expect(outcome.stdout + outcome.stderr).toContain(`port ${port} is taken: choose another with ${option}`);
    }
    server.close();
    expect(await house.left()).toEqual([]);
  });
});

describeWith(["root"], "without root", () => {
  it("network namespaces are refused", async () => {
    const house = await LabHouse.open({ unprivileged: true });
    const outcome = await house.run("lab", "--network", "namespaces");
    expect(outcome.code).toBe(1);
    expect(outcome.stdout + outcome.stderr).toContain("network namespaces need root");
    await house.close();
  });
});

for (const router of ["bird", "frr"] as const) {
  describeWith([router], `a lab with ${router}, without root`, () => {
    let house: LabHouse;

    beforeAll(async () => {
      house = await LabHouse.open({ unprivileged: true });
    });

    afterAll(async () => {
      await house.close();
    });

    it("shows one route per node in the router's own words", async () => {
      const lab = await house.start("--router", router);
      const [view] = await house.status();
      expect(view?.router.title.toLowerCase()).toContain(router);
      expect(view === undefined ? [] : waysToHello(view)).toEqual(ALL);
      lab.kill("SIGTERM");
      await lab.ended;
      expect(await house.left()).toEqual([]);
    });
  });
}

describeWith(["kubectl"], "kubectl at the lab", () => {
  let house: LabHouse;

  beforeAll(async () => {
    house = await LabHouse.open();
  });

  afterAll(async () => {
    await house.close();
  });

  it("makes a Service that the router learns, and takes it away again", async () => {
    await house.start("--router", "builtin", "--nodes", "1");
    const kubeconfig = (await house.run("lab", "kubeconfig")).stdout.trim();
    const kubectl = (...args: string[]) =>
      execFileSync("kubectl", args, { env: { ...process.env, KUBECONFIG: kubeconfig }, encoding: "utf8" });
    expect(kubectl("get", "nodes")).toMatch(/node-1 +Ready/);
    kubectl("create", "service", "loadbalancer", "more", "--tcp=80");
    const made = await house.until(
      "more has an address",
      (view) => view.services.find((service) => service.key === "default/more")?.addresses[0] === "198.51.100.2",
    );
    // Nothing answers for it, so nobody announces it, and the reason is told.
    expect(made.routes.map((route) => route.prefix)).toEqual(["198.51.100.1/32"]);
    const more = made.services.find((service) => service.key === "default/more");
    expect(more?.announcedFrom).toEqual([]);
    expect(more?.refusals[0]?.reason).not.toBe("");
    kubectl("delete", "service", "hello");
    await house.until("the route is gone", (view) => view.routes.length === 0);
  });
});
