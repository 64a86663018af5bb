import { expect, it } from "vitest";
import { bfdProfile, bgpAdvertisement, bgpPeer, compiled, pool } from "./testing.ts";

const told = (addresses: readonly string[], peers: readonly string[], echoMode = true) =>
  compiled({
    pools: [pool("p", addresses)],
    bgpAdvertisements: [bgpAdvertisement("a", { peers })],
    peers: [bgpPeer("echoing", { bfdProfile: "b" }), bgpPeer("other")],
    bfdProfiles: [bfdProfile("b", { echoMode })],
  });

it("is refused where IPv6 addresses are announced to a peer whose BFD profile asks for it", () => {
  const wrong =
    "pool p has bgpadvertisement a which references peer echoing which has bfd echo enabled, which is not possible";
  for (const peers of [["echoing"], []])
    expect(told(["2001:db8::/64"], peers).problems).toMatchObject([
      { kind: "IPAddressPool", name: "p", code: "invalidBFDProfile", message: wrong },
    ]);
});

it("is taken for IPv4, for other peers, and hurts no route where it is refused", () => {
  expect(told(["192.0.2.0/24"], ["echoing"]).problems).toEqual([]);
  expect(told(["2001:db8::/64"], ["other"]).problems).toEqual([]);
  expect(told(["2001:db8::/64"], ["echoing"], false).problems).toEqual([]);
  const { config } = told(["2001:db8::/64"], ["echoing"]);
  expect(config.pools[0]?.bgpAdvertisements).toHaveLength(1);
  expect(config.peers.map(({ frozen }) => frozen)).toEqual([false, false]);
});
