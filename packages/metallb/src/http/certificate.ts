import { readFileSync, unwatchFile, watchFile } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { err, ok, type Result } from "#net";

/** PEM texts as TLS servers take them. `key` is a secret. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** Reads tls.crt and tls.key; `flag` is what names the folder. */
export function readKeyPair(folder: string, flag = "--metrics-cert-dir"): Result<KeyPair> {
  try {
    return ok({
      cert: readFileSync(join(folder, "tls.crt"), "utf8"),
      key: readFileSync(join(folder, "tls.key"), "utf8"),
    });
  } catch (error) {
    return err(`no certificate in ${folder} (${flag}): ${(error as Error).message}`);
  }
}

/** Calls back when either file changed, also when a mounted Secret swaps its links. Returns how to stop. */
export function watchKeyPair(folder: string, changed: () => void, interval = 5_000): () => void {
  const files = [join(folder, "tls.crt"), join(folder, "tls.key")];
  const listener = () => changed();
  for (const file of files) watchFile(file, { interval, persistent: false }, listener);
  return () => {
    for (const file of files) unwatchFile(file, listener);
  };
}

const YEAR = 365 * 24 * 3600 * 1000;

/** A certificate that lives in memory only: the scraper's bearer token is what counts. */
export async function selfSignedKeyPair(): Promise<KeyPair> {
  // The library costs memory and 100 ms: it is loaded only where a certificate has to be made.
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${hostname().replaceAll(/[^A-Za-z0-9.-]/g, "-") || "metallb"}`,
    notBefore: new Date(now - 3_600_000),
    notAfter: new Date(now + 10 * YEAR),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(false),
      new x509.SubjectAlternativeNameExtension([{ type: "dns", value: "localhost" }]),
    ],
  });
  const key = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  return {
    cert: certificate.toString("pem"),
    key: `-----BEGIN PRIVATE KEY-----\n${key.replaceAll(/.{64}/g, "$&\n").trimEnd()}\n-----END PRIVATE KEY-----\n`,
  };
}
