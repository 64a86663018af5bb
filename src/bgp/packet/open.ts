import { ByteReader, ByteWriter, err, type Ip, ip, ok, type Result } from "#net";
import type { AddressFamily, Asn } from "../settings.ts";
import { AFI, AS_TRANS, CAPABILITY, ERROR, MESSAGE, OPEN_ERROR, SAFI_UNICAST } from "./constants.ts";
import { beginMessage, endMessage } from "./header.ts";
import { type Notification, notification } from "./notification.ts";

/** RFC 4724 section 3. */
export interface GracefulRestart {
  readonly restarting: boolean;
  /** RFC 8538: NOTIFICATIONs are graceful too. */
  readonly notification: boolean;
  /** Seconds, 0 to 4095. */
  readonly restartTime: number;
  readonly families: readonly { readonly family: AddressFamily; readonly forwarding: boolean }[];
}

/** What one side can do (RFC 5492). Families that this project does not know are left out. */
export interface Capabilities {
  readonly families: readonly AddressFamily[];
  readonly routeRefresh: boolean;
  readonly enhancedRouteRefresh: boolean;
  readonly extendedMessage: boolean;
  /** RFC 6793; null: the side speaks two octets only. */
  readonly fourOctetAs: Asn | null;
  readonly gracefulRestart: GracefulRestart | null;
}

/** RFC 4271 section 4.2. */
export interface Open {
  /** Of the header field; AS_TRANS where four octets are needed. */
  readonly as: Asn;
  /** Seconds. */
  readonly holdTime: number;
  readonly identifier: Ip;
  readonly capabilities: Capabilities;
}

const AFI_OF: Readonly<Record<AddressFamily, number>> = { "ipv4-unicast": AFI.ipv4, "ipv6-unicast": AFI.ipv6 };

/** The family of an AFI/SAFI pair; null for one that is not ours. */
export const familyOf = (afi: number, safi: number): AddressFamily | null =>
  safi !== SAFI_UNICAST ? null : afi === AFI.ipv4 ? "ipv4-unicast" : afi === AFI.ipv6 ? "ipv6-unicast" : null;

export const afiOf = (family: AddressFamily): number => AFI_OF[family];

export function encodeOpen({ as, holdTime, identifier, capabilities }: Open): Uint8Array {
  const body = new ByteWriter(64);
  for (const family of capabilities.families)
    body.u8(CAPABILITY.multiprotocol).u8(4).u16(afiOf(family)).u8(0).u8(SAFI_UNICAST);
  if (capabilities.routeRefresh) body.u8(CAPABILITY.routeRefresh).u8(0);
  if (capabilities.extendedMessage) body.u8(CAPABILITY.extendedMessage).u8(0);
  if (capabilities.gracefulRestart) encodeGracefulRestart(body, capabilities.gracefulRestart);
  if (capabilities.fourOctetAs !== null) body.u8(CAPABILITY.fourOctetAs).u8(4).u32(capabilities.fourOctetAs);
  if (capabilities.enhancedRouteRefresh) body.u8(CAPABILITY.enhancedRouteRefresh).u8(0);
  const writer = new ByteWriter(128);
  const start = beginMessage(writer, MESSAGE.open);
  writer
    .u8(4)
    .u16(as > 0xffff ? AS_TRANS : as)
    .u16(holdTime)
    .u32(Number(identifier.value));
  // One optional parameter of type 2 holds all capabilities: they are never near 255 octets.
  if (body.length === 0) writer.u8(0);
  else
    writer
      .u8(body.length + 2)
      .u8(2)
      .u8(body.length)
      .put(body.view());
  endMessage(writer, start);
  return writer.bytes();
}

function encodeGracefulRestart(
  writer: ByteWriter,
  { restarting, notification: n, restartTime, families }: GracefulRestart,
): void {
  writer.u8(CAPABILITY.gracefulRestart).u8(2 + 4 * families.length);
  writer.u16((restarting ? 0x8000 : 0) | (n ? 0x4000 : 0) | (restartTime & 0xfff));
  for (const { family, forwarding } of families)
    writer
      .u16(afiOf(family))
      .u8(SAFI_UNICAST)
      .u8(forwarding ? 0x80 : 0);
}

/** Reads the body of an OPEN; the error is the NOTIFICATION of RFC 4271 section 6.2. */
export function decodeOpen(body: Uint8Array): Result<Open, Notification> {
  const reader = new ByteReader(body);
  const version = reader.u8();
  if (version !== 4) return err(notification(ERROR.open, OPEN_ERROR.unsupportedVersion, Uint8Array.of(0, 4)));
  const [as, holdTime, identifier] = [reader.u16(), reader.u16(), reader.u32()];
  let length = reader.u8();
  // RFC 9072: 255 and parameter type 255 announce lengths of two octets.
  const wide = length === 255 && reader.remaining >= 3 && body[reader.offset] === 255;
  if (wide) {
    reader.u8();
    length = reader.u16();
  }
  if (reader.failed || length !== reader.remaining) return err(notification(ERROR.open));
  const capabilities = new CapabilityReader();
  while (reader.remaining > 0) {
    const type = reader.u8();
    const parameter = reader.sub(wide ? reader.u16() : reader.u8());
    if (reader.failed) return err(notification(ERROR.open));
    if (type !== 2) return err(notification(ERROR.open, OPEN_ERROR.unsupportedParameter));
    if (!capabilities.read(parameter)) return err(notification(ERROR.open));
  }
  return ok({ as, holdTime, identifier: ip(4, BigInt(identifier)), capabilities: capabilities.result() });
}

/** Gathers capabilities over all parameters: they may be spread and repeated (RFC 5492 section 4). */
class CapabilityReader {
  private readonly families = new Set<AddressFamily>();
  private readonly seen = new Set<number>();
  private fourOctetAs: Asn | null = null;
  private gracefulRestart: GracefulRestart | null = null;

  read(reader: ByteReader): boolean {
    while (reader.remaining > 0) {
      const code = reader.u8();
      const value = reader.sub(reader.u8());
      if (reader.failed) return false;
      this.one(code, value);
    }
    return true;
  }

  private one(code: number, value: ByteReader): void {
    this.seen.add(code);
    if (code === CAPABILITY.multiprotocol && value.remaining === 4) {
      const afi = value.u16();
      value.u8();
      const family = familyOf(afi, value.u8());
      if (family) this.families.add(family);
    } else if (code === CAPABILITY.fourOctetAs && value.remaining === 4) this.fourOctetAs = value.u32();
    else if (code === CAPABILITY.gracefulRestart && value.remaining >= 2)
      this.gracefulRestart = readGracefulRestart(value);
  }

  result(): Capabilities {
    return {
      families: [...this.families],
      routeRefresh: this.seen.has(CAPABILITY.routeRefresh),
      enhancedRouteRefresh: this.seen.has(CAPABILITY.enhancedRouteRefresh),
      extendedMessage: this.seen.has(CAPABILITY.extendedMessage),
      fourOctetAs: this.fourOctetAs,
      gracefulRestart: this.gracefulRestart,
    };
  }
}

function readGracefulRestart(value: ByteReader): GracefulRestart {
  const word = value.u16();
  const families: { family: AddressFamily; forwarding: boolean }[] = [];
  while (value.remaining >= 4) {
    const family = familyOf(value.u16(), value.u8());
    const flags = value.u8();
    if (family) families.push({ family, forwarding: (flags & 0x80) !== 0 });
  }
  return {
    restarting: (word & 0x8000) !== 0,
    notification: (word & 0x4000) !== 0,
    restartTime: word & 0xfff,
    families,
  };
}
