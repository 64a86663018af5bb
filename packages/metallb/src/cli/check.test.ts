import { describe, expect, it } from "vitest";
import { run } from "./testing.ts";

const head = (kind: string, name: string, version = "v1beta1"): string =>
  `apiVersion: metallb.io/${version}\nkind: ${kind}\nmetadata:\n  name: ${name}\n`;

const pool = (name: string, ...addresses: readonly string[]): string =>
  `${head("IPAddressPool", name)}spec:\n  addresses:\n${addresses.map((each) => `  - ${each}\n`).join("")}`;

describe("metallb check", () => {
  it("says that nothing is wrong, and exits 0", async () => {
    const files = {
      "all.yaml": [
        pool("a", "192.0.2.0/24"),
        `${head("BGPPeer", "p", "v1beta2")}spec: {myASN: 1, peerASN: 2, peerAddress: 10.0.0.1, passwordSecret: {name: s}}\n`,
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ntype: kubernetes.io/basic-auth\nstringData: {password: x}\n",
        "apiVersion: v1\nkind: Service\nmetadata: {name: other}\n",
      ].join("---\n"),
    };
    expect(await run(["check", "all.yaml"], files)).toEqual({
      exitCode: 0,
      stdout: "4 objects, nothing wrong\n",
      stderr: "",
    });
  });

  it("prints file, line, object, field and message of each, and exits 1", async () => {
    const files = {
      "pools.yaml": `${pool("a", "192.0.2.0/24")}---\n${pool("b", "198.51.100.0/24", "192.0.2.300/32")}`,
      "more.yaml": `${pool("c", "192.0.2.128/25")}  autoAsign: true\n`,
    };
    const { exitCode, stdout } = await run(["check", "pools.yaml", "more.yaml"], files);
    expect(exitCode).toBe(1);
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toContainEqual(
      expect.stringMatching(/^pools\.yaml:16: IPAddressPool b: spec\.addresses\[1\]: invalid CIDR/),
    );
    expect(lines).toContainEqual("more.yaml:8: IPAddressPool c: spec.autoAsign: unknown field");
    expect(lines).toContainEqual(
      expect.stringMatching(/^more\.yaml:7: IPAddressPool c: spec\.addresses\[0\]: .*overlaps/),
    );
    expect(lines.length).toBe(3);
  });

  it("names what breaks the schema, an old kind, another namespace and a name that is there twice", async () => {
    const elsewhere = pool("e", "203.0.113.0/28").replace("name: e", "name: e\n  namespace: default");
    const text = [
      `${head("BGPAdvertisement", "x")}spec: {aggregationLength: many}\n`,
      `${head("AddressPool", "old")}spec: {}\n`,
      elsewhere,
      pool("d", "203.0.113.16/28"),
      pool("d", "203.0.113.32/28"),
      head("IPAddressPool", "v", "v1alpha1"),
    ].join("---\n");
    const { stdout } = await run(["check", "x.yaml"], { "x.yaml": text });
    expect(stdout).toMatch(/^x\.yaml:5: BGPAdvertisement x: spec\.aggregationLength: /m);
    expect(stdout).toMatch(/^x\.yaml:8: AddressPool old: kind: is no kind of MetalLB: it is an IPAddressPool now$/m);
    expect(stdout).toMatch(/^x\.yaml:\d+: IPAddressPool e: metadata\.namespace: is default: /m);
    expect(stdout).toMatch(/^x\.yaml:\d+: IPAddressPool d is there twice$/m);
    expect(stdout).toMatch(/^x\.yaml:\d+: IPAddressPool v: apiVersion: is no version of this kind$/m);
  });

  it("reads Lists and JSON, and says what is no YAML", async () => {
    const list = `apiVersion: v1\nkind: List\nitems:\n- ${pool("a", "nonsense").trimEnd().replaceAll("\n", "\n  ")}\n`;
    expect((await run(["check", "l.yaml"], { "l.yaml": list })).stdout).toMatch(
      /^l\.yaml:10: IPAddressPool a: spec\.addresses\[0\]: /,
    );
    const json = JSON.stringify({
      apiVersion: "metallb.io/v1beta1",
      kind: "IPAddressPool",
      metadata: { name: "a" },
      spec: { addresses: ["x"] },
    });
    expect((await run(["check", "j.json"], { "j.json": json })).exitCode).toBe(1);
    expect(await run(["check", "b.yaml"], { "b.yaml": "a: [1\nb: 2" })).toMatchObject({
      exitCode: 1,
      stdout: expect.stringMatching(/^b\.yaml:2: /),
    });
  });
});
