import { CEASE, ERROR } from "./constants.ts";
import type { Notification } from "./notification.ts";

// Names of the registry: https://www.iana.org/assignments/bgp-parameters

const CODES: Readonly<Record<number, string>> = {
  1: "message header error",
  2: "OPEN message error",
  3: "UPDATE message error",
  4: "hold timer expired",
  5: "finite state machine error",
  6: "cease",
  7: "ROUTE-REFRESH message error",
  8: "send hold timer expired",
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
  7: { 1: "invalid message length" },
};

/** The notification in words, with the peer's own text where it sent one; safe to log. */
export function describeNotification({ code, subcode, data }: Notification): string {
  const name = CODES[code] ?? `code ${code}`;
  const detail = SUBCODES[code]?.[subcode] ?? (subcode === 0 ? "" : `subcode ${subcode}`);
  const text = code === ERROR.cease ? inside(subcode, data) : "";
  return [name, detail && `: ${detail}`, text && ` (${text})`].join("");
}

function inside(subcode: number, data: Uint8Array): string {
  if (subcode === CEASE.administrativeShutdown || subcode === CEASE.administrativeReset) return communication(data);
  // RFC 8538 section 3: a hard reset carries the notification that it stands for.
  const [code, inner] = data;
  if (subcode !== CEASE.hardReset || code === undefined || inner === undefined) return "";
  return code === ERROR.cease && inner === CEASE.hardReset
    ? ""
    : describeNotification({ code, subcode: inner, data: data.subarray(2) });
}

/** RFC 9003 section 2: what comes from outside is shown without control characters. */
function communication(data: Uint8Array): string {
  const length = data[0] ?? 0;
  if (length === 0 || length > data.length - 1) return "";
  const text = Array.from(new TextDecoder().decode(data.subarray(1, 1 + length)), (character) =>
    /[\p{C}\p{Zl}\p{Zp}"]/u.test(character) ? "\ufffd" : character,
  );
  return `"${text.join("")}"`;
}
