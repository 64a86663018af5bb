import { readFileSync, unwatchFile, watchFile } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { err, ok, type Result } from "#net";
import type { KeyPair } from "./key-pair.ts";
import { selfSigned } from "./self-signed.ts";

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
export function selfSignedKeyPair(): KeyPair {
  const now = Date.now();
  const name = hostname().replaceAll(/[^A-Za-z0-9.-]/g, "-") || "metallb";
  return selfSigned(name, "localhost", new Date(now - 3_600_000), new Date(now + 10 * YEAR));
}
