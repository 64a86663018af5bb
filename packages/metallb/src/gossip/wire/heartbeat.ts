import { ByteReader, ByteWriter } from "#net";

// Our own speakers' messages, inside memberlist's user messages: MetalLB's speakers pass them over.

const MAGIC = 0x6d747331; // "mts1"
const KIND = { subscribe: 1, beat: 2, ask: 3, heard: 4, welcome: 5 } as const;

export type WatchMessage =
  /** Send me beats for a while. */
  | { readonly kind: "subscribe" }
  /** I live. `sequence` counts up, so that an old one does not count. */
  | { readonly kind: "beat"; readonly sequence: number }
  /** Have you heard of this member lately? Also asked of the member itself, which answers with a beat. */
  | { readonly kind: "ask"; readonly node: string }
  /** Yes, so many milliseconds ago. */
  | { readonly kind: "heard"; readonly node: string; readonly ago: number }
  /** You count again: I had taken you for silent, and what was yours is yours again. */
  | { readonly kind: "welcome" };

const text = new TextDecoder();
const octets = new TextEncoder();

export function encodeWatch(message: WatchMessage): Uint8Array {
  const writer = new ByteWriter(32).u32(MAGIC).u8(KIND[message.kind]);
  if (message.kind === "beat") writer.u32(message.sequence);
  if (message.kind === "heard") writer.u16(Math.min(0xffff, Math.max(0, Math.round(message.ago))));
  if (message.kind === "ask" || message.kind === "heard") writer.put(octets.encode(message.node));
  return writer.bytes();
}

/** Null: none of ours. */
export function decodeWatch(payload: Uint8Array): WatchMessage | null {
  const reader = new ByteReader(payload);
  if (reader.u32() !== MAGIC) return null;
  const kind = reader.u8();
  switch (kind) {
    case KIND.subscribe:
      return { kind: "subscribe" };
    case KIND.welcome:
      return { kind: "welcome" };
    case KIND.beat: {
      const sequence = reader.u32();
      return reader.failed ? null : { kind: "beat", sequence };
    }
    case KIND.ask:
      return { kind: "ask", node: text.decode(reader.view(reader.remaining)) };
    case KIND.heard: {
      const ago = reader.u16();
      return reader.failed ? null : { kind: "heard", ago, node: text.decode(reader.view(reader.remaining)) };
    }
    default:
      return null;
  }
}
