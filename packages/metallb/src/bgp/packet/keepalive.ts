import { ByteWriter } from "#net";
import { HEADER_LENGTH, MESSAGE } from "./constants.ts";
import { beginMessage, endMessage } from "./header.ts";

/** RFC 4271 section 4.4: a header alone. */
export function encodeKeepalive(): Uint8Array {
  const writer = new ByteWriter(HEADER_LENGTH);
  endMessage(writer, beginMessage(writer, MESSAGE.keepalive));
  return writer.bytes();
}
