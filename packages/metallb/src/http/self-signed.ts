import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import type { KeyPair } from "./key-pair.ts";

// A certificate in DER (ITU-T X.690) as RFC 5280 section 4.1 has it. A library would do it too, and would
// stay in memory on every node, 15 MB of it, for the one certificate of a process.

const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  /** `[0]` and `[3]` of TBSCertificate; `[2]` of GeneralName, a DNS name. */
  version: 0xa0,
  extensions: 0xa3,
  dnsName: 0x82,
} as const;

function der(tag: number, ...contents: readonly (Buffer | string)[]): Buffer {
  const content = Buffer.concat(contents.map((part) => (typeof part === "string" ? Buffer.from(part, "utf8") : part)));
  const { length } = content;
  const head =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

const sequence = (...parts: readonly Buffer[]): Buffer => der(TAG.sequence, ...parts);

/** Arcs below 128 are one octet each; larger ones go by seven bits. */
function oid(first: number, second: number, ...arcs: readonly number[]): Buffer {
  const octets = [first * 40 + second];
  for (const arc of arcs) {
    const groups = [arc & 0x7f];
    for (let rest = arc >>> 7; rest > 0; rest >>>= 7) groups.unshift((rest & 0x7f) | 0x80);
    octets.push(...groups);
  }
  return der(TAG.oid, Buffer.from(octets));
}

const ECDSA_WITH_SHA256 = sequence(oid(1, 2, 840, 10045, 4, 3, 2));
const COMMON_NAME = oid(2, 5, 4, 3);
const BASIC_CONSTRAINTS = oid(2, 5, 29, 19);
const SUBJECT_ALT_NAME = oid(2, 5, 29, 17);

const name = (commonName: string): Buffer =>
  sequence(der(TAG.set, sequence(COMMON_NAME, der(TAG.utf8, commonName.slice(0, 64)))));

/** RFC 5280 section 4.1.2.5: two digits for the year until 2049. */
function time(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/[-T:]|\.\d+/g, "");
  return date.getUTCFullYear() < 2050 ? der(TAG.utcTime, digits.slice(2)) : der(TAG.generalizedTime, digits);
}

const pem = (label: string, bytes: Buffer): string =>
  `-----BEGIN ${label}-----\n${bytes.toString("base64").replaceAll(/.{64}/g, "$&\n").trimEnd()}\n-----END ${label}-----\n`;

/** A certificate of a fresh P-256 key, signed with it, that is no authority. */
export function selfSigned(commonName: string, dnsName: string, from: Date, until: Date): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  // 127 bits that do not begin with zeros: a positive number in its shortest form.
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  const extensions = sequence(
    sequence(BASIC_CONSTRAINTS, der(TAG.octetString, sequence())),
    sequence(SUBJECT_ALT_NAME, der(TAG.octetString, sequence(der(TAG.dnsName, dnsName)))),
  );
  const body = sequence(
    // X.509 version 3.
    der(TAG.version, der(TAG.integer, Buffer.from([2]))),
    der(TAG.integer, serial),
    ECDSA_WITH_SHA256,
    name(commonName),
    sequence(time(from), time(until)),
    name(commonName),
    publicKey.export({ type: "spki", format: "der" }),
    der(TAG.extensions, extensions),
  );
  const signature = sign("sha256", body, privateKey);
  const certificate = sequence(body, ECDSA_WITH_SHA256, der(TAG.bitString, Buffer.from([0]), signature));
  return {
    cert: pem("CERTIFICATE", certificate),
    key: pem("PRIVATE KEY", privateKey.export({ type: "pkcs8", format: "der" })),
  };
}
