import { ByteReader, ByteWriter } from "#net";
import type { AddressFamily } from "../settings.ts";
import { MESSAGE, SAFI_UNICAST } from "./constants.ts";
import { beginMessage, endMessage } from "./header.ts";
import { afiOf, familyOf } from "./open.ts";

/** RFC 2918; with RFC 7313 the middle octet marks the beginning and the end of what answers it. */
export interface RouteRefresh {
  /** Null: a family that is not ours. */
  readonly family: AddressFamily | null;
  readonly subtype: "request" | "begin" | "end" | "unknown";
}

const SUBTYPES = ["request", "begin", "end"] as const;

export function encodeRouteRefresh(family: AddressFamily, subtype: "request" | "begin" | "end"): Uint8Array {
  const writer = new ByteWriter(32);
  const start = beginMessage(writer, MESSAGE.routeRefresh);
  endMessage(writer.u16(afiOf(family)).u8(SUBTYPES.indexOf(subtype)).u8(SAFI_UNICAST), start);
  return writer.bytes();
}

/** Reads the body of a ROUTE-REFRESH; octets beyond the fourth (RFC 5291) are not looked at. */
export function decodeRouteRefresh(body: Uint8Array): RouteRefresh {
  const reader = new ByteReader(body);
  const [afi, subtype, safi] = [reader.u16(), reader.u8(), reader.u8()];
  return { family: reader.failed ? null : familyOf(afi, safi), subtype: SUBTYPES[subtype] ?? "unknown" };
}
