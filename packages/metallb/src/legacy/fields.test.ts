import { describe, expect, it } from "vitest";
import { convertLegacy } from "./convert.ts";
import { Names } from "./names.ts";
import { Reader } from "./reader.ts";

const POOL = { name: "p", protocol: "layer2", addresses: ["192.0.2.0/24"] };
const PEER = { "my-asn": 1, "peer-asn": 2, "peer-address": "10.0.0.1" };

function convert(config: unknown, options: Parameters<typeof convertLegacy>[2] = {}) {
  const result = convertLegacy(config, "n", options);
  return result.ok
    ? { objects: result.value.objects, notes: result.value.notes.map(said), errors: [] }
    : { objects: [], notes: [], errors: result.error.map(said) };
}
const said = ({ path, message }: { path: string; message: string }) => `${path}: ${message}`;
const errors = (config: unknown) => convert(config).errors;
const withPeer = (fields: object) => ({ peers: [{ ...PEER, ...fields }] });
const withPool = (fields: object) => ({ "address-pools": [{ ...POOL, ...fields }] });
const withProfile = (fields: object) => ({ "bfd-profiles": [{ name: "f", ...fields }] });
const specOf = (config: unknown) => convert(config).objects[0]?.spec;

it("objects are of the version that today's API has, in the namespace that is asked for", () => {
  const { objects } = convert({
    peers: [PEER],
    "bfd-profiles": [{ name: "f" }],
    communities: { c: "1:2" },
    "address-pools": [POOL, { ...POOL, name: "q", protocol: "bgp", addresses: ["198.51.100.0/24"] }],
  });
  expect(objects.map(({ apiVersion, kind, metadata }) => `${apiVersion} ${kind} ${metadata.namespace}`)).toEqual([
    "metallb.io/v1beta1 BFDProfile n",
    "metallb.io/v1beta2 BGPPeer n",
    "metallb.io/v1beta1 Community n",
    "metallb.io/v1beta1 IPAddressPool n",
    "metallb.io/v1beta1 L2Advertisement n",
    "metallb.io/v1beta1 IPAddressPool n",
    "metallb.io/v1beta1 BGPAdvertisement n",
  ]);
});

it("what had no name is numbered, each kind from one", () => {
  const pool = (name: string, protocol: string) => ({ ...POOL, name, protocol });
  const { objects } = convert({
    peers: [PEER, PEER],
    "address-pools": [pool("a", "layer2"), pool("b", "bgp"), pool("c", "ndp"), pool("d", "bgp")],
  });
  expect(objects.filter(({ kind }) => kind !== "IPAddressPool").map(({ metadata }) => metadata.name)).toEqual([
    "peer1",
    "peer2",
    "l2advertisement1",
    "bgpadvertisement1",
    "l2advertisement2",
    "bgpadvertisement2",
  ]);
});

