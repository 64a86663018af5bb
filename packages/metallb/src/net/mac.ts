import { err, ok, type Result } from "./result.ts";

/** A 48-bit MAC address (IEEE 802), canonical text: six lower-case pairs with colons. */
export type Mac = string & { readonly __brand: "Mac" };

/** Reads six pairs of hexadecimal digits parted by ":" or "-". */
export function parseMac(text: string): Result<Mac> {
  const match = /^[0-9a-f]{2}([:-])[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}$/i.test(text);
  return match
    ? ok(text.toLowerCase().replaceAll("-", ":") as Mac)
    : err(`"${text.slice(0, 40)}" is not a MAC address`);
}

export const macToBytes = (mac: Mac): Uint8Array =>
  Uint8Array.from(mac.split(":"), (pair) => Number.parseInt(pair, 16));

export function macFromBytes(bytes: Uint8Array): Result<Mac> {
  if (bytes.length !== 6) return err(`a MAC address has 6 octets, not ${bytes.length}`);
  return ok(Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":") as Mac);
}
