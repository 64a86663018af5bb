export { type Backoff, backoff } from "./backoff.ts";
export { ByteReader, ByteWriter } from "./bytes.ts";
export {
  addressBits,
  compareIp,
  type Family,
  formatIp,
  type Ip,
  ip,
  ipEquals,
  ipFromBytes,
  ipToBytes,
  isLinkLocal6,
  maxValue,
  parseIp,
  unmap,
} from "./ip.ts";
export { type Mac, macFromBytes, macToBytes, parseMac } from "./mac.ts";
export {
  comparePrefix,
  formatPrefix,
  hostPrefix,
  type Prefix,
  parsePrefix,
  prefixContains,
  prefixEquals,
  prefixOf,
  prefixSize,
} from "./prefix.ts";
export {
  formatRange,
  type IpRange,
  parsePoolEntry,
  parseRange,
  prefixRange,
  rangeContains,
  rangeSize,
  rangesOverlap,
  rangeToPrefixes,
} from "./range.ts";
export { RangeSet } from "./range-set.ts";
export { err, ok, type Result } from "./result.ts";
export type { Duration, Instant, Seconds, Timestamp } from "./time.ts";
