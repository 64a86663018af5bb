/** An object and what its schema refuses it with, in the API server's words; null: it is taken. */
export type SchemaRow = readonly [kind: string, spec: object, refusal: string | null];

const LEAST = (least: number) => `should be greater than or equal to ${least}`;
const MOST = (most: number) => `should be less than or equal to ${most}`;
const TEXT = "must be of type string";
const LIST = "must be of type array";
const BOOLEAN = "must be of type boolean";
const INTEGER = "must be of type integer";
const OBJECT = "must be of type object";
const AGGREGATION = "serviceSelectors and aggregationLength are mutually exclusive";
const RANGE = "connect time should be between 1 seconds to 65535";
const WHOLE = "connect time should contain a whole number of seconds";

const rows =
  (kind: string, base: object = {}) =>
  (...list: readonly (readonly [object, string | null])[]): readonly SchemaRow[] =>
    list.map(([spec, refusal]) => [kind, { ...base, ...spec }, refusal]);

/** A list of label selectors, wherever a kind has one. */
const selectors = (kind: string, field: string, base: object = {}): readonly SchemaRow[] =>
  rows(kind, base)(
    [{ [field]: [] }, null],
    [{ [field]: [{}] }, null],
    [{ [field]: [{ matchLabels: { "example.com/a": "b" } }] }, null],
    [{ [field]: [{ matchExpressions: [{ key: "a", operator: "Exists" }] }] }, null],
    // A wrong operator is found by the controller, not by the schema.
    [{ [field]: [{ matchExpressions: [{ key: "a", operator: "Sideways", values: ["b"] }] }] }, null],
    [{ [field]: [{ matchExpressions: [{ operator: "Exists" }] }] }, "key: Required value"],
    [{ [field]: [{ matchExpressions: [{ key: "a" }] }] }, "operator: Required value"],
    [{ [field]: [{ matchLabels: { a: 1 } }] }, TEXT],
    [{ [field]: { matchLabels: { a: "b" } } }, LIST],
  );

const PEER = { myASN: 64500 };
const OLD_PEER = { myASN: 64500, peerASN: 64512, peerAddress: "192.0.2.1" };

