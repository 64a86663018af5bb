import { ByteReader, ByteWriter } from "#net";
import { CEASE, ERROR, MESSAGE } from "./constants.ts";
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
  return { code, subcode, data: reader.view(reader.remaining).slice() };
}

const CODES: Readonly<Record<number, string>> = {
  1: "message header error",
  2: "OPEN message error",
  3: "UPDATE message error",
  4: "hold timer expired",
  5: "finite state machine error",
  6: "cease",
  7: "ROUTE-REFRESH message error",
};

const SUBCODES: Readonly<Record<number, Readonly<Record<number, string>>>> = {
  1: { 1: "connection not synchronized", 2: "bad message length", 3: "bad message type" },
  2: {
    1: "unsupported version number",
    2: "bad peer AS",
    3: "bad BGP identifier",
    4: "unsupported optional parameter",
    6: "unacceptable hold time",
    7: "unsupported capability",
    11: "role mismatch",
  },
  3: {
    1: "malformed attribute list",
    2: "unrecognized well-known attribute",
    3: "missing well-known attribute",
    4: "attribute flags error",
    5: "attribute length error",
    6: "invalid ORIGIN",
    8: "invalid NEXT_HOP",
    9: "optional attribute error",
    10: "invalid network field",
    11: "malformed AS_PATH",
  },
  5: {
    1: "unexpected message in OpenSent",
    2: "unexpected message in OpenConfirm",
    3: "unexpected message in Established",
  },
  6: {
    1: "maximum number of prefixes reached",
    2: "administrative shutdown",
    3: "peer de-configured",
    4: "administrative reset",
    5: "connection rejected",
    6: "other configuration change",
    7: "connection collision resolution",
    8: "out of resources",
    9: "hard reset",
    10: "BFD down",
  },
};

/** The notification in words, with the peer's own text where it sent one; safe to log. */
export function describeNotification({ code, subcode, data }: Notification): string {
  const name = CODES[code] ?? `code ${code}`;
  const detail = SUBCODES[code]?.[subcode] ?? (subcode === 0 ? "" : `subcode ${subcode}`);
  const text =
    code === ERROR.cease && (subcode === CEASE.administrativeShutdown || subcode === CEASE.administrativeReset)
      ? communication(data)
      : "";
  return [name, detail && `: ${detail}`, text && ` ("${text}")`].join("");
}

/** RFC 9003 section 2: what comes from outside is shown without control characters. */
function communication(data: Uint8Array): string {
  const length = data[0] ?? 0;
  if (length === 0 || length > data.length - 1) return "";
  return Array.from(new TextDecoder().decode(data.subarray(1, 1 + length)), (character) =>
    /[\p{C}\p{Zl}\p{Zp}"]/u.test(character) ? "\ufffd" : character,
  ).join("");
}
