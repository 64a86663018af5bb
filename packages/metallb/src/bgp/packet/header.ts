import type { ByteWriter } from "#net";

/** Writes a header whose length {@link endMessage} fills in; gives where the message begins. */
export function beginMessage(writer: ByteWriter, type: number): number {
  const start = writer.length;
  writer.fill(0xff, 16).u16(0).u8(type);
  return start;
}

export const endMessage = (writer: ByteWriter, start: number): void =>
  writer.patchU16(start + 16, writer.length - start);
