import { expect, it } from "vitest";
import { capabilities, unhex } from "../testing.ts";
import type { Capabilities } from "./capabilities.ts";
import { decodeOpen } from "./open.ts";

/** The capabilities of an OPEN whose one parameter holds the octets; else the error. */
function read(octets: string): Capabilities | string {
  const length = unhex(octets).length;
  const [outer, inner] = [length + 2, length].map((each) => each.toString(16).padStart(2, "0"));
  const open = decodeOpen(unhex(`04 fc00 005a c0000201 ${outer} 02 ${inner} ${octets}`));
  return open.ok ? open.value.capabilities : `${open.error.code}/${open.error.subcode}`;
}

const NONE = capabilities({ families: [], routeRefresh: false, fourOctetAs: null });

it.each<[string, string, Partial<Capabilities>]>([
  ["IPv6 unicast", "01 04 0002 00 01", { families: ["ipv6-unicast"] }],
  ["a family whose reserved octet is set", "01 04 0001 ff 01", { families: ["ipv4-unicast"] }],
  ["the same family twice", "01 04 0001 00 01 01 04 0001 00 01", { families: ["ipv4-unicast"] }],
  ["multicast", "01 04 0001 00 02", {}],
  ["L2VPN", "01 04 0019 00 46", {}],
  ["unicast of another AFI", "01 04 0003 00 01", {}],
  ["a family of five octets", "01 05 0001 00 01 00", {}],
  ["a family of three octets", "01 03 0001 00", {}],
  ["route refresh", "02 00", { routeRefresh: true }],
  ["enhanced route refresh", "46 00", { enhancedRouteRefresh: true }],
  ["extended messages", "06 00", { extendedMessage: true }],
  ["IPv4 with an IPv6 next hop (RFC 8950)", "05 06 0001 0001 0002", { extendedNextHop: true }],
  ["IPv4 with a next hop of its own", "05 06 0001 0001 0001", {}],
  ["VPN-IPv4 with an IPv6 next hop", "05 06 0001 0080 0002", {}],
  ["that behind another tuple", "05 0c 0001 0080 0002 0001 0001 0002", { extendedNextHop: true }],
  ["that before another tuple", "05 0c 0001 0001 0002 0001 0001 0001", { extendedNextHop: true }],
  ["a tuple of five octets", "05 05 0001 0001 00", {}],
  ["four octets of AS", "41 04 0001 0000", { fourOctetAs: 65_536 }],
  ["the last of two AS numbers", "41 04 00000001 41 04 00000002", { fourOctetAs: 2 }],
  ["five octets of AS", "41 05 0001000000", {}],
  ["three octets of AS", "41 03 000100", {}],
  [
    "graceful restart of no family",
    "40 02 0078",
    { gracefulRestart: { restarting: false, notification: false, restartTime: 120, families: [] } },
  ],
  [
    "graceful restart with NOTIFICATIONs, the longest time and two families",
    "40 0a 4fff 0001 01 80 0002 01 00",
    {
      gracefulRestart: {
        restarting: false,
        notification: true,
        restartTime: 4_095,
        families: [
          { family: "ipv4-unicast", forwarding: true },
          { family: "ipv6-unicast", forwarding: false },
        ],
      },
    },
  ],
  [
    "graceful restart of a family that is not ours, behind a restart",
    "40 0a 8000 0019 46 80 0001 01 7f",
    {
      gracefulRestart: {
        restarting: true,
        notification: false,
        restartTime: 0,
        families: [{ family: "ipv4-unicast", forwarding: false }],
      },
    },
  ],
  [
    "graceful restart with a family that is cut short",
    "40 05 0078 0001 01",
    { gracefulRestart: { restarting: false, notification: false, restartTime: 120, families: [] } },
  ],
  ["graceful restart of one octet", "40 01 00", {}],
  ["graceful restart of none", "40 00", {}],
  ["what nobody knows", "80 02 abcd 02 00", { routeRefresh: true }],
])("are read: %s", (_, octets, offered) => {
  expect(read(octets)).toEqual({ ...NONE, ...offered });
});

it("are refused where one is longer than its parameter, or has no length (RFC 5492)", () => {
  expect(read("41 04 000100")).toBe("2/0");
  expect(read("41")).toBe("2/0");
  expect(read("02 00 02")).toBe("2/0");
});
