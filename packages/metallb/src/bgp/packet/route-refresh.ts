import { ByteReader, ByteWriter, err, ok, type Result } from "#net";
import type { AddressFamily } from "../settings.ts";
import { ERROR, MESSAGE, ROUTE_REFRESH_ERROR, SAFI_UNICAST } from "./constants.ts";
import { afiOf, familyOf } from "./family.ts";
import { beginMessage, endMessage } from "./header.ts";
import { type Notification, notification } from "./notification.ts";

/** RFC 2918; with RFC 7313 the third octet marks the beginning and the end of what answers it. */
export interface RouteRefresh {
  /** Null: a family that is not ours. */
  readonly family: AddressFamily | null;
  /** `unknown` is to be ignored (RFC 7313 section 5). */
  readonly subtype: "request" | "begin" | "end" | "unknown";
}

const SUBTYPES = ["request", "begin", "end"] as const;

export function encodeRouteRefresh(family: AddressFamily, subtype: "request" | "begin" | "end"): Uint8Array {
  const writer = new ByteWriter(32);
  const start = beginMessage(writer, MESSAGE.routeRefresh);
  endMessage(writer.u16(afiOf(family)).u8(SUBTYPES.indexOf(subtype)).u8(SAFI_UNICAST), start);
  return writer.bytes();
}

/**
 * Reads the body of a ROUTE-REFRESH. A request may carry an outbound filter (RFC 5291), which is not
 * looked at; anything else must have exactly four octets, or the whole message goes back (RFC 7313
 * section 5). Of a peer that did not offer RFC 7313 (`enhanced`) every message asks: to it the third
 * octet is reserved, and ignored (RFC 2918 section 3).
 */
export function decodeRouteRefresh(body: Uint8Array, enhanced: boolean): Result<RouteRefresh, Notification> {
  const reader = new ByteReader(body);
  const [afi, third, safi] = [reader.u16(), reader.u8(), reader.u8()];
  const subtype = enhanced ? third : 0;
  if (reader.failed || ((subtype === 1 || subtype === 2) && reader.remaining > 0))
    return err(notification(ERROR.routeRefresh, ROUTE_REFRESH_ERROR.invalidLength, wholeMessage(body)));
  return ok({ family: familyOf(afi, safi), subtype: SUBTYPES[subtype] ?? "unknown" });
}

function wholeMessage(body: Uint8Array): Uint8Array {
  const writer = new ByteWriter(64);
  const start = beginMessage(writer, MESSAGE.routeRefresh);
  endMessage(writer.put(body), start);
  return writer.bytes();
}
