import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { Timestamp } from "#net";
import type { KeyPair } from "./key-pair.ts";

/** A certificate authority of our own and a certificate that it signed, as the Secret holds them. Keys are secrets. */
export interface WebhookCertificate extends KeyPair {
  readonly ca: string;
  readonly caKey: string;
}

/** Upstream's keys of the Secret. */
const KEYS = { ca: "ca.crt", caKey: "ca.key", cert: "tls.crt", key: "tls.key" } as const;

type Data = Readonly<Record<string, string>>;

const YEAR = 365 * 24 * 3600 * 1000;
/** As upstream: valid for ten years, renewed ninety days ahead. */
const LIFETIME = 10 * YEAR;
const AHEAD = 90 * 24 * 3600 * 1000;

/** What a Secret holds; null where a part is missing or is no certificate. */
export function fromSecret(data: unknown): WebhookCertificate | null {
  const texts = (data ?? {}) as Readonly<Record<string, unknown>>;
  const read = (name: string): string =>
    typeof texts[name] === "string" ? Buffer.from(texts[name], "base64").toString("utf8") : "";
  const found = { ca: read(KEYS.ca), caKey: read(KEYS.caKey), cert: read(KEYS.cert), key: read(KEYS.key) };
  if (Object.values(found).some((text) => text.trim() === "")) return null;
  return parsed(found.cert) && parsed(found.ca) ? found : null;
}

export const toSecret = (certificate: WebhookCertificate): Data =>
  Object.fromEntries(
    (Object.keys(KEYS) as (keyof typeof KEYS)[]).map((part) => [
      KEYS[part],
      Buffer.from(certificate[part]).toString("base64"),
    ]),
  );

/** Whether it has to be made anew: it ends soon, is not for these names, or the authority did not sign it. */
export function isDue({ ca, cert }: WebhookCertificate, names: readonly string[], now: Timestamp): boolean {
  const [authority, leaf] = [parsed(ca), parsed(cert)];
  if (!authority || !leaf) return true;
  if (Math.min(Date.parse(authority.validTo), Date.parse(leaf.validTo)) - now < AHEAD) return true;
  if (Date.parse(leaf.validFrom) > now) return true;
  return names.some((name) => !isFor(leaf, name)) || !leaf.checkIssued(authority);
}

const isFor = (leaf: X509Certificate, name: string): boolean =>
  (isIP(name) === 0 ? leaf.checkHost(name) : leaf.checkIP(name)) !== undefined;

function parsed(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}

/** A new authority and a certificate of it for these names (or addresses). */
export async function makeWebhookCertificate(names: readonly string[], now: Timestamp): Promise<WebhookCertificate> {
  // The library costs memory and 100 ms: it is loaded only where a certificate has to be made.
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const validity = {
    notBefore: new Date(now - 3_600_000),
    notAfter: new Date(now + LIFETIME),
    signingAlgorithm: algorithm,
  };
  const caKeys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    serialNumber: serial(),
    name: "CN=cert, O=metallb",
    keys: caKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const cert = await x509.X509CertificateGenerator.create({
    ...validity,
    serialNumber: serial(),
    subject: `CN=${names[0]?.slice(0, 64) ?? "metallb"}`,
    issuer: ca.subject,
    signingKey: caKeys.privateKey,
    publicKey: keys.publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const), value })),
      ),
    ],
  });
  return {
    ca: `${ca.toString("pem")}\n`,
    caKey: await pem(caKeys.privateKey),
    cert: `${cert.toString("pem")}\n`,
    key: await pem(keys.privateKey),
  };
}

/** Positive, and not the same for two that one authority makes. */
const serial = (): string => Buffer.from([1, ...crypto.getRandomValues(new Uint8Array(15))]).toString("hex");

async function pem(key: CryptoKey): Promise<string> {
  const text = Buffer.from(await crypto.subtle.exportKey("pkcs8", key)).toString("base64");
  return `-----BEGIN PRIVATE KEY-----\n${text.replaceAll(/.{64}/g, "$&\n").trimEnd()}\n-----END PRIVATE KEY-----\n`;
}
