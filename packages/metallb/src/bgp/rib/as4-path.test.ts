import { expect, it } from "vitest";
import { address, announce } from "../testing.ts";
import { type PackParameters, packUpdates } from "./pack.ts";
import { RouteTable } from "./route-table.ts";

/** RFC 6793 section 6: AS4_PATH is for peers of two octets, and only beside what does not fit them. */
it.each([
  [{ fourOctetAs: false, localAs: 4_200_000_000 }, true],
  [{ fourOctetAs: false, localAs: 65_536 }, true],
  [{ fourOctetAs: false, localAs: 65_535 }, false],
  [{ fourOctetAs: true, localAs: 4_200_000_000 }, false],
  [{ fourOctetAs: true, localAs: 64_500 }, false],
  [{ fourOctetAs: false, localAs: 4_200_000_000, internal: true }, false],
  [{ fourOctetAs: true, localAs: 4_200_000_000, internal: true }, false],
])("an UPDATE with %j carries AS4_PATH: %s", (more: Partial<PackParameters>, expected) => {
  const table = new RouteTable();
  table.apply(announce(["10.0.0.0/8"]));
  const [message = new Uint8Array()] = packUpdates(table.standing(), {
    localAs: 64_500,
    internal: false,
    fourOctetAs: true,
    nextHop: { "ipv4-unicast": address("192.0.2.10"), "ipv6-unicast": address("2001:db8::10") },
    limit: 4096,
    leaving: false,
    ...more,
  });
  // Behind the header, no withdrawn routes: each attribute is flags, type and length.
  const types: number[] = [];
  const end = 23 + ((message[21] ?? 0) << 8) + (message[22] ?? 0);
  for (let at = 23; at < end; at += 3 + (message[at + 2] ?? 0)) types.push(message[at + 1] ?? 0);
  expect(types.slice(0, 3)).toEqual([1, 2, 3]);
  expect(types.includes(17)).toBe(expected);
});
