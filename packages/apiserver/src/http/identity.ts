import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";

/** Who the server is and who its one user is. Keys and token are secrets. */
export interface Identity {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
  readonly token: string;
}

const FILE = "identity.json";
const YEAR = 365 * 24 * 3600 * 1000;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** The identity kept in the folder, or a new one (kept there, unless the folder is null). */
export async function loadIdentity(folder: string | null, hosts: readonly string[]): Promise<Identity> {
  const path = folder === null ? null : join(folder, FILE);
  if (path !== null && existsSync(path)) {
    const kept = readKept(path);
    if (hosts.every((host) => kept.hosts.includes(host))) return kept;
  }
  const made = { ...(await makeIdentity(hosts)), hosts };
  if (path !== null) {
    writeFileSync(`${path}.new`, JSON.stringify(made), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
  return made;
}

type Kept = Identity & { readonly hosts: readonly string[] };

/** @throws Error that names the file when it is not what was written there */
function readKept(path: string): Kept {
  const damaged = (cause: unknown) =>
    new Error(`${path} is damaged: restore it, or remove it for a new identity (kubeconfigs change)`, { cause });
  let kept: Partial<Kept> | null;
  try {
    kept = JSON.parse(readFileSync(path, "utf8")) as Partial<Kept> | null;
  } catch (error) {
    throw error instanceof SyntaxError ? damaged(error) : error;
  }
  const texts = [kept?.caPem, kept?.certPem, kept?.keyPem, kept?.token];
  if (!texts.every((text) => typeof text === "string" && text !== "") || !Array.isArray(kept?.hosts)) {
    throw damaged(null);
  }
  return kept as Kept;
}

async function makeIdentity(hosts: readonly string[]): Promise<Identity> {
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  const now = Date.now();
  const validity = { notBefore: new Date(now - 3_600_000), notAfter: new Date(now + 10 * YEAR) };
  const caKeys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    name: "CN=embedded-kubernetes-ca",
    signingAlgorithm: ALGORITHM,
    keys: caKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.create({
    ...validity,
    subject: "CN=embedded-kubernetes",
    issuer: ca.subject,
    publicKey: keys.publicKey,
    signingKey: caKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        hosts.map((host) => ({ type: /^[\d.]+$|:/.test(host) ? "ip" : "dns", value: host }) as const),
      ),
    ],
  });
  const key = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  return {
    caPem: `${ca.toString("pem")}\n`,
    certPem: `${certificate.toString("pem")}\n`,
    keyPem: `-----BEGIN PRIVATE KEY-----\n${key.replaceAll(/.{64}/g, "$&\n").trimEnd()}\n-----END PRIVATE KEY-----\n`,
    token: randomBytes(24).toString("base64url"),
  };
}

/** A kubeconfig that names this server and holds its token. */
export function kubeconfig(url: string, identity: Identity, name: string): string {
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      { name, cluster: { server: url, "certificate-authority-data": Buffer.from(identity.caPem).toString("base64") } },
    ],
    users: [{ name, user: { token: identity.token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  });
}
