import type { SecureVersion } from "node:tls";
import { err, ok, type Result } from "#net";

/** Flags of the same names, as they were given. */
export interface TlsFlags {
  readonly "tls-min-version": string;
  readonly "tls-cipher-suites": string;
  readonly "tls-curve-preferences": string;
}

export interface TlsSettings {
  readonly minVersion: SecureVersion;
  /** OpenSSL's names, of TLS 1.2; null: its own choice. */
  readonly ciphers: string | null;
  /** OpenSSL's names in order of preference; null: its own choice. */
  readonly curves: string | null;
}

const DEFAULT: TlsSettings = { minVersion: "TLSv1.3", ciphers: null, curves: null };

/** The suites of TLS 1.2 that Go knows, IANA's names → OpenSSL's. Those without forward secrecy are not offered by Node's default list, but may be asked for. */
const SUITES: Readonly<Record<string, string>> = {
  TLS_RSA_WITH_AES_128_CBC_SHA: "AES128-SHA",
  TLS_RSA_WITH_AES_256_CBC_SHA: "AES256-SHA",
  TLS_RSA_WITH_AES_128_GCM_SHA256: "AES128-GCM-SHA256",
  TLS_RSA_WITH_AES_256_GCM_SHA384: "AES256-GCM-SHA384",
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: "ECDHE-ECDSA-AES128-SHA",
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: "ECDHE-ECDSA-AES256-SHA",
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: "ECDHE-RSA-AES128-SHA",
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: "ECDHE-RSA-AES256-SHA",
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: "ECDHE-ECDSA-AES128-GCM-SHA256",
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: "ECDHE-ECDSA-AES256-GCM-SHA384",
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: "ECDHE-RSA-AES128-GCM-SHA256",
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: "ECDHE-RSA-AES256-GCM-SHA384",
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-RSA-CHACHA20-POLY1305",
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305: "ECDHE-RSA-CHACHA20-POLY1305",
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-ECDSA-CHACHA20-POLY1305",
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305: "ECDHE-ECDSA-CHACHA20-POLY1305",
};

/** The groups that Go knows: IANA's numbers → OpenSSL's names. */
const CURVES: Readonly<Record<number, string>> = {
  23: "P-256",
  24: "P-384",
  25: "P-521",
  29: "X25519",
  4587: "SecP256r1MLKEM768",
  4588: "X25519MLKEM768",
  4589: "SecP384r1MLKEM1024",
};

/** What servers offer, or what is wrong with a flag. */
export function readTlsSettings(flags: TlsFlags): Result<TlsSettings> {
  const minVersion: SecureVersion = flags["tls-min-version"] === "VersionTLS12" ? "TLSv1.2" : "TLSv1.3";
  const suites = listOf(flags["tls-cipher-suites"]);
  if (suites.length > 0 && minVersion === "TLSv1.3")
    return err(
      "--tls-cipher-suites: cipher suites cannot be configured with TLS 1.3; set --tls-min-version=VersionTLS12",
    );
  for (const suite of suites)
    if (!Object.hasOwn(SUITES, suite))
      return err(`--tls-cipher-suites: ${clip(suite)} is not a cipher suite of TLS 1.2`);
  const curves = curveNames(listOf(flags["tls-curve-preferences"]));
  if (!curves.ok) return err(`--tls-curve-preferences: ${curves.error}`);
  return ok({
    minVersion,
    ciphers: suites.length === 0 ? null : suites.map((suite) => SUITES[suite]).join(":"),
    curves: curves.value.length === 0 ? null : curves.value.join(":"),
  });
}

function curveNames(numbers: readonly string[]): Result<readonly string[]> {
  const names: string[] = [];
  for (const text of numbers) {
    const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
    if (number === 0 || number > 65535) return err(`${clip(text)} is not a number from 1 to 65535`);
    const name = CURVES[number];
    if (name === undefined)
      return err(`${number} is not a curve that is known here (${Object.keys(CURVES).join(", ")})`);
    if (names.includes(name)) return err(`${number} is there twice`);
    names.push(name);
  }
  return ok(names);
}

/** As Node's TLS servers take them. */
export function tlsOptions({ minVersion, ciphers, curves }: TlsSettings = DEFAULT) {
  return {
    minVersion,
    ...(ciphers === null ? {} : { ciphers }),
    ...(curves === null ? {} : { ecdhCurve: curves }),
  };
}

const listOf = (text: string): readonly string[] => (text === "" ? [] : text.split(",").map((each) => each.trim()));

const clip = (text: string): string => (text.length > 100 ? `${text.slice(0, 100)}…` : text);
