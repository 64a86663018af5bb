import { expect, it } from "vitest";
import { formatIp, parseIp } from "#net";

it("reads and writes an address", () => {
  const parsed = parseIp("2001:DB8::0:1");
  expect(parsed.ok && formatIp(parsed.value)).toBe("2001:db8::1");
});
