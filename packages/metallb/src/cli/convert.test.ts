import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { run } from "./testing.ts";

const CONFIG = `peers:
- my-asn: 64500
  peer-asn: 64512
  peer-address: 10.0.0.1
  password: hunter2
address-pools:
- name: Default
  protocol: layer2
  addresses: [198.51.100.0/24]
`;

const configMap = (text: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\ndata:\n  config: |\n${text.replace(/^/gm, "    ")}\n`;

const kinds = (yaml: string): unknown[] =>
  parseAllDocuments(yaml).map((document) => {
    const { kind, metadata } = document.toJS() as { kind: string; metadata: { name: string; namespace: string } };
    return `${kind} ${metadata.namespace}/${metadata.name}`;
  });

describe("metallb convert", () => {
  it.each([
    ["a ConfigMap", configMap(CONFIG), 5],
    ["its text", CONFIG, 0],
    ["values of the chart", `configInline:\n${CONFIG.replace(/^/gm, "  ")}`, 1],
  ])("prints today's objects for %s, and notes with their lines", async (_, text, offset) => {
    const { exitCode, stdout, stderr } = await run(["convert", "old.yaml", "--namespace", "lb"], { "old.yaml": text });
    expect(exitCode).toBe(0);
    expect(kinds(stdout)).toEqual([
      "BGPPeer lb/peer1",
      "IPAddressPool lb/default",
      "L2Advertisement lb/l2advertisement1",
    ]);
    expect(stderr).toContain(`old.yaml:${5 + offset}: note: peers[0].password: `);
    expect(stderr).toContain(`old.yaml:${7 + offset}: note: address-pools[0].name: `);
    expect(stderr).not.toContain("hunter2");
  });

  it("prints nothing where anything is wrong, names each line, and exits 1", async () => {
    const wrong = CONFIG.replace("64500", "none").replace("protocol", "protokol");
    const { exitCode, stdout, stderr } = await run(["convert", "old.yaml"], { "old.yaml": wrong });
    expect([exitCode, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("old.yaml:2: error: peers[0].my-asn: must be a whole number");
    expect(stderr).toContain("old.yaml:8: error: address-pools[0].protokol: unknown field");
  });

  it("says what is no YAML, no ConfigMap and no file", async () => {
    const say = async (text: string) => (await run(["convert", "x.yaml"], { "x.yaml": text })).stderr;
    expect(await say("a: [1\nb: 2")).toMatch(/^x.yaml:2: /);
    expect(await say("kind: Service\n")).toBe('x.yaml:1: error: is a "Service", and no ConfigMap\n');
    expect(await say("kind: ConfigMap\ndata: {}\n")).toBe("x.yaml:2: error: the ConfigMap has no key config\n");
    expect(await run(["convert", "/nowhere.yaml"])).toMatchObject({ exitCode: 1, stdout: "" });
  });
});