/** Contract 2.1 to 2.7 and 4.7, field by field. */
export const SCHEMA_ROWS: readonly SchemaRow[] = [
  ...rows("IPAddressPool")(
    [{}, "spec.addresses: Required value"],
    [{ addresses: [] }, null],
    [{ addresses: ["nonsense"] }, null],
    [{ addresses: "192.0.2.0/24" }, LIST],
    [{ addresses: [1] }, TEXT],
    [{ addresses: [null] }, TEXT],
  ),
  ...rows("IPAddressPool", { addresses: ["192.0.2.0/24"] })(
    [{ autoAssign: false, avoidBuggyIPs: true }, null],
    [{ autoAssign: "false" }, BOOLEAN],
    [{ avoidBuggyIPs: 1 }, BOOLEAN],
    [{ serviceAllocation: {} }, null],
    [{ serviceAllocation: { priority: -1, namespaces: ["a"] } }, null],
    [{ serviceAllocation: { priority: "1" } }, INTEGER],
    [{ serviceAllocation: { priority: 1.5 } }, INTEGER],
    [{ serviceAllocation: { namespaces: "a" } }, LIST],
    [{ serviceAllocation: { namespaceSelectors: [{ matchLabels: { a: "b" } }], serviceSelectors: [{}] } }, null],
    [{ serviceAllocation: { serviceSelectors: [{ matchExpressions: [{ key: "a" }] }] } }, "operator: Required value"],
    [{ serviceAllocation: { namespaceSelectors: ["a"] } }, OBJECT],
  ),
  // Beyond upstream.
  ...rows("BGPAdvertisement")(
    [{ med: 0, asPathPrepend: 32, linkBandwidth: "LocalEndpoints" }, null],
    [{ med: 4_294_967_295, serviceAttributes: {} }, null],
    [{ med: -1 }, LEAST(0)],
    [{ med: 4_294_967_296 }, MOST(4_294_967_295)],
    [{ med: "1" }, INTEGER],
    [{ asPathPrepend: -1 }, LEAST(0)],
    [{ asPathPrepend: 33 }, MOST(32)],
    [{ linkBandwidth: "Everything" }, "Unsupported value"],
    [{ serviceAttributes: { communities: ["1:1"], localPref: { maximum: 7 }, med: { minimum: 1, maximum: 2 } } }, null],
    [{ serviceAttributes: { med: {} } }, "maximum: Required value"],
    [{ serviceAttributes: { localPref: { minimum: 0, maximum: 1 } } }, LEAST(1)],
    [{ serviceAttributes: { asPathPrepend: { maximum: 33 } } }, MOST(32)],
  ),
  ...rows("BGPAdvertisement")(
    [{}, null],
    [{ aggregationLength: 1 }, null],
    [{ aggregationLength: 0 }, LEAST(1)],
    [{ aggregationLength: 33 }, null],
    [{ aggregationLength: "24" }, INTEGER],
    [{ aggregationLengthV6: 0 }, null],
    [{ aggregationLengthV6: 200 }, null],
    [{ aggregationLengthV6: -1 }, null],
    [{ localPref: 0 }, null],
    [{ localPref: 2_147_483_647 }, null],
    [{ localPref: 4_294_967_295 }, "spec.localPref"],
    [{ localPref: -1 }, null],
    [{ localPref: "100" }, INTEGER],
    [{ communities: ["1:2", "large:1:2:3", "alias", ""] }, null],
    [{ communities: [1] }, TEXT],
    [{ ipAddressPools: ["a", "a"], peers: ["b"] }, null],
    [{ peers: "b" }, LIST],
    [{ serviceSelectors: [{}], aggregationLength: 24 }, AGGREGATION],
    [{ serviceSelectors: [{}], aggregationLengthV6: 64 }, AGGREGATION],
    [{ serviceSelectors: [{}], aggregationLength: 32, aggregationLengthV6: 128 }, null],
    [{ serviceSelectors: [], aggregationLength: 24 }, null],
  ),
  ...["ipAddressPoolSelectors", "nodeSelectors", "serviceSelectors"].flatMap((field) =>
    selectors("BGPAdvertisement", field),
  ),
  ...rows("L2Advertisement")(
    [{}, null],
    [{ interfaces: ["eth0", "eth0"], ipAddressPools: ["a"] }, null],
    [{ interfaces: "eth0" }, LIST],
    [{ preferredNodeSelectors: [{ weight: 1, preference: {} }] }, null],
    [{ preferredNodeSelectors: [{ weight: 100, preference: { matchLabels: { a: "b" } } }] }, null],
    [{ preferredNodeSelectors: [{ weight: 0, preference: {} }] }, LEAST(1)],
    [{ preferredNodeSelectors: [{ weight: 101, preference: {} }] }, MOST(100)],
    [{ preferredNodeSelectors: [{ preference: {} }] }, "weight: Required value"],
    [{ preferredNodeSelectors: [{ weight: 1 }] }, "preference: Required value"],
  ),
  ...["ipAddressPoolSelectors", "nodeSelectors", "serviceSelectors"].flatMap((field) =>
    selectors("L2Advertisement", field),
  ),
  ...rows("BGPPeer")([{}, "spec.myASN: Required value"], [{ peerASN: 1, peerAddress: "192.0.2.1" }, "spec.myASN"]),
  ...rows("BGPPeer", PEER)(
    [{}, null],
    [{ myASN: 0 }, null],
    [{ myASN: 4_294_967_295 }, null],
    [{ myASN: 4_294_967_296 }, MOST(4_294_967_295)],
    [{ myASN: -1 }, LEAST(0)],
    [{ myASN: "64500" }, INTEGER],
    [{ peerASN: 0 }, null],
    [{ peerASN: 4_294_967_296 }, MOST(4_294_967_295)],
    [{ localASN: 1 }, null],
    [{ localASN: 0 }, LEAST(1)],
    [{ localASN: 4_294_967_296 }, MOST(4_294_967_295)],
    [{ dynamicASN: "internal" }, null],
    [{ dynamicASN: "external" }, null],
    [{ dynamicASN: "sideways" }, 'supported values: "internal", "external"'],
    [{ peerAddress: "nonsense", interface: "eth0", sourceAddress: "x", routerID: "y" }, null],
    [{ peerAddress: 1 }, TEXT],
    [{ peerPort: 0 }, LEAST(1)],
    [{ peerPort: 1 }, null],
    // Upstream stops at 16384; all that it takes is taken.
    [{ peerPort: 16_384 }, null],
    [{ peerPort: 65_535 }, null],
    [{ peerPort: 65_536 }, MOST(65_535)],
    [{ holdTime: "90s", keepaliveTime: "30s" }, null],
    [{ holdTime: "nonsense" }, null],
    [{ holdTime: 90 }, TEXT],
    [{ keepaliveTime: 30 }, TEXT],
    [{ connectTime: "1s" }, null],
    [{ connectTime: "65535s" }, null],
    [{ connectTime: "1h30m" }, null],
    [{ connectTime: "0s" }, RANGE],
    [{ connectTime: "999ms" }, RANGE],
    [{ connectTime: "65536s" }, RANGE],
    [{ connectTime: "1500ms" }, WHOLE],
    [{ password: "a", passwordSecret: { name: "b", namespace: "c" } }, null],
    [{ passwordSecret: "b" }, OBJECT],
    [{ bfdProfile: "nope", vrf: "red", ebgpMultiHop: true, enableGracefulRestart: true, disableMP: true }, null],
    [{ ebgpMultiHop: "true" }, BOOLEAN],
    [{ enableGracefulRestart: 1 }, BOOLEAN],
    [{ dualStackAddressFamily: true }, null],
    [{ dualStackAddressFamily: "yes" }, BOOLEAN],
  ),
  ...selectors("BGPPeer", "nodeSelectors", PEER),
  ...rows("BGPPeer/v1beta1")(
    [{}, "Required value"],
    [{ myASN: 64500, peerASN: 64512 }, "spec.peerAddress: Required value"],
    [{ myASN: 64500, peerAddress: "192.0.2.1" }, "spec.peerASN: Required value"],
  ),
  ...rows("BGPPeer/v1beta1", OLD_PEER)(
    [{}, null],
    [{ peerPort: 0 }, null],
    [{ peerPort: 179 }, null],
    [{ peerPort: -1 }, LEAST(0)],
    [{ peerPort: 65_536 }, MOST(65_535)],
    [{ myASN: 4_294_967_296 }, MOST(4_294_967_295)],
    [{ holdTime: "90s", keepaliveTime: "30s" }, null],
    [{ holdTime: 90 }, TEXT],
    [{ nodeSelectors: [{ matchLabels: { a: "b" } }] }, null],
    [{ nodeSelectors: [{ matchExpressions: [{ key: "a", operator: "In", values: ["b"] }] }] }, null],
    [
      { nodeSelectors: [{ matchExpressions: [{ key: "a", operator: "In", values: [] }] }] },
      "should have at least 1 items",
    ],
    [{ nodeSelectors: [{ matchExpressions: [{ key: "a", operator: "Exists" }] }] }, "values: Required value"],
    [{ nodeSelectors: [{ matchExpressions: [{ operator: "In", values: ["b"] }] }] }, "key: Required value"],
  ),
  ...["receiveInterval", "transmitInterval", "echoInterval"].flatMap((field) =>
    rows("BFDProfile")(
      [{ [field]: 10 }, null],
      [{ [field]: 60_000 }, null],
      [{ [field]: 9 }, LEAST(10)],
      [{ [field]: 60_001 }, MOST(60_000)],
      [{ [field]: "300" }, INTEGER],
    ),
  ),
  ...rows("BFDProfile")(
    [{}, null],
    [{ detectMultiplier: 2 }, null],
    [{ detectMultiplier: 255 }, null],
    [{ detectMultiplier: 1 }, LEAST(2)],
    [{ detectMultiplier: 256 }, MOST(255)],
    [{ minimumTtl: 1 }, null],
    [{ minimumTtl: 254 }, null],
    [{ minimumTtl: 0 }, LEAST(1)],
    [{ minimumTtl: 255 }, MOST(254)],
    [{ echoMode: true, passiveMode: false }, null],
    [{ echoMode: "yes" }, BOOLEAN],
  ),
  ...rows("Community")(
    [{}, null],
    [{ communities: [] }, null],
    [{ communities: [{}] }, null],
    [{ communities: [{ name: "a", value: "nonsense" }] }, null],
    [{ communities: [{ name: 1 }] }, TEXT],
    [{ communities: ["65000:1"] }, OBJECT],
    [{ communities: { a: "65000:1" } }, LIST],
  ),
];
