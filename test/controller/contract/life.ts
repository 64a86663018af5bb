import { failed, gave, type Scene, SIX } from "./scene.ts";

const OLD =
  "Warning deprecatedAnnotation deprecated annotations, use the prefix metallb.io/ instead: metallb.universe.tf/allow-shared-ip";
const P = { p: ["192.0.2.0/30"] };

/** Contract 4.5 to 4.7: Services that come, change and go, and statuses that others write. */
export const LIFE: readonly Scene[] = [
  {
    name: "a NodePort Service is none of ours, also with a status that looks so",
    steps: [
      { pools: P, services: { a: { spec: { type: "NodePort" } } }, holds: { a: "" }, events: { a: [] } },
      {
        services: { a: { spec: { type: "LoadBalancer" } } },
        holds: { a: "192.0.2.0 p" },
        events: { a: [gave("192.0.2.0")] },
      },
      {
        services: { a: { spec: { type: "NodePort" } } },
        holds: { a: "" },
        events: { a: [] },
        counters: { p: "0/4, 0/0" },
      },
      { services: { a: { spec: { type: "LoadBalancer" } } }, holds: { a: "192.0.2.0 p" } },
      { services: { a: { spec: { type: "ClusterIP" } }, b: {} }, holds: { a: "", b: "192.0.2.0 p" } },
    ],
  },
  {
    name: "a foreign class is left alone",
    steps: [
      {
        pools: P,
        services: { a: { spec: { loadBalancerClass: "example.com/other" } } },
        ingress: { a: [{ ip: "192.0.2.0" }] },
        holds: { a: "192.0.2.0" },
        events: { a: [] },
        counters: { p: "0/4, 0/0" },
      },
      { services: { b: {} }, holds: { b: "192.0.2.0 p" } },
    ],
  },
  {
    name: "deleted: what it had goes to who waits, oldest first",
    steps: [
      { pools: { p: ["192.0.2.0/32"] }, services: { a: {} }, holds: { a: "192.0.2.0 p" } },
      { services: { b: {} }, holds: { b: "" }, events: { b: [failed("b", "no available IPs")] } },
      { services: { c: {} }, holds: { c: "" } },
      { services: { a: null }, holds: { b: "192.0.2.0 p", c: "" }, events: { b: [gave("192.0.2.0")], c: [] } },
    ],
  },
  {
    name: "an emptied status is written again",
    steps: [
      { pools: P, services: { a: {} }, holds: { a: "192.0.2.0 p" } },
      { ingress: { a: [] }, holds: { a: "192.0.2.0 p" }, events: { a: [gave("192.0.2.0")] } },
    ],
  },
  {
    name: "a hostname beside the address goes, the address stays",
    steps: [
      { pools: P, services: { a: {} }, holds: { a: "192.0.2.0 p" } },
      {
        ingress: { a: [{ ip: "192.0.2.0" }, { hostname: "x.example" }] },
        holds: { a: "192.0.2.0 p" },
        events: { a: [] },
      },
    ],
  },
  {
    name: "another free address of a pool is adopted silently",
    steps: [
      { pools: P, services: { a: {} }, holds: { a: "192.0.2.0 p" } },
      {
        ingress: { a: [{ ip: "192.0.2.3" }] },
        holds: { a: "192.0.2.3 p" },
        events: { a: [] },
        counters: { p: "1/3, 0/0" },
      },
      { services: { b: {} }, holds: { b: "192.0.2.0 p" } },
    ],
  },
  {
    name: "two of one family in the status: told, and a new address",
    steps: [
      { pools: P, services: { a: {} }, holds: { a: "192.0.2.0 p" } },
      {
        ingress: { a: [{ ip: "192.0.2.1" }, { ip: "192.0.2.2" }] },
        holds: { a: "192.0.2.0 p" },
        events: {
          a: [
            'Warning nolbIPsIPFamily Failed to retrieve LoadBalancer IPs family: ["192.0.2.1" "192.0.2.2"]',
            gave("192.0.2.0"),
          ],
        },
      },
    ],
  },
  {
    name: "an address of no pool in the status: told, and put right",
    steps: [
      { pools: P, services: { a: {} }, holds: { a: "192.0.2.0 p" } },
      {
        ingress: { a: [{ ip: "203.0.113.9" }] },
        holds: { a: "192.0.2.0 p" },
        events: {
          a: [
            'Normal ClearAssignment current IP(s) ["203.0.113.9"] cannot be kept: ["203.0.113.9"] is not allowed in config',
            gave("192.0.2.0"),
          ],
        },
      },
    ],
  },
  {
    name: "an address that another one holds in the status: told, and put right",
    steps: [
      { pools: P, services: { a: {} }, holds: { a: "192.0.2.0 p" } },
      { services: { b: {} }, holds: { b: "192.0.2.1 p" } },
      {
        ingress: { b: [{ ip: "192.0.2.0" }] },
        holds: { a: "192.0.2.0 p", b: "192.0.2.1 p" },
        events: {
          a: [],
          b: [
            `Normal ClearAssignment current IP(s) ["192.0.2.0"] cannot be kept: can't change sharing key for "<ns>/b", address also in use by <ns>/a`,
            gave("192.0.2.1"),
          ],
        },
      },
    ],
  },
  {
    name: "an address that is right and not the Service's in the status: put right without ClearAssignment",
    steps: [
      {
        pools: { p: ["192.0.2.0/30", "2001:db8::/126"], q: ["198.51.100.0/30"] },
        services: {
          a: {},
          b: { spec: { loadBalancerIP: "192.0.2.3" } },
          c: { annotations: { "metallb.io/address-pool": "q" } },
        },
        holds: { a: "192.0.2.0 p", b: "192.0.2.3 p", c: "198.51.100.0 q" },
      },
      {
        // Of the wrong family, not the one asked for, not of the pool asked for.
        ingress: { a: [{ ip: "2001:db8::2" }], b: [{ ip: "192.0.2.2" }], c: [{ ip: "192.0.2.1" }] },
        holds: { a: "192.0.2.0 p", b: "192.0.2.3 p", c: "198.51.100.0 q" },
        events: { a: [gave("192.0.2.0")], b: [gave("192.0.2.3")], c: [gave("198.51.100.0")] },
      },
    ],
  },
  {
    name: "another spelling in the status is written as everybody knows it, without a word",
    steps: [
      {
        pools: { p: ["2001:db8::/64"] },
        services: { a: { spec: SIX } },
        holds: { a: "2001:db8:: p" },
      },
      { ingress: { a: [{ ip: "2001:DB8:0:0::0" }] }, holds: { a: "2001:db8:: p" }, events: { a: [] } },
    ],
  },
  {
    name: "ipMode Proxy, ports and the annotation are put right without a word",
    steps: [
      { pools: P, services: { a: {} }, holds: { a: "192.0.2.0 p" } },
      {
        ingress: { a: [{ ip: "192.0.2.0", ipMode: "Proxy", ports: [{ port: 80, protocol: "TCP" }] }] },
        holds: { a: "192.0.2.0 p" },
        events: { a: [] },
      },
      {
        services: { a: { annotations: { "metallb.io/ip-allocated-from-pool": null } } },
        holds: { a: "192.0.2.0 p" },
        events: { a: [] },
      },
      {
        services: { a: { annotations: { "metallb.io/ip-allocated-from-pool": "other" } } },
        holds: { a: "192.0.2.0 p" },
        events: { a: [] },
      },
    ],
  },
  {
    name: "held by a finalizer it keeps its address until it is gone",
    steps: [
      {
        pools: { p: ["192.0.2.0/32"] },
        services: { a: { finalizers: ["example.com/hold"] } },
        holds: { a: "192.0.2.0 p" },
      },
      { services: { b: {} }, holds: { b: "" } },
      { services: { a: null }, holds: { a: "192.0.2.0 p", b: "" } },
      { services: { a: { finalizers: [] } }, holds: { b: "192.0.2.0 p" } },
    ],
  },
  {
    name: "the old prefix is named once for each change, also when it loses its address",
    steps: [
      {
        pools: P,
        services: { a: { annotations: { "metallb.universe.tf/allow-shared-ip": "k" } } },
        holds: { a: "192.0.2.0 p" },
        events: { a: [gave("192.0.2.0"), OLD] },
      },
      { services: { a: { labels: { x: "y" } } }, holds: { a: "192.0.2.0 p" }, events: { a: [] } },
      { pools: { p: null }, holds: { a: "" }, events: { a: [OLD] } },
    ],
  },
  {
    name: "after a restart nothing moves, and what came meanwhile takes what is left",
    steps: [
      { pools: P, services: { a: {} }, holds: { a: "192.0.2.0 p" } },
      { services: { b: {} }, holds: { b: "192.0.2.1 p" } },
      {
        whileDown: true,
        services: { a: null, c: {} },
        holds: { b: "192.0.2.1 p", c: "192.0.2.0 p" },
        events: { b: [], c: [gave("192.0.2.0")] },
      },
      {
        whileDown: true,
        pools: { p: ["192.0.2.1-192.0.2.3"] },
        holds: { b: "192.0.2.1 p", c: "192.0.2.2 p" },
        events: { b: [] },
      },
    ],
  },
  {
    name: "an address that somebody else gave before: told, and replaced; one of a pool: adopted",
    steps: [
      {
        whileDown: true,
        pools: P,
        services: { a: {}, b: {} },
        ingress: { a: [{ ip: "203.0.113.5" }], b: [{ ip: "192.0.2.3" }] },
        holds: { a: "192.0.2.0 p", b: "192.0.2.3 p" },
        events: {
          a: [
            'Normal ClearAssignment current IP(s) ["203.0.113.5"] cannot be kept: ["203.0.113.5"] is not allowed in config',
            gave("192.0.2.0"),
          ],
          b: [],
        },
        counters: { p: "2/2, 0/0" },
      },
      // Without any pool what somebody else gave is cleared, as upstream does it.
      { pools: { p: null }, holds: { a: "", b: "" }, events: { a: [], b: [] } },
    ],
  },
];
