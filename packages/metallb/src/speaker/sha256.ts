import { createHash } from "node:crypto";

/** Of a text in UTF-8: 32 octets. */
export const sha256 = (text: string): Uint8Array => createHash("sha256").update(text).digest();
