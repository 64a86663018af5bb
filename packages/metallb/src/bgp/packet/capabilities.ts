import type { ByteReader, ByteWriter } from "#net";
import type { AddressFamily, Asn } from "../settings.ts";
import { AFI, CAPABILITY, SAFI_UNICAST } from "./constants.ts";
import { afiOf, familyOf } from "./family.ts";

/** RFC 4724 section 3. */
export interface GracefulRestart {
  /** R: the side has restarted, and must not be waited for. */
  readonly restarting: boolean;
  /** RFC 8538: NOTIFICATIONs are graceful too. */
  readonly notification: boolean;
  /** Seconds, 0 to 4095. */
  readonly restartTime: number;
  /** F: forwarding went on while the side restarted. */
  readonly families: readonly { readonly family: AddressFamily; readonly forwarding: boolean }[];
}

/** What one side can do (RFC 5492). What this library does not know is left out. */
export interface Capabilities {
  /** RFC 4760; none named means IPv4 unicast alone. */
  readonly families: readonly AddressFamily[];
  /** RFC 8950: IPv4 routes may have an IPv6 next hop. */
  readonly extendedNextHop: boolean;
  /** RFC 2918. */
  readonly routeRefresh: boolean;
  /** RFC 7313. */
  readonly enhancedRouteRefresh: boolean;
  /** RFC 8654. */
  readonly extendedMessage: boolean;
  /** RFC 6793; null: the side speaks two octets only. */
  readonly fourOctetAs: Asn | null;
  readonly gracefulRestart: GracefulRestart | null;
}

/** Writes the capabilities one after the other, as they stand in an optional parameter of type 2. */
export function encodeCapabilities(writer: ByteWriter, capabilities: Capabilities): void {
  for (const family of capabilities.families)
    writer.u8(CAPABILITY.multiprotocol).u8(4).u16(afiOf(family)).u8(0).u8(SAFI_UNICAST);
  if (capabilities.routeRefresh) writer.u8(CAPABILITY.routeRefresh).u8(0);
  if (capabilities.extendedNextHop)
    writer.u8(CAPABILITY.extendedNextHop).u8(6).u16(AFI.ipv4).u16(SAFI_UNICAST).u16(AFI.ipv6);
  if (capabilities.extendedMessage) writer.u8(CAPABILITY.extendedMessage).u8(0);
  if (capabilities.gracefulRestart) encodeGracefulRestart(writer, capabilities.gracefulRestart);
  if (capabilities.fourOctetAs !== null) writer.u8(CAPABILITY.fourOctetAs).u8(4).u32(capabilities.fourOctetAs);
  if (capabilities.enhancedRouteRefresh) writer.u8(CAPABILITY.enhancedRouteRefresh).u8(0);
}

function encodeGracefulRestart(writer: ByteWriter, restart: GracefulRestart): void {
  writer.u8(CAPABILITY.gracefulRestart).u8(2 + 4 * restart.families.length);
  writer.u16((restart.restarting ? 0x8000 : 0) | (restart.notification ? 0x4000 : 0) | (restart.restartTime & 0xfff));
  for (const { family, forwarding } of restart.families)
    writer
      .u16(afiOf(family))
      .u8(SAFI_UNICAST)
      .u8(forwarding ? 0x80 : 0);
}

/**
 * Gathers capabilities over all optional parameters: they may be spread, repeated and unknown
 * (RFC 5492 section 4). Of one that carries a single value the last counts; a value of the wrong
 * length is left out.
 */
export class CapabilityReader {
  private readonly families = new Set<AddressFamily>();
  private readonly seen = new Set<number>();
  private extendedNextHop = false;
  private fourOctetAs: Asn | null = null;
  private gracefulRestart: GracefulRestart | null = null;

  /** False: a length goes beyond the parameter. */
  read(reader: ByteReader): boolean {
    while (reader.remaining > 0) {
      const code = reader.u8();
      const value = reader.sub(reader.u8());
      if (reader.failed || value.failed) return false;
      this.one(code, value);
    }
    return true;
  }

  private one(code: number, value: ByteReader): void {
    this.seen.add(code);
    switch (code) {
      case CAPABILITY.multiprotocol:
        if (value.remaining === 4) this.multiprotocol(value);
        return;
      case CAPABILITY.extendedNextHop:
        while (value.remaining >= 6)
          if (familyOf(value.u16(), value.u16()) === "ipv4-unicast") this.extendedNextHop ||= value.u16() === AFI.ipv6;
          else value.u16();
        return;
      case CAPABILITY.fourOctetAs:
        if (value.remaining === 4) this.fourOctetAs = value.u32();
        return;
      case CAPABILITY.gracefulRestart:
        if (value.remaining >= 2) this.gracefulRestart = readGracefulRestart(value);
    }
  }

  private multiprotocol(value: ByteReader): void {
    const afi = value.u16();
    value.u8();
    const family = familyOf(afi, value.u8());
    if (family) this.families.add(family);
  }

  result(): Capabilities {
    return {
      families: [...this.families],
      extendedNextHop: this.extendedNextHop,
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
