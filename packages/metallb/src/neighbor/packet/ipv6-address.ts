/** Reads 16 octets as one unsigned number, as `Ip.value` of `#net` is. */
export function readIp6(bytes: Uint8Array, offset: number): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, 16);
  return (view.getBigUint64(0) << 64n) | view.getBigUint64(8);
}

export function writeIp6(bytes: Uint8Array, offset: number, value: bigint): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, 16);
  view.setBigUint64(0, value >> 64n);
  view.setBigUint64(8, value & 0xffffffffffffffffn);
}

export const ALL_NODES = 0xff02_0000_0000_0000_0000_0000_0000_0001n;
const SOLICITED_NODE = 0xff02_0000_0000_0000_0000_0001_ff00_0000n;

/** RFC 4291 section 2.7.1: the group in which an address is asked for. */
export const solicitedNodeGroup = (address: bigint): bigint => SOLICITED_NODE | (address & 0xffffffn);

export const isMulticast6 = (address: bigint): boolean => address >> 120n === 0xffn;

/** RFC 2464 section 7: 33:33 and the last four octets. */
export function multicastMac(group: bigint): Uint8Array {
  const low = Number(group & 0xffffffffn);
  return Uint8Array.of(0x33, 0x33, low >>> 24, low >>> 16, low >>> 8, low);
}
