import { ByteReader, ByteWriter } from "#net";
import { ERROR, MESSAGE } from "./constants.ts";
import { beginMessage, endMessage } from "./header.ts";

/** Code and subcode of RFC 4271 section 4.5 with the data that helps the other side. */
export interface Notification {
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

const NO_DATA = new Uint8Array(0);

export const notification = (code: number, subcode = 0, data: Uint8Array = NO_DATA): Notification => ({
  code,
  subcode,
  data,
});

/** RFC 9003: a shutdown communication is UTF-8 of at most 255 octets. */
export function shutdown(subcode: number, text: string): Notification {
  const encoded = new TextEncoder().encode(text);
  let length = Math.min(encoded.length, 255);
  // Not in the middle of a character.
  while (length > 0 && length < encoded.length && ((encoded[length] as number) & 0xc0) === 0x80) length--;
  return notification(ERROR.cease, subcode, Uint8Array.of(length, ...encoded.subarray(0, length)));
}

export function encodeNotification({ code, subcode, data }: Notification): Uint8Array {
  const writer = new ByteWriter(64);
  const start = beginMessage(writer, MESSAGE.notification);
  endMessage(writer.u8(code).u8(subcode).put(data.subarray(0, 4000)), start);
  return writer.bytes();
}

/** Reads the body of a NOTIFICATION; a short one is read as far as it goes, for there is nobody to complain to. */
export function decodeNotification(body: Uint8Array): Notification {
  const reader = new ByteReader(body);
  const [code, subcode] = [reader.u8(), reader.u8()];
  return { code, subcode, data: reader.view(reader.remaining) };
}