describe("what must be a mapping, a list or a value is told with its path where it is none", () => {
  it.each<[unknown, readonly string[]]>([
    ["text", [": must be a mapping"]],
    [[], [": must be a mapping"]],
    [7, [": must be a mapping"]],
    [{ peers: {} }, ["peers: must be a list"]],
    [{ peers: "x" }, ["peers: must be a list"]],
    [{ peers: null, "address-pools": null, communities: null, "bfd-profiles": null }, []],
    [{ communities: [] }, ["communities: must be a mapping"]],
    [{ "bgp-communities": "x" }, ["bgp-communities: must be a mapping"]],
    [{ communities: { a: {} } }, ["communities.a: must be a text"]],
    [{ "bgp-communities": { a: {} } }, ["bgp-communities.a: must be a text"]],
    [{ "address-pools": ["x"] }, expect.arrayContaining(["address-pools[0]: must be a mapping"])],
    [withPeer({ "node-selectors": {} }), ["peers[0].node-selectors: must be a list"]],
    [withPeer({ "node-selectors": [7] }), ["peers[0].node-selectors[0]: must be a mapping"]],
    [
      withPeer({ "node-selectors": [{ x: 1 }] }),
      [expect.stringMatching(/^peers\[0\]\.node-selectors\[0\]\.x: unknown/)],
    ],
    [
      withPeer({ "node-selectors": [{ "match-labels": [], "match-expressions": {} }] }),
      [
        "peers[0].node-selectors[0].match-labels: must be a mapping",
        "peers[0].node-selectors[0].match-expressions: must be a list",
      ],
    ],
    [
      withPeer({
        "node-selectors": [{ "match-labels": { a: {} }, "match-expressions": [{ key: {}, operator: [], values: {} }] }],
      }),
      [
        "peers[0].node-selectors[0].match-labels.a: must be a text",
        "peers[0].node-selectors[0].match-expressions[0].values: must be a list",
        "peers[0].node-selectors[0].match-expressions[0].key: must be a text",
        "peers[0].node-selectors[0].match-expressions[0].operator: must be a text",
      ],
    ],
    [
      withPeer({ "node-selectors": [{ "match-expressions": [{ values: [true], more: 1 }] }] }),
      [
        "peers[0].node-selectors[0].match-expressions[0].more: unknown field; known are key, operator, values",
        "peers[0].node-selectors[0].match-expressions[0].values[0]: must be a text",
      ],
    ],
    [withPeer({ "source-address": {} }), ["peers[0].source-address: must be a text"]],
    [withPeer({ "router-id": {} }), ["peers[0].router-id: must be a text"]],
    [withPeer({ password: {} }), ["peers[0].password: must be a text"]],
    [withPeer({ "bfd-profile": {} }), ["peers[0].bfd-profile: must be a text"]],
    [withPeer({ "ebgp-multihop": "yes" }), ["peers[0].ebgp-multihop: must be true or false"]],
    [withPeer({ "peer-port": 65_536 }), ["peers[0].peer-port: must be a whole number from 0 to 65535"]],
    [withPeer({ "hold-time": -1 }), ["peers[0].hold-time: must be a whole number from 0 to 65535"]],
    [withPeer({ "keepalive-time": {} }), ["peers[0].keepalive-time: must be a text"]],
    [withPeer({ "my-asn": 4_294_967_296 }), ["peers[0].my-asn: must be a whole number from 0 to 4294967295"]],
    [withPeer({ "my-asn": 1.5 }), ["peers[0].my-asn: must be a whole number from 0 to 4294967295"]],
    [withPeer({ "my-asn": null }), ["peers[0].my-asn: is missing"]],
    [withPeer({ "peer-asn": undefined }), ["peers[0].peer-asn: is missing"]],
    [withPeer({ "peer-address": "" }), ["peers[0].peer-address: is missing"]],
    [withPeer({ "peer-address": [] }), ["peers[0].peer-address: must be a text"]],
    [
      withProfile({ "receive-interval": -1 }),
      ["bfd-profiles[0].receive-interval: must be a whole number from 0 to 4294967295"],
    ],
    [withProfile({ "echo-mode": 1 }), ["bfd-profiles[0].echo-mode: must be true or false"]],
    [withProfile({ name: undefined }), ["bfd-profiles[0].name: is missing"]],
    [withProfile({ other: 1 }), [expect.stringMatching(/^bfd-profiles\[0\]\.other: unknown field; known are name, /)]],
    [withPool({ "auto-assign": "no" }), ["address-pools[0].auto-assign: must be true or false"]],
    [withPool({ "avoid-buggy-ips": "no" }), ["address-pools[0].avoid-buggy-ips: must be true or false"]],
    [
      withPool({ addresses: [{}] }),
      ["address-pools[0].addresses[0]: must be a text", "address-pools[0]: the pool has no addresses"],
    ],
    [withPool({ "arp-network": {} }), ["address-pools[0].arp-network: must be a text"]],
    [
      withPool({ protocol: {} }),
      [
        "address-pools[0].protocol: must be a text",
        "address-pools[0].protocol: address pool is missing the protocol field",
      ],
    ],
    [
      withPool({ protocol: "bgp", advertisements: [{ "aggregation-length": 33, x: 1 }] }),
      [
        "address-pools[0].advertisements[0].x: unknown field; known are aggregation-length, aggregation-length-v6, localpref, communities",
        "address-pools[0].advertisements[0].aggregation-length: must be a whole number from 1 to 32",
      ],
    ],
    [
      withPool({
        protocol: "bgp",
        "bgp-advertisements": [{ "aggregation-length-v6": 129, localpref: 2 ** 31, communities: [[]] }],
      }),
      [
        "address-pools[0].bgp-advertisements[0].communities[0]: must be a text",
        "address-pools[0].bgp-advertisements[0].aggregation-length-v6: must be a whole number from 1 to 128",
        "address-pools[0].bgp-advertisements[0].localpref: must be a whole number from 0 to 2147483647",
      ],
    ],
  ])("%j", (config, wrong) => expect(errors(config)).toEqual(wrong));
});

