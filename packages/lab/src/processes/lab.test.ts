import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  Cleanup,
  claimName,
  isLabName,
  markProcess,
  runningLabs,
  startChild,
  stillRuns,
  sweepAbandoned,
  until,
} from "#base";
import { forwardingRules } from "./forwarding.ts";
import { readLabOptions } from "./options.ts";
import { Supervised } from "./supervisor.ts";

const texts = { router: "auto", network: "loopback", kubernetes: "embedded", nodes: "3" };

describe("options", () => {
  it("are read", () => {
    expect(readLabOptions({ ...texts, name: "two", apiPort: "6443" })).toMatchObject({
      ok: true,
      value: { router: "auto", nodes: 3, name: "two", apiPort: 6443, webPort: null, dataFolder: null },
    });
  });

  it.each([
    [{ router: "cisco" }, /--router takes auto, bird/],
    [{ nodes: "0" }, /--nodes takes a whole number from 1 to 20/],
    [{ nodes: "21" }, /--nodes/],
    [{ nodes: "3.5" }, /--nodes/],
    [{ nodes: "-1" }, /--nodes/],
    [{ webPort: "70000" }, /--web-port/],
    [{ name: "../up" }, /--name/],
    [{ data: "" }, /--data/],
    [{ mode: "vrrp" }, /--mode takes bgp, layer2/],
    [{ mode: "layer2" }, /--mode layer2 needs a LAN/],
  ])("that are wrong are refused by name: %o", (wrong, words) => {
    const result = readLabOptions({ ...texts, ...wrong });
    expect(result.ok ? "" : result.error).toMatch(words);
  });
});

describe("the folder of labs", () => {
  let folder: string;
  const before = process.env.XDG_RUNTIME_DIR;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "metallb-test-"));
    process.env.XDG_RUNTIME_DIR = folder;
  });

  afterEach(async () => {
    if (before === undefined) delete process.env.XDG_RUNTIME_DIR;
    else process.env.XDG_RUNTIME_DIR = before;
    await rm(folder, { recursive: true, force: true });
  });

  it("gives each lab a name of its own", async () => {
    const [one, two] = [await claimName(null), await claimName(null)];
    expect([one.name, two.name]).toEqual(["default", "lab-2"]);
    await expect(claimName("default")).rejects.toThrow(/runs already/);
    expect((await runningLabs()).map((lab) => lab.name)).toEqual(["default", "lab-2"]);
    await one.release();
    expect((await claimName(null)).name).toBe("default");
    await two.release();
  });

  it("ends what a killed lab left running, and only that", async () => {
    // A lab in a process of its own, which has a child and is then killed.
    const orphan = await startChild({ name: "orphan", argv: ["sleep", "600"] });
    const stranger = await startChild({ name: "stranger", argv: ["sleep", "600"] });
    const mark = markProcess("orphan", orphan.pid);
    if (mark === null) throw new Error("the child is not there");
    const code = `
      const { claimName } = await import(${JSON.stringify(join(import.meta.dirname, "runtime.ts"))});
      const claim = await claimName("doomed");
      await claim.record([${JSON.stringify(mark)}, { name: "used again", pid: ${stranger.pid}, startTime: "1" }]);
      console.log("ready");
      setInterval(() => {}, 1000);`;
    const { promise: ready, resolve } = Promise.withResolvers<void>();
    const argv = [process.execPath, "--input-type=module", "-e", code];
    const lab = await startChild({ name: "lab", argv, env: { ...process.env }, onLine: () => resolve() });
    await ready;
    expect(await sweepAbandoned()).toEqual([]);
    process.kill(lab.pid, "SIGKILL");
    await lab.ended;
    expect(await sweepAbandoned()).toEqual(["doomed"]);
    expect(await orphan.ended).toBe("signal SIGKILL");
    expect(stranger.ending()).toBeNull();
    expect(await readdir(join(folder, "metallb-lab"))).toEqual([]);
    await stranger.stop();
  });

  it("takes no name that leads elsewhere", () => {
    for (const name of ["..", "a/b", "", "A", "-a", "a".repeat(21)]) expect(isLabName(name)).toBe(false);
    for (const name of ["default", "a", "lab-2"]) expect(isLabName(name)).toBe(true);
  });
});

describe("children", () => {
  it("end when asked, and are made to when they do not listen", async () => {
    const argv = ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"];
    const { promise: ready, resolve } = Promise.withResolvers<void>();
    const deaf = await startChild({ name: "deaf", argv, grace: 100, onLine: () => resolve() });
    await ready;
    await deaf.stop();
    expect(deaf.ending()).toBe("signal SIGKILL");
  });

  it("say why they cannot be started", async () => {
    const child = await startChild({ name: "nothing", argv: ["/does/not/exist"] }).catch((error: Error) => error);
    // With setpriv in front, it is setpriv that cannot.
    if (child instanceof Error) expect(child.message).toContain("nothing cannot be started");
    else expect(await child.ended).toBe("exit code 127");
  });

  it("are started again when they end by themselves", async () => {
    const folder = await mkdtemp(join(tmpdir(), "metallb-test-"));
    const changes = Promise.withResolvers<void>();
    const supervised = new Supervised({
      name: "sleeper",
      argv: ["sleep", "600"],
      env: process.env,
      logFile: join(folder, "log"),
      onChange: () => {
        if (supervised.view.restarts === 1 && supervised.view.running) changes.resolve();
      },
    });
    await supervised.start();
    const { pid } = supervised.view;
    if (pid === null) throw new Error("it does not run");
    process.kill(pid, "SIGKILL");
    await changes.promise;
    expect(supervised.view).toMatchObject({ running: true, restarts: 1, lastEnding: "signal SIGKILL" });
    const mark = markProcess("sleeper", supervised.view.pid ?? 0);
    await supervised.stop();
    expect(mark !== null && stillRuns(mark)).toBe(false);
    await rm(folder, { recursive: true });
  });
});

describe("cleaning up", () => {
  it("undoes the last first, all in spite of failures, once", async () => {
    const done: number[] = [];
    const cleanup = new Cleanup();
    for (const number of [1, 2, 3]) {
      cleanup.add(async () => {
        done.push(number);
        if (number === 2) throw new Error("cannot");
      });
    }
    await Promise.all([cleanup.run(), cleanup.run()]);
    expect(done).toEqual([3, 2, 1]);
    cleanup.add(async () => void done.push(4));
    await until(() => (done.includes(4) ? true : null), { limit: 1_000, late: () => "never undone" });
  });
});

describe("forwarding rules", () => {
  const endpoints = [
    { address: "10.244.1.2", port: 8080, node: "node-1" },
    { address: "10.244.2.2", port: 8080, node: "node-2" },
  ];
  const forward = { address: "198.51.100.1", protocol: "tcp", port: 80, endpoints } as const;

  it("spread over all endpoints, or over the node's own", () => {
    const all = forwardingRules("node-1", [{ ...forward, local: false }]);
    expect(all).toContain("mod 2 map { 0 : 10.244.1.2 . 8080, 1 : 10.244.2.2 . 8080 }");
    expect(all).toContain("masquerade");
    const own = forwardingRules("node-2", [{ ...forward, local: true }]);
    expect(own).toContain("mod 1 map { 0 : 10.244.2.2 . 8080 }");
    expect(own).not.toContain("masquerade");
    expect(forwardingRules("node-3", [{ ...forward, local: true }])).not.toContain("dnat");
  });
});
