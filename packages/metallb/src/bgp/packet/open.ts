import { ByteReader, ByteWriter, err, type Ip, ip, ok, type Result, type Seconds } from "#net";
import type { Asn } from "../settings.ts";
import { type Capabilities, CapabilityReader, encodeCapabilities } from "./capabilities.ts";
import { AS_TRANS, ERROR, MESSAGE, OPEN_ERROR, PARAMETER } from "./constants.ts";
import { beginMessage, endMessage } from "./header.ts";
import { type Notification, notification } from "./notification.ts";

/** RFC 4271 section 4.2. */
export interface Open {
  /** Of the header field; AS_TRANS where four octets are needed. */
  readonly as: Asn;
  /** Seconds. */
  readonly holdTime: Seconds;
  /** BGP Identifier, written as an IPv4 address. */
  readonly identifier: Ip;
  readonly capabilities: Capabilities;
}

const VERSION = 4;

export function encodeOpen({ as, holdTime, identifier, capabilities }: Open): Uint8Array {
  const parameter = new ByteWriter(64);
  encodeCapabilities(parameter, capabilities);
  const writer = new ByteWriter(128);
  const start = beginMessage(writer, MESSAGE.open);
  writer
    .u8(VERSION)
    .u16(as > 0xffff ? AS_TRANS : as)
    .u16(holdTime)
    .u32(Number(identifier.value));
  // One optional parameter holds all: what this library offers is never near 255 octets.
  if (parameter.length === 0) writer.u8(0);
  else
    writer
      .u8(parameter.length + 2)
      .u8(PARAMETER.capabilities)
      .u8(parameter.length)
      .put(parameter.view());
  endMessage(writer, start);
  return writer.bytes();
}

/** Reads the body of an OPEN; the error is the NOTIFICATION of RFC 4271 section 6.2. */
export function decodeOpen(body: Uint8Array): Result<Open, Notification> {
  const malformed = err(notification(ERROR.open));
  const reader = new ByteReader(body);
  // The data is the version that this side speaks.
  if (reader.u8() !== VERSION)
    return err(notification(ERROR.open, OPEN_ERROR.unsupportedVersion, Uint8Array.of(0, VERSION)));
  const [as, holdTime, identifier] = [reader.u16(), reader.u16(), reader.u32()];
  let length = reader.u8();
  // RFC 9072 section 2: a first parameter of type 255 announces lengths of two octets.
  const extended = length > 0 && body[reader.offset] === PARAMETER.extendedLength;
  if (extended) {
    reader.u8();
    length = reader.u16();
  }
  if (reader.failed || length !== reader.remaining) return malformed;
  const capabilities = new CapabilityReader();
  while (reader.remaining > 0) {
    const type = reader.u8();
    const parameter = reader.sub(extended ? reader.u16() : reader.u8());
    if (reader.failed || parameter.failed) return malformed;
    if (type !== PARAMETER.capabilities) return err(notification(ERROR.open, OPEN_ERROR.unsupportedParameter));
    if (!capabilities.read(parameter)) return malformed;
  }
  return ok({ as, holdTime, identifier: ip(4, BigInt(identifier)), capabilities: capabilities.result() });
}
