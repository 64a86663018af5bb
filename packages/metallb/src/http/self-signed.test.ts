import { createPrivateKey, X509Certificate } from "node:crypto";
import { connect, createServer } from "node:tls";
import { expect, it } from "vitest";
import { selfSigned } from "./self-signed.ts";

const DAY = 86_400_000;
const make = (from = new Date(Date.now() - DAY), until = new Date(Date.now() + DAY)) =>
  selfSigned("node-1.example", "localhost", from, until);

it("is a certificate that its own key has signed, and no authority", () => {
  const { cert, key } = make();
  const read = new X509Certificate(cert);
  expect([read.subject, read.issuer, read.subjectAltName]).toEqual([
    "CN=node-1.example",
    "CN=node-1.example",
    "DNS:localhost",
  ]);
  expect(read.verify(read.publicKey)).toBe(true);
  expect(read.checkPrivateKey(createPrivateKey(key))).toBe(true);
  expect(read.checkHost("localhost")).toBe("localhost");
  expect(read.ca).toBe(false);
  expect(new X509Certificate(make().cert).serialNumber).not.toBe(read.serialNumber);
});

it("says from when until when, also beyond 2049", () => {
  const read = new X509Certificate(make(new Date("2026-01-02T03:04:05Z"), new Date("2051-06-07T08:09:10Z")).cert);
  expect(new Date(read.validFrom).toISOString()).toBe("2026-01-02T03:04:05.000Z");
  expect(new Date(read.validTo).toISOString()).toBe("2051-06-07T08:09:10.000Z");
});

it("serves TLS to a client that trusts it", async () => {
  const pair = make();
  const server = createServer(pair, (socket) => socket.end("hello"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("no port");
  const client = connect({ host: "127.0.0.1", port: bound.port, ca: pair.cert, servername: "localhost" });
  let text = "";
  for await (const part of client) text += String(part);
  expect([text, client.authorized]).toEqual(["hello", true]);
  server.close();
});
