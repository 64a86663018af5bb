import { describe, expect, it } from "vitest";
import { crdOf, DEFINITIONS, groupOf } from "#api";

interface Schema {
  readonly type?: string;
  readonly format?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly "x-kubernetes-validations"?: readonly { readonly rule: string; readonly message: string }[];
}

interface Version {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly deprecated?: boolean;
  readonly additionalPrinterColumns?: readonly { readonly name: string }[];
  readonly schema: { readonly openAPIV3Schema: Schema };
  readonly subresources: object;
}

const versions = (kind: string): readonly Version[] => {
  const definition = DEFINITIONS.find((each) => each.kind === kind);
  if (!definition) throw new Error(kind);
  return (crdOf(definition).spec as { versions: Version[] }).versions;
};

const spec = (kind: string, version = "v1beta1"): Schema =>
  versions(kind).find(({ name }) => name === version)?.schema.openAPIV3Schema.properties?.spec ?? {};

/** Goes through lists as if they were their items. */
const inside = (schema: Schema, path: string): Schema | undefined =>
  path.split(".").reduce<Schema | undefined>((at, field) => (at?.items ?? at)?.properties?.[field], schema);

/** The contract: kind → fields of its spec. */
const FIELDS = {
  IPAddressPool: ["addresses", "autoAssign", "avoidBuggyIPs", "serviceAllocation"],
  BGPAdvertisement: [
    "aggregationLength",
    "aggregationLengthV6",
    "localPref",
    "communities",
    "ipAddressPools",
    "ipAddressPoolSelectors",
    "nodeSelectors",
    "peers",
    "serviceSelectors",
    // Beyond upstream.
    "med",
    "asPathPrepend",
    "linkBandwidth",
    "serviceAttributes",
  ],
  L2Advertisement: [
    "ipAddressPools",
    "ipAddressPoolSelectors",
    "nodeSelectors",
    "interfaces",
    "serviceSelectors",
    "preferredNodeSelectors",
  ],
  BFDProfile: [
    "receiveInterval",
    "transmitInterval",
    "detectMultiplier",
    "echoInterval",
    "echoMode",
    "passiveMode",
    "minimumTtl",
  ],
  Community: ["communities"],
} as const;

const PEER = [
  "myASN",
  "peerASN",
  "localASN",
  "dynamicASN",
  "peerAddress",
  "interface",
  "sourceAddress",
  "peerPort",
  "holdTime",
  "keepaliveTime",
  "connectTime",
  "routerID",
  "nodeSelectors",
  "password",
  "passwordSecret",
  "bfdProfile",
  "enableGracefulRestart",
  "ebgpMultiHop",
  "vrf",
  "disableMP",
  "dualStackAddressFamily",
];

const COLUMNS = {
  IPAddressPool: ["Auto Assign", "Avoid Buggy IPs", "Addresses"],
  BGPAdvertisement: ["IPAddressPools", "IPAddressPool Selectors", "Peers", "Node Selectors"],
  L2Advertisement: ["IPAddressPools", "IPAddressPool Selectors", "Interfaces", "Node Selectors"],
  BGPPeer: ["Address", "ASN", "BFD Profile", "Multi Hops"],
  BFDProfile: ["Passive Mode", "Transmit Interval", "Receive Interval", "Multiplier"],
  ServiceL2Status: ["Allocated Node", "Service Name", "Service Namespace"],
  ServiceBGPStatus: ["Node", "Service Name", "Service Namespace"],
  ConfigurationState: ["Result", "ErrorSummary", "Age"],
} as const;

