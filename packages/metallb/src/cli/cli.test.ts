import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { completionOf } from "./completion.ts";
import { commandLine } from "./main.ts";
import { examineNode } from "./node-checks.ts";
import { REDACTED, redact, redactText } from "./redact.ts";
import { referenceOf } from "./reference.ts";
import { tarOf } from "./tar.ts";
import { run } from "./testing.ts";

describe("the support bundle", () => {
  it("holds no secret, and names what it left out", () => {
    const object = {
      metadata: {
        name: "router",
        managedFields: [{ manager: "kubectl" }],
        annotations: { "metallb.io/loadBalancerIPs": "192.0.2.1", "example.com/key": "hunter2" },
      },
      spec: { password: "hunter2", passwordSecret: { name: "router-password", namespace: "metallb-system" } },
      data: { key: "aHVudGVyMg==" },
      containers: [
        {
          env: [
            { name: "METALLB_ML_SECRET_KEY_PATH", value: "/etc/ml" },
            { name: "TOKEN", value: "hunter2" },
          ],
        },
      ],
    };
    const text = JSON.stringify(redact(object));
    expect(text).not.toMatch(/hunter2|aHVudGVyMg|managedFields/);
    expect(text).toContain('"passwordSecret":{"name":"router-password"');
    expect(text).toContain("192.0.2.1");
    expect(text).toContain("/etc/ml");
    expect(text.split(REDACTED)).toHaveLength(5);
  });

  it("holds none in the lines of a log either", () => {
    const lines = [
      "Authorization: Bearer abcdefghijklmnop.qrst",
      '{"password":"hunter2","peer":"router"}',
      "token=hunter2 next",
      "-----BEGIN EC PRIVATE KEY-----\nhunter2\n-----END EC PRIVATE KEY-----",
    ];
    for (const line of lines) expect(redactText(line)).not.toMatch(/hunter2|abcdefgh/);
    expect(redactText('{"password":"hunter2","peer":"router"}')).toContain('"peer":"router"');
  });

  it("is an archive that tar reads", () => {
    const archive = tarOf(
      new Map([
        ["a/b.txt", "hello\n"],
        ["c.txt", "x".repeat(600)],
      ]),
      1_795_000_000_000,
    );
    const list = (...args: readonly string[]) => execFileSync("tar", args, { input: archive, encoding: "utf8" });
    expect(list("-tf", "-")).toBe("a/b.txt\nc.txt\n");
    expect(list("-xOf", "-", "a/b.txt")).toBe("hello\n");
  });
});

describe("the kernel of a node", () => {
  it("is told where it would drop traffic, and how to mend it", () => {
    const root = mkdtempSync(join(tmpdir(), "metallb-sysctl-"));
    const set = (name: string, value: string) => {
      mkdirSync(join(root, name, ".."), { recursive: true });
      writeFileSync(join(root, name), `${value}\n`);
    };
    const verdicts = () => examineNode(root).map(({ what, verdict, fix }) => [what, verdict, fix]);
    expect(verdicts()).toEqual([["kernel", "unknown", ""]]);
    set("ip_forward", "0");
    set("conf/all/rp_filter", "0");
    set("conf/eth0/rp_filter", "1");
    expect(verdicts()).toEqual([
      ["ip_forward", "failed", "sysctl -w net.ipv4.ip_forward=1"],
      ["rp_filter", "warning", "sysctl -w net.ipv4.conf.eth0.rp_filter=2"],
    ]);
    set("ip_forward", "1");
    // The higher of both counts: loose for all is loose for each.
    set("conf/all/rp_filter", "2");
    expect(verdicts().map(([, verdict]) => verdict)).toEqual(["ok", "ok"]);
    rmSync(root, { recursive: true });
  });
});

describe("completion", () => {
  it("is made of the commands themselves, and the shells take it", async () => {
    const program = await commandLine({ exitCode: 0 });
    const bash = completionOf(program, "bash");
    expect(bash).toContain("status");
    const complete = (...words: readonly string[]) =>
      execFileSync(
        "bash",
        [
          "-c",
          `${bash}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _metallb; echo "\${COMPREPLY[@]}"`,
        ],
        {
          encoding: "utf8",
        },
      ).trim();
    expect(complete("metallb", "expl")).toBe("explain");
    expect(complete("metallb", "status", "--kub")).toBe("--kubeconfig");
    expect(complete("metallb", "completion", "ba")).toBe("bash");
    expect(completionOf(program, "fish")).toContain("complete -c metallb -f");
    expect(completionOf(program, "zsh")).toContain("#compdef metallb");
  });

  it("quotes what a description holds", () => {
    const program = new Command("metallb");
    program.command("odd").description("it's a \\ description");
    expect(completionOf(program, "fish")).toContain("'it\\'s a \\\\ description'");
  });
});

describe("the reference", () => {
  it("is what the commands say", async () => {
    const file = new URL("../../../../docs/cli.md", import.meta.url);
    expect(readFileSync(file, "utf8")).toBe(referenceOf(await commandLine({ exitCode: 0 })));
  });
});

describe("replay", () => {
  const event = (number: number, event: object) => ({ number, at: number * 10, event, random: [0.5], leftOut: 0 });
  const dump = (...events: readonly object[]) => JSON.stringify({ format: "metallb-bgp-dump/1", events });

  it("tells what the events of a dump led to", async () => {
    const routes = { kind: "routes", change: { table: "all", announce: [], withdraw: [] } };
    const { exitCode, stdout } = await run(["replay", "a.json"], {
      "a.json": dump(event(1, routes), event(2, { kind: "shutdown", text: "bye" })),
    });
    expect(exitCode).toBe(0);
    expect(stdout).toContain("+0.000 s  routes of table all: +0 −0\n+0.010 s  shutdown: bye\n");
    expect(stdout).toContain("octet for octet");
  });

  it("says what is wrong with a file", async () => {
    for (const [text, error] of [
      ["[]", "no dump of BGP events"],
      [dump(event(1, { kind: "peer-set" })), "lacks what belongs to it"],
    ] as const) {
      const { exitCode, stderr } = await run(["replay", "a.json"], { "a.json": text });
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining(error)]);
    }
  });
});
