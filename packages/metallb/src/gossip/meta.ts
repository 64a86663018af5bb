import { type Mac, macFromBytes, macToBytes } from "#net";

/** What our speakers say of themselves in memberlist's meta field: a mark, and the MAC addresses they answer with. */
const MARK = Uint8Array.of(0x6d, 0x74, 0x73, 0x31);
const MAX_MACS = 16;

export function encodeMeta(macs: readonly Mac[]): Uint8Array {
  const some = macs.slice(0, MAX_MACS);
  const meta = new Uint8Array(MARK.length + some.length * 6);
  meta.set(MARK);
  for (const [i, mac] of some.entries()) meta.set(macToBytes(mac), MARK.length + i * 6);
  return meta;
}

/** Whether the member is a speaker of ours, which sends heartbeats. */
export const isOurs = (meta: Uint8Array): boolean => MARK.every((octet, i) => meta[i] === octet);

/** The MAC addresses that a member answers with; none when it is not ours. */
export function macsOf(meta: Uint8Array): readonly Mac[] {
  if (!isOurs(meta)) return [];
  const macs: Mac[] = [];
  for (let at = MARK.length; at + 6 <= meta.length && macs.length < MAX_MACS; at += 6) {
    const read = macFromBytes(meta.subarray(at, at + 6));
    if (read.ok) macs.push(read.value);
  }
  return macs;
}