describe("the CRDs", () => {
  it.each(Object.entries(FIELDS))("%s has the fields of the contract", (kind, fields) => {
    expect(Object.keys(spec(kind).properties ?? {}).sort()).toEqual([...fields].sort());
  });

  it("BGPPeer is served in two versions, and stored in the newer", () => {
    expect(
      versions("BGPPeer").map(({ name, served, storage, deprecated = false }) => [name, served, storage, deprecated]),
    ).toEqual([
      ["v1beta1", true, false, true],
      ["v1beta2", true, true, false],
    ]);
    expect(Object.keys(spec("BGPPeer", "v1beta2").properties ?? {}).sort()).toEqual([...PEER].sort());
    expect(spec("BGPPeer", "v1beta1").required).toEqual(["myASN", "peerASN", "peerAddress"]);
    expect(spec("BGPPeer", "v1beta2").required).toEqual(["myASN"]);
  });

  it.each(Object.entries(COLUMNS))("%s prints the columns of the contract", (kind, columns) => {
    for (const version of versions(kind))
      expect(version.additionalPrinterColumns?.map(({ name }) => name)).toEqual(columns);
  });

  it("have defaults and bounds", () => {
    const at = (kind: string, field: string, version?: string) => spec(kind, version).properties?.[field];
    expect(at("IPAddressPool", "autoAssign")).toMatchObject({ type: "boolean", default: true });
    expect(at("BGPAdvertisement", "aggregationLength")).toMatchObject({ minimum: 1, default: 32, format: "int32" });
    expect(at("BGPAdvertisement", "aggregationLengthV6")).toMatchObject({ default: 128 });
    expect(at("BGPAdvertisement", "aggregationLengthV6")?.minimum).toBeUndefined();
    // Upstream's schema takes any int32, and leaves the rest to the parser.
    expect(at("BGPAdvertisement", "localPref")).toMatchObject({ type: "integer", format: "int32" });
    expect(at("BGPAdvertisement", "localPref")?.minimum).toBeUndefined();
    expect(at("BGPPeer", "peerPort", "v1beta1")).toMatchObject({ minimum: 0, maximum: 65535 });
    expect(at("BGPAdvertisement", "nodeSelectors")?.items).toMatchObject({
      "x-kubernetes-map-type": "atomic",
      properties: { matchExpressions: { "x-kubernetes-list-type": "atomic" } },
    });
    expect(at("BGPPeer", "peerPort", "v1beta2")).toMatchObject({ minimum: 1, maximum: 65535, default: 179 });
    expect(at("BGPPeer", "myASN", "v1beta2")).toMatchObject({ minimum: 0, maximum: 4294967295, format: "int64" });
    expect(at("BGPPeer", "localASN", "v1beta2")).toMatchObject({ minimum: 1 });
    expect(at("BGPPeer", "dynamicASN", "v1beta2")?.enum).toEqual(["internal", "external"]);
    expect(at("BFDProfile", "detectMultiplier")).toMatchObject({ minimum: 2, maximum: 255 });
    expect(at("L2Advertisement", "preferredNodeSelectors")?.items).toMatchObject({
      required: ["weight", "preference"],
    });
  });

  it("are named by their plural, with no conversion of their own", () => {
    for (const definition of DEFINITIONS) {
      const { metadata, spec: of } = crdOf(definition) as {
        readonly metadata: unknown;
        readonly spec: { readonly names: unknown; readonly scope: string; readonly conversion: unknown };
      };
      const { kind, plural } = definition;
      expect(metadata).toEqual({ name: `${plural}.${groupOf(definition)}` });
      expect(of.names).toEqual({ kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() });
      expect(of.conversion).toEqual({ strategy: "None" });
      expect(versions(kind).filter(({ storage }) => storage)).toHaveLength(1);
    }
    expect(DEFINITIONS.map(({ plural }) => plural)).toEqual(DEFINITIONS.map(({ plural }) => plural).sort());
  });

  it("ask for a spec where a kind is nothing without one, and for columns where there are some", () => {
    const having = (of: (version: Version) => boolean) =>
      DEFINITIONS.map(({ kind }) => kind).filter((kind) => versions(kind).some(of));
    expect(having(({ schema }) => "required" in schema.openAPIV3Schema)).toEqual(["IPAddressPool"]);
    expect(versions("IPAddressPool")[0]?.schema.openAPIV3Schema.required).toEqual(["spec"]);
    expect(having((version) => !("additionalPrinterColumns" in version))).toEqual(["Community"]);
  });

  it.each<[kind: string, path: string, expected: object]>([
    ["BFDProfile", "spec.receiveInterval", { minimum: 10, maximum: 60000, format: "int32" }],
    ["BFDProfile", "spec.transmitInterval", { minimum: 10, maximum: 60000, format: "int32" }],
    ["BFDProfile", "spec.echoInterval", { minimum: 10, maximum: 60000, format: "int32" }],
    ["BFDProfile", "spec.detectMultiplier", { minimum: 2, maximum: 255, format: "int32" }],
    ["BFDProfile", "spec.minimumTtl", { minimum: 1, maximum: 254, format: "int32" }],
    ["L2Advertisement", "spec.preferredNodeSelectors.weight", { minimum: 1, maximum: 100, format: "int32" }],
    ["BGPAdvertisement", "spec.aggregationLengthV6", { format: "int32" }],
    ["BGPAdvertisement", "spec.nodeSelectors.matchExpressions.values", { "x-kubernetes-list-type": "atomic" }],
    ["BGPPeer", "spec.peerPort", { format: "int32" }],
    ["BGPPeer", "spec.passwordSecret", { "x-kubernetes-map-type": "atomic" }],
    ["ConfigurationState", "status.conditions.type", { maxLength: 316 }],
    ["ConfigurationState", "status.conditions.observedGeneration", { minimum: 0, format: "int64" }],
    ["ConfigurationState", "status.conditions.lastTransitionTime", { format: "date-time" }],
    ["ConfigurationState", "status.conditions.reason", { minLength: 1, maxLength: 1024 }],
    ["ConfigurationState", "status.conditions.message", { maxLength: 32768 }],
    [
      "ConfigurationState",
      "status.conditions",
      { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"] },
    ],
    ...["ServiceL2Status", "ServiceBGPStatus"].flatMap((kind) =>
      ["node", "serviceName", "serviceNamespace"].map((field): [string, string, object] => [
        kind,
        `status.${field}`,
        { "x-kubernetes-validations": [{ rule: "self == oldSelf", message: "Value is immutable" }] },
      ]),
    ),
    ...["assignedIPv4", "assignedIPv6", "availableIPv4", "availableIPv6"].map((field): [string, string, object] => [
      "IPAddressPool",
      `status.${field}`,
      { type: "integer", format: "int64" },
    ]),
  ])("%s limits %s to %j", (kind, path, expected) => {
    const stored = versions(kind).find(({ storage }) => storage);
    expect(inside(stored?.schema.openAPIV3Schema ?? {}, path)).toMatchObject(expected);
  });

  it.each([
    ["IPAddressPool", "spec.serviceAllocation", ["namespaceSelectors", "namespaces", "priority", "serviceSelectors"]],
    ["IPAddressPool", "status", ["assignedIPv4", "assignedIPv6", "availableIPv4", "availableIPv6"]],
    ["Community", "spec.communities", ["name", "value"]],
    ["BGPPeer", "spec.passwordSecret", ["name", "namespace"]],
    ["BGPAdvertisement", "spec.ipAddressPoolSelectors", ["matchExpressions", "matchLabels"]],
    ["BGPAdvertisement", "spec.nodeSelectors.matchExpressions", ["key", "operator", "values"]],
    ["ServiceL2Status", "status.interfaces", ["name"]],
    ["ServiceBGPStatus", "status", ["furtherServices", "node", "peers", "serviceName", "serviceNamespace"]],
    ["BGPSessionState", "status", ["bfdStatus", "bgpStatus", "node", "peer", "vrf"]],
  ])("%s holds in %s: %j", (kind, path, fields) => {
    const schema = inside(versions(kind).find(({ storage }) => storage)?.schema.openAPIV3Schema ?? {}, path);
    expect(Object.keys((schema?.items ?? schema)?.properties ?? {}).sort()).toEqual(fields);
  });

  it("v1beta1 of a BGPPeer asks for complete expressions, and for a port within the bounds of TCP", () => {
    const peer = spec("BGPPeer", "v1beta1");
    expect(inside(peer, "nodeSelectors.matchExpressions")?.items?.required).toEqual(["key", "operator", "values"]);
    expect(inside(peer, "nodeSelectors.matchExpressions.values")).toMatchObject({ minItems: 1 });
    expect(inside(peer, "nodeSelectors.matchLabels")?.additionalProperties).toEqual({ type: "string" });
    expect(inside(peer, "peerPort")?.format).toBe("int32");
  });

  it("bound no number by what JavaScript can hold", () => {
    const priority = inside(spec("IPAddressPool"), "serviceAllocation.priority");
    expect([priority?.type, priority?.minimum, priority?.maximum]).toEqual(["integer", undefined, undefined]);
  });

  it("explain every field of a spec and of a status", () => {
    for (const { kind } of DEFINITIONS)
      for (const { name, schema } of versions(kind))
        for (const part of ["spec", "status"])
          for (const [field, { description = "" }] of Object.entries(
            inside(schema.openAPIV3Schema, part)?.properties ?? {},
          ))
            if (field !== "conditions") expect(description, `${kind} ${name} ${part}.${field}`).not.toBe("");
  });

  it("hold upstream's words in their rules", () => {
    const messages = (schema: Schema | undefined) =>
      schema?.["x-kubernetes-validations"]?.map(({ message }) => message);
    expect(messages(spec("BGPAdvertisement"))?.[0]).toContain(
      "serviceSelectors and aggregationLength are mutually exclusive",
    );
    const peer = spec("BGPPeer", "v1beta2").properties;
    expect(messages(peer?.connectTime)).toEqual([
      "connect time should be between 1 seconds to 65535",
      "connect time should contain a whole number of seconds",
    ]);
    expect(messages(peer?.enableGracefulRestart)).toEqual(["EnableGracefulRestart cannot be changed after creation"]);
  });

  it("are structural: every node has a type, and none says what the API server does not know", () => {
    const walk = (schema: Schema, path: string): void => {
      expect(schema.type, path).toBeTypeOf("string");
      expect("$schema" in schema || "propertyNames" in schema, path).toBe(false);
      for (const [name, child] of Object.entries(schema.properties ?? {})) walk(child, `${path}.${name}`);
      if (schema.items) walk(schema.items, `${path}[]`);
      if (schema.additionalProperties) walk(schema.additionalProperties, `${path}{}`);
    };
    for (const { kind } of DEFINITIONS)
      for (const version of versions(kind)) {
        walk(version.schema.openAPIV3Schema, `${kind}/${version.name}`);
        expect(version.subresources).toEqual({ status: {} });
      }
  });
});
