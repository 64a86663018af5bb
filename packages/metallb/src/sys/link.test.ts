import { expect, it } from "vitest";
import { formatIp } from "#net";
import { fallbackRouterId } from "./link.ts";

it("derives an identifier from the node's name alone: its CRC-32, least significant octet first", () => {
  // The check value of CRC-32 (IEEE 802.3) for these nine digits is cbf43926.
  expect(formatIp(fallbackRouterId("123456789"))).toBe("38.57.244.203");
  expect(fallbackRouterId("node-1")).not.toEqual(fallbackRouterId("node-2"));
});