describe("a value at the end of its range is taken", () => {
  it.each<[unknown, object]>([
    [withPeer({ "my-asn": 0, "peer-asn": 0xffffffff }), { myASN: 0, peerASN: 0xffffffff }],
    [withPeer({ "peer-port": 65_535 }), { peerPort: 65_535 }],
    [withPeer({ "hold-time": 0, "keepalive-time": 65_535 }), { holdTime: "0s", keepaliveTime: "65535s" }],
    [withPeer({ "hold-time": "90" }), { holdTime: "90s" }],
    [withPeer({ "hold-time": "+1.5h" }), { holdTime: "+1.5h" }],
    [withPeer({ "hold-time": "1.m2ns3us4µs5ms" }), { holdTime: "1.m2ns3us4µs5ms" }],
    [withPeer({ "hold-time": `${"1".repeat(39)}s` }), { holdTime: `${"1".repeat(39)}s` }],
    [withPeer({ "router-id": 7 }), { routerID: "7" }],
    [withProfile({ "minimum-ttl": 0, "echo-interval": 0xffffffff }), { minimumTtl: 0, echoInterval: 0xffffffff }],
  ])("%j", (config, spec) => expect(specOf(config)).toMatchObject(spec));

  it.each([1, 128])("of an advertisement, of %d bits", (length) => {
    const ads = [
      { "aggregation-length": 1, "aggregation-length-v6": length, localpref: 2 ** 31 - 1 },
      { localpref: 0, communities: [] },
    ];
    const { objects } = convert(withPool({ protocol: "bgp", "bgp-advertisements": ads }));
    expect(objects.slice(1).map(({ spec }) => spec)).toEqual([
      { ipAddressPools: ["p"], aggregationLength: 1, aggregationLengthV6: length, localPref: 2 ** 31 - 1 },
      { ipAddressPools: ["p"], localPref: 0 },
    ]);
  });

  it("a port of zero, and empty lists, say nothing", () => {
    expect(specOf(withPeer({ "peer-port": 0, "node-selectors": [], "source-address": "", password: null }))).toEqual({
      myASN: 1,
      peerASN: 2,
      peerAddress: "10.0.0.1",
    });
    expect(specOf(withPeer({ "node-selectors": [{ "match-labels": {}, "match-expressions": [] }] }))).toMatchObject({
      nodeSelectors: [{}],
    });
    expect(specOf(withPeer({ "node-selectors": [{ "match-expressions": [{ values: [] }] }] }))).toMatchObject({
      nodeSelectors: [{ matchExpressions: [{ key: "", operator: "" }] }],
    });
    expect(convert({ communities: {} }).objects).toEqual([]);
  });
});

describe("a duration", () => {
  it.each(["s", "1x", "1s2", "-1s", "1 s", "x1s", `${"1".repeat(40)}s`, "1..5s"])("is not %j", (text) => {
    expect(errors(withPeer({ "hold-time": text }))).toEqual([
      `peers[0].hold-time: ${JSON.stringify(text)} is not a duration such as 90s`,
    ]);
  });
});

describe("what somebody should know", () => {
  it("is told where the conversion changes something", () => {
    expect(convert(withPeer({ password: "x" })).notes).toEqual([
      "peers[0].password: stays readable in the BGPPeer; a Secret named by spec.passwordSecret hides it",
    ]);
    expect(convert(withPool({ "arp-network": "192.0.2.0/24" })).notes).toEqual([
      "address-pools[0].arp-network: is left out: interfaces are chosen by an L2Advertisement's spec.interfaces",
    ]);
    expect(convert(withPool({ name: "My_Pool" })).notes).toEqual([
      "address-pools[0].name: is now named my-pool: Services that ask for it by name must, too",
    ]);
    expect(convert({ ...withPeer({}), ...withPool({}) }).notes).toEqual([]);
  });

  it("is 200 lines at most", () => {
    const many = (value: unknown) => Array.from({ length: 250 }, () => value);
    expect(errors({ peers: many("x") })).toHaveLength(200);
    const noted = convert({ peers: many({ ...PEER, password: "x" }) });
    expect([noted.notes.length, noted.objects.length]).toEqual([200, 250]);
  });

  it("repeats of a long text its beginning", () => {
    const [wrong = ""] = errors(withPool({ protocol: "x".repeat(101) }));
    expect(wrong).toBe(`address-pools[0].protocol: unknown protocol "${"x".repeat(100)}…"`);
    expect(errors(withPool({ protocol: "x".repeat(100) }))[0]).toBe(
      `address-pools[0].protocol: unknown protocol "${"x".repeat(100)}"`,
    );
    const pool = { ...POOL, name: "y".repeat(70) };
    expect(errors({ "address-pools": [pool, pool] })).toEqual([
      `address-pools[1].name: the name "${"y".repeat(60)}" is there twice`,
    ]);
  });
});

