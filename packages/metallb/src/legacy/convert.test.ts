import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeBFDProfile,
  decodeBGPAdvertisement,
  decodeBGPPeer,
  decodeCommunity,
  decodeIPAddressPool,
  decodeL2Advertisement,
} from "#api";
import { convertLegacy, type LegacyObject } from "./convert.ts";

const DECODERS: Readonly<Record<string, (object: unknown) => { readonly ok: boolean }>> = {
  IPAddressPool: decodeIPAddressPool,
  BGPAdvertisement: decodeBGPAdvertisement,
  L2Advertisement: decodeL2Advertisement,
  BGPPeer: decodeBGPPeer,
  BFDProfile: decodeBFDProfile,
  Community: decodeCommunity,
};

/** The objects as `Kind name` → spec; each must be one that today's API takes. */
function converted(config: unknown): Readonly<Record<string, object>> {
  const result = convertLegacy(config, "metallb-system");
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  for (const object of result.value.objects) expect(DECODERS[object.kind]?.(object)).toMatchObject({ ok: true });
  return Object.fromEntries(result.value.objects.map(({ kind, metadata, spec }) => [`${kind} ${metadata.name}`, spec]));
}

const errors = (config: unknown): readonly string[] => {
  const result = convertLegacy(config, "metallb-system");
  return result.ok ? [] : result.error.map(({ path, message }) => `${path}: ${message}`);
};

