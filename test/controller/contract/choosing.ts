import { DUAL, failed, gave, type Scene } from "./scene.ts";

/** Contract 4.4: which pool, which address. */
export const CHOOSING: readonly Scene[] = [
  {
    name: "no pool: no address, and not a word about it",
    steps: [
      { services: { a: {} }, holds: { a: "" }, events: { a: [] } },
      {
        pools: { p: ["192.0.2.0/31"] },
        holds: { a: "192.0.2.0 p" },
        events: { a: [gave("192.0.2.0")] },
        counters: { p: "1/1, 0/0" },
      },
    ],
  },
  {
    name: "network and broadcast addresses too, in the order of the spec, and ranges with spaces",
    steps: [
      {
        pools: { p: ["192.0.2.9/31", "192.0.2.3 - 192.0.2.4", "198.51.100.0/32"] },
        services: { a: {} },
        holds: { a: "192.0.2.8 p" },
      },
      { services: { b: {} }, holds: { b: "192.0.2.9 p" } },
      { services: { c: {} }, holds: { c: "192.0.2.3 p" } },
      { services: { d: {} }, holds: { d: "192.0.2.4 p" }, counters: { p: "4/1, 0/0" } },
      { services: { e: {} }, holds: { e: "198.51.100.0 p" } },
      { services: { f: {} }, holds: { f: "" }, events: { f: [failed("f", "no available IPs")] } },
      { services: { c: null }, holds: { f: "192.0.2.3 p" }, events: { f: [gave("192.0.2.3")] } },
    ],
  },
  {
    name: "avoidBuggyIPs: .0 and .255 never, and not on request either",
    steps: [
      {
        pools: { p: { addresses: ["192.0.2.254-192.0.3.1"], avoidBuggyIPs: true } },
        services: { a: {} },
        holds: { a: "192.0.2.254 p" },
        counters: { p: "1/1, 0/0" },
      },
      {
        services: { b: { spec: { loadBalancerIP: "192.0.2.255" } } },
        holds: { b: "" },
        events: { b: [failed("b", '["192.0.2.255"] is not allowed in config')] },
      },
      { services: { c: {} }, holds: { c: "192.0.3.1 p" } },
    ],
  },
  {
    name: "a pool without autoAssign gives on request alone, by name or address",
    steps: [
      {
        pools: { p: { addresses: ["192.0.2.0/24"], autoAssign: false } },
        services: { a: {} },
        holds: { a: "" },
        events: { a: [failed("a", "no available IPs")] },
      },
      {
        services: {
          b: { annotations: { "metallb.io/address-pool": "p" } },
          c: { spec: { loadBalancerIP: "192.0.2.77" } },
        },
        holds: { b: "192.0.2.0 p", c: "192.0.2.77 p" },
        events: { a: [], b: [gave("192.0.2.0")], c: [gave("192.0.2.77")] },
      },
    ],
  },
  {
    name: "pinned pools first, by priority, 0 last, then those for everybody; fallback when they are full",
    steps: [
      {
        pools: {
          "a-open": ["192.0.2.1/32"],
          "b-unset": { addresses: ["192.0.2.2/32"], serviceAllocation: {} },
          "c-two": { addresses: ["192.0.2.3/32"], serviceAllocation: { priority: 2 } },
          "d-one": {
            addresses: ["192.0.2.4/32"],
            serviceAllocation: { priority: 1, serviceSelectors: [{ matchLabels: { tier: "web" } }] },
          },
          "e-closed": { addresses: ["192.0.2.5/32"], serviceAllocation: { priority: 1, namespaces: ["nowhere"] } },
        },
        services: { a: { labels: { tier: "web" } } },
        holds: { a: "192.0.2.4 d-one" },
      },
      { services: { b: { labels: { tier: "web" } } }, holds: { b: "192.0.2.3 c-two" } },
      { services: { c: {} }, holds: { c: "192.0.2.2 b-unset" } },
      { services: { d: {} }, holds: { d: "192.0.2.1 a-open" } },
      { services: { e: {} }, holds: { e: "" }, events: { e: [failed("e", "no available IPs")] } },
    ],
  },
  {
    name: "namespaces by name and by selector; explicit requests obey them",
    steps: [
      {
        namespaceLabels: { team: "red" },
        pools: {
          p: {
            addresses: ["192.0.2.0/24"],
            serviceAllocation: {
              namespaceSelectors: [{ matchExpressions: [{ key: "team", operator: "In", values: ["red"] }] }],
            },
          },
        },
        services: {
          a: {},
          "other/x": {},
          "other/y": { spec: { loadBalancerIP: "192.0.2.9" } },
          "other/z": { annotations: { "metallb.io/address-pool": "p" } },
        },
        holds: { a: "192.0.2.0 p", "other/x": "", "other/y": "", "other/z": "" },
      },
      {
        services: { b: { spec: { loadBalancerIP: "192.0.2.9" } } },
        holds: { b: "192.0.2.9 p" },
        events: { b: [gave("192.0.2.9")] },
      },
      {
        // Selectors that match nothing keep what was given and close the pool for what is automatic.
        namespaceLabels: { team: null },
        services: { c: {} },
        holds: { a: "192.0.2.0 p", b: "192.0.2.9 p", c: "" },
        events: { a: [], c: [failed("c", "no available IPs")] },
      },
      { namespaceLabels: { team: "red" }, holds: { c: "192.0.2.1 p" }, events: { c: [gave("192.0.2.1")] } },
    ],
  },
  {
    name: "a namespace that its pool no longer admits moves its Services",
    steps: [
      {
        namespaceLabels: { team: "red" },
        pools: {
          p: {
            addresses: ["192.0.2.0/24"],
            serviceAllocation: { namespaces: ["elsewhere"], namespaceSelectors: [{ matchLabels: { team: "red" } }] },
          },
          q: ["198.51.100.0/24"],
        },
        services: { a: {} },
        holds: { a: "192.0.2.0 p" },
      },
      {
        namespaceLabels: { team: null },
        holds: { a: "198.51.100.0 q" },
        counters: { p: "0/256, 0/0", q: "1/255, 0/0" },
      },
    ],
  },
  {
    name: "labels of a Service that no longer fit its pool move it",
    steps: [
      {
        pools: {
          p: { addresses: ["192.0.2.0/24"], serviceAllocation: { serviceSelectors: [{ matchLabels: { a: "b" } }] } },
          q: ["198.51.100.0/24"],
        },
        services: { a: { labels: { a: "b" } } },
        holds: { a: "192.0.2.0 p" },
      },
      { services: { a: { labels: { a: "c" } } }, holds: { a: "198.51.100.0 q" } },
    ],
  },
  {
    name: "a pool by name: unknown, full, of one family, closed",
    steps: [
      {
        pools: {
          p: ["192.0.2.0/32"],
          closed: { addresses: ["192.0.2.8/32"], serviceAllocation: { namespaces: ["nowhere"] } },
        },
        services: { a: { annotations: { "metallb.io/address-pool": "nope" } } },
        holds: { a: "" },
        events: { a: [failed("a", 'unknown pool "nope"')] },
      },
      {
        services: {
          a: { annotations: { "metallb.io/address-pool": "p" } },
        },
        holds: { a: "192.0.2.0 p" },
        events: { a: [gave("192.0.2.0")] },
      },
      {
        services: { b: { annotations: { "metallb.universe.tf/address-pool": "p" } } },
        holds: { b: "" },
        events: { b: [failed("b", "no available IPs in pool p")] },
      },
      {
        services: {
          d: { spec: DUAL, annotations: { "metallb.io/address-pool": "p" } },
          e: { annotations: { "metallb.io/address-pool": "closed" } },
        },
        holds: { d: "", e: "" },
        events: {
          d: [failed("d", "no available IPs in pool p for dual IPFamily")],
          e: [failed("e", "pool closed not compatible for ip assignment")],
        },
      },
      {
        services: { a: null },
        holds: { b: "192.0.2.0 p" },
        events: {
          b: [
            gave("192.0.2.0"),
            "Warning deprecatedAnnotation deprecated annotations, use the prefix metallb.io/ instead: metallb.universe.tf/address-pool",
          ],
        },
      },
    ],
  },
  {
    name: "the new prefix wins, even when empty",
    steps: [
      {
        pools: { p: ["192.0.2.0/24"], q: ["198.51.100.0/24"] },
        services: {
          a: { annotations: { "metallb.io/address-pool": "q", "metallb.universe.tf/address-pool": "p" } },
          b: { annotations: { "metallb.io/address-pool": "", "metallb.universe.tf/address-pool": "q" } },
        },
        holds: { a: "198.51.100.0 q", b: "192.0.2.0 p" },
      },
    ],
  },
  {
    name: "selectors of Services: any of several, with expressions; ties of priority by name",
    steps: [
      {
        pools: {
          b: { addresses: ["192.0.2.1/32"], serviceAllocation: { priority: 5 } },
          a: {
            addresses: ["192.0.2.2/32"],
            serviceAllocation: {
              priority: 5,
              serviceSelectors: [
                { matchLabels: { app: "x" } },
                {
                  matchExpressions: [
                    { key: "tier", operator: "NotIn", values: ["db"] },
                    { key: "tier", operator: "Exists" },
                  ],
                },
              ],
            },
          },
        },
        services: { s: { labels: { tier: "db" } } },
        holds: { s: "192.0.2.1 b" },
      },
      { services: { t: { labels: { tier: "web" } } }, holds: { t: "192.0.2.2 a" } },
      { services: { t: { labels: { tier: null, app: "x" } } }, holds: { t: "192.0.2.2 a" }, events: { t: [] } },
    ],
  },
];
