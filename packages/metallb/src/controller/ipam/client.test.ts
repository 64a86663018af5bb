import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { selfSignedKeyPair } from "#http";
import { IpamClient } from "./client.ts";
import { readIpamSettings } from "./settings.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const ask = { pool: "p", range: "r", family: 4, wanted: null } as const;
const owner = { uid: "u", namespace: "n", name: "s" };
const signal = new AbortController().signal;

async function clientOf(listener: RequestListener, trusted = true) {
  const { cert, key } = selfSignedKeyPair();
  const server = createServer({ cert, key }, listener);
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const folder = await mkdtemp(join(tmpdir(), "metallb-ipam-"));
  const [tokenFile, caFile] = [join(folder, "token"), join(folder, "ca.crt")];
  await writeFile(tokenFile, "one\n");
  if (trusted) await writeFile(caFile, cert);
  const told: string[] = [];
  const url = new URL(`https://localhost:${(server.address() as AddressInfo).port}/ipam/`);
  const client = new IpamClient({ url, cluster: "a b", tokenFile, caFile }, (...each) => told.push(each.join(" ")));
  undo.push(
    () => rm(folder, { recursive: true }),
    () => new Promise((resolve) => server.close(resolve)),
    () => server.closeAllConnections(),
    () => client.close(),
  );
  return { client, told, tokenFile };
}

it("trusts the certificate that it is given, and no other, and shows the token as it is now", async () => {
  const seen: string[] = [];
  const { client, told, tokenFile } = await clientOf((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    response.end(
      JSON.stringify({ items: [{ address: "192.0.2.1", uid: "u" }], continue: seen.length === 1 ? "next" : "" }),
    );
  });
  expect(await client.list(signal)).toHaveLength(2);
  await writeFile(tokenFile, "two");
  await client.release({ address: { family: 4, value: 0xc0_00_02_01n }, uid: "u&v" }, signal);
  expect(seen).toEqual([
    "GET /ipam/v1/clusters/a%20b/allocations?limit=1000 Bearer one",
    "GET /ipam/v1/clusters/a%20b/allocations?limit=1000&continue=next Bearer one",
    "DELETE /ipam/v1/clusters/a%20b/allocations/192.0.2.1?uid=u%26v Bearer two",
  ]);
  expect(told).toEqual(["list ok", "list ok", "release ok"]);
  const stranger = await clientOf((_, response) => response.end("{}"), false);
  await expect(stranger.client.list(signal)).rejects.toMatchObject({
    status: 0,
    message: /SELF_SIGNED|UNABLE_TO_VERIFY/,
  });
  expect(stranger.told).toEqual(["list failed"]);
});

it.each<[string, number, string, object]>([
  ["no room", 409, '{"message":"the range\\nis full"}', { kind: "refused", why: "the range is full", isFull: true }],
  ["not for this one", 422, "nonsense", { kind: "refused", why: "status 422", isFull: false }],
  ["an address", 201, '{"address":"192.0.2.9"}', { kind: "given", address: { family: 4, value: 0xc0_00_02_09n } }],
])("takes %s for an answer", async (_, status, body, expected) => {
  const { client } = await clientOf((_request, response) => response.writeHead(status).end(body));
  expect(await client.allocate(owner, ask, false, signal)).toEqual(expected);
});

it.each<[string, number, string, object]>([
  ["an error", 503, '{"message":"busy"}', { status: 503, message: "503 busy", retryAfter: 7_000 }],
  ["a redirection", 302, "", { status: 302 }],
  ["no address", 200, '{"address":7}', { message: "its answer cannot be used: it names no address" }],
  ["an endless answer", 200, `"${"x".repeat(5 * 1024 * 1024)}"`, { reason: "TooLarge" }],
])("takes %s for no answer", async (_, status, body, expected) => {
  const { client, told } = await clientOf((_request, response) =>
    response.writeHead(status, { "retry-after": "7", location: "http://localhost/" }).end(body),
  );
  await expect(client.allocate(owner, ask, false, signal)).rejects.toMatchObject(expected);
  if (status !== 200 || body.length > 100) expect(told).toEqual(["allocate failed"]);
});

it("does not wait for ever for pages", async () => {
  const { client } = await clientOf((_, response) => response.end('{"items":[],"continue":"again"}'));
  await expect(client.list(signal)).rejects.toMatchObject({ message: /more than 200 pages/ });
});

it("reads settings from the command line", () => {
  const flags = { "ipam-url": "", "ipam-cluster": "", "ipam-token-file": "", "ipam-ca-file": "" };
  expect(readIpamSettings(flags)).toEqual({ ok: true, value: null });
  expect(readIpamSettings({ ...flags, "ipam-url": "https://ipam/x", "ipam-cluster": "one" })).toMatchObject({
    value: { cluster: "one", tokenFile: null, caFile: null },
  });
  for (const url of ["ftp://ipam", "nonsense", "https://user:password@ipam/"])
    expect(readIpamSettings({ ...flags, "ipam-url": url, "ipam-cluster": "one" }).ok).toBe(false);
  expect(readIpamSettings({ ...flags, "ipam-url": "https://ipam" }).ok).toBe(false);
});
