import { ByteReader, ByteWriter } from "#net";
import type { Instant } from "./events.ts";
import type { ControlPacket } from "./packet.ts";
import type { BfdAuthentication } from "./settings.ts";

/** A hash function that the shell has. */
export type Digest = (algorithm: "md5" | "sha1", bytes: Uint8Array) => Uint8Array;

interface Scheme {
  /** Auth Type of RFC 5880 section 4.1. */
  readonly type: number;
  /** Null: the password itself is sent. */
  readonly digest: "md5" | "sha1" | null;
  /** Octets of the digest, and so of the key that goes in its place first. */
  readonly size: number;
  /** A sequence number is never taken twice. */
  readonly meticulous: boolean;
}

const SCHEME: Readonly<Record<BfdAuthentication["type"], Scheme>> = {
  simple: { type: 1, digest: null, size: 16, meticulous: false },
  "keyed-md5": { type: 2, digest: "md5", size: 16, meticulous: false },
  "meticulous-keyed-md5": { type: 3, digest: "md5", size: 16, meticulous: true },
  "keyed-sha1": { type: 4, digest: "sha1", size: 20, meticulous: false },
  "meticulous-keyed-sha1": { type: 5, digest: "sha1", size: 20, meticulous: true },
};

const LENGTH_AT = 3;
const FLAGS_AT = 1;
const AUTHENTICATED = 0x04;
/** Of the mandatory section of a packet. */
const HEADER = 24;
/** Of type, length, key ID, reserved octet and sequence number. */
const DIGEST_AT = HEADER + 8;

interface Ports {
  readonly digest: Digest;
  readonly random: () => number;
}

/** Who counts as the peer of a session: with authentication or without. */
export class Guard {
  private readonly authenticator: Authenticator | null;

  constructor(settings: BfdAuthentication | null, ports: Ports) {
    this.authenticator = settings && new Authenticator(settings, ports);
  }

  sign(packet: Uint8Array): Uint8Array {
    return this.authenticator?.sign(packet) ?? packet;
  }

  /** Why the packet is discarded (RFC 5880 section 6.8.6), for people; null: it is the peer's. */
  refusal({ authenticated, detectMultiplier }: ControlPacket, bytes: Uint8Array, now: Instant): string | null {
    const discarded = "BFD packets of the peer are discarded:";
    if (this.authenticator === null)
      return authenticated ? `${discarded} the peer uses authentication and none is configured` : null;
    if (!authenticated) return `${discarded} they have no authentication`;
    if (this.authenticator.accepts(bytes, detectMultiplier, now)) return null;
    return `${discarded} their authentication does not fit (another key, key ID or type, or they are old)`;
  }

  heardAt(now: Instant, detectionTime: number): void {
    this.authenticator?.heardAt(now, detectionTime);
  }
}

/** Signs what one session sends, and checks what it is sent (RFC 5880 section 6.7). */
class Authenticator {
  private readonly scheme: Scheme;
  private readonly keyId: number;
  private readonly key: Uint8Array;
  private readonly digest: Digest;
  /** bfd.XmitAuthSeq. */
  private sending: number;
  /** bfd.RcvAuthSeq; null: not known (bfd.AuthSeqKnown is 0). */
  private heard: number | null = null;
  private forgetAt: Instant = Number.POSITIVE_INFINITY;

  constructor({ type, keyId, key }: BfdAuthentication, ports: Ports) {
    this.scheme = SCHEME[type];
    this.keyId = keyId;
    this.key = new TextEncoder().encode(key).subarray(0, this.scheme.size);
    this.digest = ports.digest;
    this.sending = Math.floor(ports.random() * 0x1_0000_0000);
  }

  /** The packet with its authentication section. */
  sign(packet: Uint8Array): Uint8Array {
    const { type, size } = this.scheme;
    if (this.scheme.digest === null) {
      const section = [type, 3 + this.key.length, this.keyId];
      return marked(new ByteWriter(HEADER + 19).put(packet).put(Uint8Array.from(section)).put(this.key).bytes());
    }
    // Section 6.7.3: it MUST grow with each packet where it is meticulous, and MAY otherwise.
    this.sending = (this.sending + 1) % 0x1_0000_0000;
    const section = new ByteWriter(8)
      .u8(type)
      .u8(8 + size)
      .u8(this.keyId)
      .u8(0)
      .u32(this.sending)
      .bytes();
    const whole = marked(new ByteWriter(DIGEST_AT + size).put(packet).put(section).put(this.padded).bytes());
    whole.set(this.digest(this.scheme.digest, whole), DIGEST_AT);
    return whole;
  }

  /** Whether the packet is the peer's, and no old one. */
  accepts(packet: Uint8Array, detectMultiplier: number, now: Instant): boolean {
    const { type, size, meticulous } = this.scheme;
    const reader = new ByteReader(packet.subarray(HEADER));
    const [sentType, length, keyId] = [reader.u8(), reader.u8(), reader.u8()];
    const whole = packet.subarray(0, packet[LENGTH_AT] ?? 0);
    if (sentType !== type || keyId !== this.keyId || whole.length !== HEADER + length) return false;
    if (this.scheme.digest === null) return sameOctets(whole.subarray(HEADER + 3), this.key);
    if (length !== 8 + size) return false;
    reader.u8();
    const sequence = reader.u32();
    if (now >= this.forgetAt) this.heard = null;
    if (this.heard !== null) {
      // Section 6.7.3, in circles: as far ahead as three detection times can bring it.
      const ahead = (sequence - this.heard + 0x1_0000_0000) % 0x1_0000_0000;
      if (ahead > 3 * detectMultiplier || (meticulous && ahead === 0)) return false;
    }
    // Not `slice`, which copies nothing of a Buffer.
    const unsigned = Uint8Array.from(whole);
    unsigned.set(this.padded, DIGEST_AT);
    if (!sameOctets(whole.subarray(DIGEST_AT), this.digest(this.scheme.digest, unsigned))) return false;
    this.heard = sequence;
    return true;
  }

  /** Section 6.8.1: after twice the detection time without a packet any number is taken again. */
  heardAt(now: Instant, detectionTime: number): void {
    this.forgetAt = now + 2 * detectionTime;
  }

  private get padded(): Uint8Array {
    const octets = new Uint8Array(this.scheme.size);
    octets.set(this.key);
    return octets;
  }
}

/** With the bit and the length that say that a section follows. */
function marked(packet: Uint8Array): Uint8Array {
  packet[FLAGS_AT] = (packet[FLAGS_AT] ?? 0) | AUTHENTICATED;
  packet[LENGTH_AT] = packet.length;
  return packet;
}

/** Takes as long whatever differs. */
function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}