describe("the ConfigMap of the first MetalLBs", () => {
  it("reads 0.1 and 0.2: cidr, advertisements, communities, a bare hold time", () => {
    expect(
      converted({
        peers: [{ "my-asn": 64500, "peer-asn": 64512, "peer-address": "10.0.0.1", "hold-time": 120 }],
        communities: { "no-export": "65535:65281" },
        "address-pools": [
          {
            name: "default",
            cidr: ["198.51.100.0/24"],
            "avoid-buggy-ips": true,
            advertisements: [
              { "aggregation-length": 32, localpref: 100, communities: ["no-export"] },
              { "aggregation-length": 24 },
            ],
          },
        ],
      }),
    ).toEqual({
      "BGPPeer peer1": { myASN: 64500, peerASN: 64512, peerAddress: "10.0.0.1", holdTime: "120s" },
      "Community communities": { communities: [{ name: "no-export", value: "65535:65281" }] },
      "IPAddressPool default": { addresses: ["198.51.100.0/24"], avoidBuggyIPs: true },
      "BGPAdvertisement bgpadvertisement1": {
        ipAddressPools: ["default"],
        aggregationLength: 32,
        localPref: 100,
        communities: ["no-export"],
      },
      "BGPAdvertisement bgpadvertisement2": { ipAddressPools: ["default"], aggregationLength: 24 },
    });
  });

  it("reads 0.3: a protocol, arp, auto-assign, router-id, one advertisement where none is named", () => {
    expect(
      converted({
        peers: [{ "my-asn": 1, "peer-asn": 2, "peer-address": "10.0.0.1", "peer-port": 1179, "router-id": "10.9.9.9" }],
        "bgp-communities": {},
        "address-pools": [
          { name: "a", protocol: "arp", cidr: ["192.0.2.0/25"], "arp-network": "192.0.2.0/24" },
          { name: "b", protocol: "bgp", cidr: ["198.51.100.0/24"], "auto-assign": false },
        ],
      }),
    ).toEqual({
      "BGPPeer peer1": { myASN: 1, peerASN: 2, peerAddress: "10.0.0.1", peerPort: 1179, routerID: "10.9.9.9" },
      "IPAddressPool a": { addresses: ["192.0.2.0/25"] },
      "L2Advertisement l2advertisement1": { ipAddressPools: ["a"] },
      "IPAddressPool b": { addresses: ["198.51.100.0/24"], autoAssign: false },
      "BGPAdvertisement bgpadvertisement1": { ipAddressPools: ["b"] },
    });
  });

  it("reads the last form, 0.12, with every field", () => {
    expect(
      converted({
        peers: [
          {
            "my-asn": 64500,
            "peer-asn": 64512,
            "peer-address": "2001:db8::1",
            "source-address": "2001:db8::2",
            "peer-port": 180,
            "hold-time": "30s",
            "keepalive-time": "1m30s",
            "router-id": "10.9.9.9",
            "node-selectors": [
              {
                "match-labels": { rack: "1", empty: "" },
                "match-expressions": [{ key: "zone", operator: "In", values: ["a", "b"] }],
              },
            ],
            password: "secret",
            "bfd-profile": "fast",
            "ebgp-multihop": true,
          },
        ],
        "bfd-profiles": [
          {
            name: "fast",
            "receive-interval": 100,
            "transmit-interval": 100,
            "detect-multiplier": 3,
            "echo-interval": 50,
            "echo-mode": false,
            "passive-mode": true,
            "minimum-ttl": 254,
          },
        ],
        "address-pools": [
          {
            name: "six",
            protocol: "bgp",
            addresses: ["2001:db8:1::/64", "192.0.2.1-192.0.2.9"],
            "bgp-advertisements": [{ "aggregation-length": 32, "aggregation-length-v6": 64, communities: ["65000:1"] }],
          },
          { name: "two", protocol: "layer2", addresses: ["203.0.113.1 - 203.0.113.9"] },
        ],
      }),
    ).toEqual({
      "BFDProfile fast": {
        receiveInterval: 100,
        transmitInterval: 100,
        detectMultiplier: 3,
        echoInterval: 50,
        echoMode: false,
        passiveMode: true,
        minimumTtl: 254,
      },
      "BGPPeer peer1": {
        myASN: 64500,
        peerASN: 64512,
        peerAddress: "2001:db8::1",
        sourceAddress: "2001:db8::2",
        peerPort: 180,
        holdTime: "30s",
        keepaliveTime: "1m30s",
        routerID: "10.9.9.9",
        nodeSelectors: [
          {
            matchLabels: { rack: "1", empty: "" },
            matchExpressions: [{ key: "zone", operator: "In", values: ["a", "b"] }],
          },
        ],
        password: "secret",
        bfdProfile: "fast",
        ebgpMultiHop: true,
      },
      "IPAddressPool six": { addresses: ["2001:db8:1::/64", "192.0.2.1-192.0.2.9"] },
      "BGPAdvertisement bgpadvertisement1": {
        ipAddressPools: ["six"],
        aggregationLength: 32,
        aggregationLengthV6: 64,
        communities: ["65000:1"],
      },
      "IPAddressPool two": { addresses: ["203.0.113.1 - 203.0.113.9"] },
      "L2Advertisement l2advertisement1": { ipAddressPools: ["two"] },
    });
  });

  it("tells all that is wrong at once, with the path", () => {
    expect(
      errors({
        peers: [{ "my-asn": "x", "peer-asn": 1, "peer-adress": "10.0.0.1", "hold-time": "soon" }],
        "address-pools": [
          { name: "a", addresses: ["192.0.2.0/24"] },
          { name: "b", protocol: "ospf", cidr: ["192.0.2.300/24"] },
          { name: "c", protocol: "layer2", addresses: ["198.51.100.0/24"], "bgp-advertisements": [{}] },
          { name: "d", protocol: "bgp", addresses: ["203.0.113.0/24"], "arp-network": "203.0.113.0/24" },
          { name: "d", protocol: "bgp", addresses: ["203.0.113.0/24"] },
          { protocol: "bgp" },
        ],
      }).map((line) => line.replace(/(invalid CIDR [^:]*).*/, "$1")),
    ).toEqual([
      expect.stringMatching(/^peers\[0\]\.peer-adress: unknown field; known are my-asn, /),
      "peers[0].my-asn: must be a whole number from 0 to 4294967295",
      "peers[0].peer-address: is missing",
      'peers[0].hold-time: "soon" is not a duration such as 90s',
      "address-pools[0].protocol: address pool is missing the protocol field",
      'address-pools[1].protocol: unknown protocol "ospf"',
      'address-pools[1].cidr[0]: invalid CIDR "192.0.2.300/24"',
      "address-pools[2].bgp-advertisements: cannot be there in a pool that is announced by layer 2",
      "address-pools[3].arp-network: cannot be there in a pool that is announced by BGP",
      'address-pools[4].name: the name "d" is there twice',
      "address-pools[5].name: is missing",
      "address-pools[5]: the pool has no addresses",
    ]);
  });

  it("renames what cannot be a name, and says so", () => {
    const pool = (name: string) => ({ name, protocol: "layer2", addresses: ["192.0.2.1/32"] });
    const result = convertLegacy({ "address-pools": [pool("My_Pool"), pool("-x-.-y")] }, "metallb-system");
    if (!result.ok) throw new Error("refused");
    const names = result.value.objects
      .filter(({ kind }) => kind === "IPAddressPool")
      .map(({ metadata }) => metadata.name);
    expect(names).toEqual(["my-pool", "x.y"]);
    expect(result.value.notes.map(({ path }) => path)).toEqual(["address-pools[0].name", "address-pools[1].name"]);
  });

  it("never repeats a password", () => {
    const result = convertLegacy({ peers: [{ password: "hunter2", "my-asn": -1 }] }, "n");
    expect(JSON.stringify(result)).not.toContain("hunter2");
  });

  it("takes nothing as nothing, and throws at nothing", () => {
    expect(converted(null)).toEqual({});
    expect(converted({})).toEqual({});
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        convertLegacy(value, "n");
        convertLegacy({ peers: value, "address-pools": value, "bgp-communities": value, "bfd-profiles": value }, "n");
        convertLegacy({ peers: [value], "address-pools": [value], "bfd-profiles": [value] }, "n");
      }),
    );
  });

  it("gives valid and distinct names to whatever pools were called", () => {
    const odd = convertLegacy(
      { "address-pools": [{ name: "0.-.0", protocol: "layer2", addresses: ["192.0.2.1/32"] }] },
      "n",
    );
    expect(odd.ok && odd.value.objects.map((object: LegacyObject) => object.metadata.name)).toContain("0.0");
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1 }), { maxLength: 5 }), (wanted) => {
        const result = convertLegacy(
          { "address-pools": wanted.map((name) => ({ name, protocol: "layer2", addresses: ["192.0.2.1/32"] })) },
          "n",
        );
        if (!result.ok) return;
        const names = result.value.objects.map((object: LegacyObject) => `${object.kind}/${object.metadata.name}`);
        expect(new Set(names).size).toBe(names.length);
        for (const { metadata } of result.value.objects)
          expect(metadata.name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
      }),
    );
  });
});