it("addresses of both forms are those of the pool, and each that is wrong is told", () => {
  expect(specOf(withPool({ cidr: ["198.51.100.0/24"] }))).toEqual({ addresses: ["192.0.2.0/24", "198.51.100.0/24"] });
  expect(errors(withPool({ addresses: ["192.0.2.0/24", "x"], cidr: ["y"] }))).toEqual([
    expect.stringMatching(/^address-pools\[0\]\.addresses\[1\]: invalid CIDR "x": ./),
    expect.stringMatching(/^address-pools\[0\]\.cidr\[0\]: invalid CIDR "y": ./),
  ]);
});

it("a pool without a protocol is announced by BGP, as before 0.3", () => {
  const old = { name: "p", cidr: ["192.0.2.0/24"] };
  expect(convert({ "address-pools": [old] }).objects.map(({ kind }) => kind)).toEqual([
    "IPAddressPool",
    "BGPAdvertisement",
  ]);
  expect(errors({ "address-pools": [{ ...old, "arp-network": "192.0.2.0/24" }] })).toEqual([
    "address-pools[0].arp-network: cannot be there in a pool that is announced by BGP",
  ]);
});

it("advertisements of both forms stand, in order", () => {
  const { objects } = convert(
    withPool({ protocol: "bgp", "bgp-advertisements": [{ localpref: 2 }], advertisements: [{ localpref: 1 }] }),
  );
  expect(objects.slice(1).map(({ spec }) => spec)).toMatchObject([{ localPref: 1 }, { localPref: 2 }]);
});

it("profiles of one name are told, and pools may have the names of profiles", () => {
  expect(errors({ "bfd-profiles": [{ name: "f" }, { name: "f" }] })).toEqual([
    'bfd-profiles[1].name: the name "f" is there twice',
  ]);
  expect(errors({ "bfd-profiles": [{ name: "p" }], "address-pools": [POOL] })).toEqual([]);
});

describe("names", () => {
  const take = (wanted: string, keeps?: boolean) => new Names(keeps).take(wanted);

  it.each([
    ["a", "a"],
    ["a-1.b", "a-1.b"],
    ["a".repeat(253), "a".repeat(253)],
    ["a".repeat(254), "a".repeat(200)],
    ["A B", "a-b"],
    ["--a--", "a"],
    ["a..b", "a.b"],
    [".a.", "a"],
    ["a_-_b", "a---b"],
    ["ä", "unnamed"],
    ["", "unnamed"],
    [`${"a".repeat(199)}-${"b".repeat(99)}`.toUpperCase(), "a".repeat(199)],
    [`${"A".repeat(199)}.${"b".repeat(99)}`, "a".repeat(199)],
    ["a\nb", "a-b"],
  ])("%j becomes %j", (wanted, name) => expect(take(wanted)).toBe(name));

  it("are kept where that is asked for, and given once", () => {
    expect(take("My_Pool", true)).toBe("My_Pool");
    const names = new Names();
    expect([names.take("A"), names.take("a"), names.take("b")]).toEqual(["a", null, "b"]);
    expect(convert(withPool({ name: "My_Pool" }), { keepNames: true })).toMatchObject({
      notes: [],
      objects: [{ metadata: { name: "My_Pool" } }, { spec: { ipAddressPools: ["My_Pool"] } }],
    });
  });
});

it("a reader takes numbers for texts, and nothing for nothing", () => {
  const reader = new Reader();
  expect([reader.text(0, "a"), reader.text("", "a"), reader.text(null, "a"), reader.text(undefined, "a")]).toEqual([
    "0",
    undefined,
    undefined,
    undefined,
  ]);
  expect([reader.flag(false, "a"), reader.flag(null, "a"), reader.whole(null, "a", [0, 1])]).toEqual([
    false,
    undefined,
    undefined,
  ]);
  expect(reader.errors).toEqual([]);
});
