import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WAN } from "#gossip";
import { formatIp } from "#net";
import { parseFlags, SPEAKER_FLAGS } from "#process";
import { readLayer2Settings } from "./layer2-settings.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "metallb-settings-"));
  await writeFile(join(folder, "secretkey"), "0123456789012345678901");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function read(argv: readonly string[], files: { readonly exclude?: string; readonly gossip?: string } = {}) {
  const parsed = parseFlags(SPEAKER_FLAGS, argv, {});
  if (!parsed.ok) throw new Error(parsed.error.message);
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const paths = { exclude: join(folder, "exclude"), gossip: join(folder, "gossip") };
  const settings = await readLayer2Settings(parsed.value.values, paths);
  for (const name of Object.keys(files)) await rm(join(folder, name));
  return settings;
}
const GOSSIP = ["--ml-bindaddr=192.0.2.1", "--ml-labels=app=metallb"];

it("has no gossip without an address or without labels, and MetalLB's port and timing", async () => {
  for (const argv of [[], GOSSIP.slice(0, 1), GOSSIP.slice(1)])
    expect(await read(argv)).toMatchObject({ ok: true, value: { gossip: null } });
  const settings = await read([...GOSSIP, "--ml-wan-config"]);
  const gossip = settings.ok ? settings.value.gossip : null;
  expect(gossip && formatIp(gossip.address)).toBe("192.0.2.1");
  expect(gossip).toMatchObject({ port: 7_946, labels: "app=metallb", key: null, config: WAN });
});

it("takes the key from the file secretkey, as MetalLB makes one of 32 octets of it", async () => {
  const settings = await read([...GOSSIP, `--ml-secret-key-path=${folder}`]);
  const key = settings.ok ? settings.value.gossip?.key : null;
  expect(Buffer.from(key ?? []).toString("latin1")).toBe(
    `0123456789012345678901${Buffer.from("e3b0c44298fc1c149afb", "hex").toString("latin1")}`,
  );
});

it("does not start where that file is missing, whether or not gossip is asked for", async () => {
  for (const argv of [GOSSIP, []])
    expect(await read([...argv, "--ml-secret-key-path=/nowhere"])).toEqual({
      ok: false,
      error: "--ml-secret-key-path: /nowhere/secretkey cannot be read",
    });
});

it("leaves alone the interfaces that a file names in place of MetalLB's own list, anywhere in their names", async () => {
  const excluded = async (text: string | null, name: string) => {
    const settings = await read([], text === null ? {} : { exclude: text });
    return settings.ok ? new RegExp(settings.value.exclude).test(name) : settings.error;
  };
  for (const name of ["docker0", "veth12", "lo", "cali1", "lxc1"]) expect(await excluded(null, name)).toBe(true);
  for (const name of ["eth0", "lo1", "bond0"]) expect(await excluded(null, name)).toBe(false);
  const file = "announcedInterfacesToExclude: [bad, ^eth1$]";
  for (const name of ["xbad0", "eth1"]) expect(await excluded(file, name)).toBe(true);
  for (const name of ["eth10", "veth12", "lo"]) expect(await excluded(file, name)).toBe(false);
  expect(await excluded("announcedInterfacesToExclude: []", "lo")).toBe(false);
  expect(await excluded("announcedInterfacesToExclude: eth0", "eth0")).toContain("must be a list");
  expect(await excluded("announcedInterfacesToExclude: ['(']", "eth0")).toContain("exclude: ");
});

it("says what is wrong with memberlist's settings", async () => {
  expect(await read(GOSSIP, { gossip: '{"TCPTimeout": 10}' })).toMatchObject({
    ok: false,
    error: expect.stringContaining("TCPTimeout must be a duration"),
  });
});
