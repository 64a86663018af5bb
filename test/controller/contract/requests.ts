import { DUAL, failed, gave, PREFER, type Scene, SIX } from "./scene.ts";

const asks = (ips: string) => ({ annotations: { "metallb.io/loadBalancerIPs": ips } });
const P = { p: ["192.0.2.0/24", "2001:db8::/64"] };

const refused = (name: string, patch: object, why: string): Scene => ({
  name: `refused: ${name}`,
  steps: [{ pools: P, services: { a: patch }, holds: { a: "" }, events: { a: [failed("a", why)] } }],
});

/** Contract 4.4 and 4.7: addresses that are asked for. */
export const REQUESTS: readonly Scene[] = [
  refused(
    "annotation and field at once",
    { spec: { loadBalancerIP: "192.0.2.1" }, ...asks("192.0.2.1") },
    "service can not have both metallb.io/loadBalancerIPs and svc.Spec.LoadBalancerIP",
  ),
  refused("an annotation that is no address", asks("x"), 'invalid metallb.io/loadBalancerIPs: "x"'),
  refused("a field that is no address", { spec: { loadBalancerIP: "y" } }, 'invalid spec.loadBalancerIP "y"'),
  refused(
    "a field with spaces around the address",
    { spec: { loadBalancerIP: " 192.0.2.1 " } },
    'invalid spec.loadBalancerIP " 192.0.2.1 "',
  ),
  refused("a comma at the end", asks("192.0.2.1,"), 'invalid metallb.io/loadBalancerIPs: "192.0.2.1,"'),
  refused("leading zeros", asks("192.0.2.01"), 'invalid metallb.io/loadBalancerIPs: "192.0.2.01"'),
  refused("a prefix length", asks("192.0.2.1/32"), 'invalid metallb.io/loadBalancerIPs: "192.0.2.1/32"'),
  refused(
    "the wrong family",
    asks("2001:db8::1"),
    'requested loadBalancer IP(s) ["2001:db8::1"] does not match the ipFamily of the service',
  ),
  refused(
    "one address for a dual-stack Service",
    { spec: PREFER, ...asks("192.0.2.1") },
    'requested loadBalancer IP(s) ["192.0.2.1"] does not match the ipFamily of the service',
  ),
  refused("an address of no pool", asks("203.0.113.9"), '["203.0.113.9"] is not allowed in config'),
  {
    name: "an address of another pool than the one asked for",
    steps: [
      {
        pools: { ...P, q: ["198.51.100.0/24"] },
        services: {
          a: { annotations: { "metallb.io/loadBalancerIPs": "192.0.2.1", "metallb.io/address-pool": "q" } },
        },
        holds: { a: "" },
        events: {
          a: [
            failed("a", 'requested loadBalancer IP(s) ["192.0.2.1"] is not compatible with requested address pool q'),
          ],
        },
      },
    ],
  },
  {
    name: "spaces, a mapped address and another spelling",
    steps: [
      {
        pools: P,
        services: { a: asks(" 192.0.2.5 "), b: asks("::ffff:192.0.2.6"), c: { spec: SIX, ...asks("2001:DB8:0::7") } },
        holds: { a: "192.0.2.5 p", b: "192.0.2.6 p", c: "2001:db8::7 p" },
      },
    ],
  },
  {
    name: "a pair in either order, given in the order of the Service's families",
    steps: [
      {
        pools: P,
        services: {
          a: { spec: DUAL, ...asks("2001:db8::5,192.0.2.5") },
          b: { spec: { ...DUAL, ipFamilies: ["IPv6", "IPv4"] }, ...asks("192.0.2.6, 2001:db8::6") },
        },
        holds: { a: "192.0.2.5,2001:db8::5 p", b: "2001:db8::6,192.0.2.6 p" },
        events: { a: [gave("192.0.2.5", "2001:db8::5")] },
      },
    ],
  },
  {
    name: "another address: moved without ClearAssignment; a wrong one: kept, and said",
    steps: [
      { pools: P, services: { a: {} }, holds: { a: "192.0.2.0 p" } },
      { services: { a: asks("192.0.2.9") }, holds: { a: "192.0.2.9 p" }, events: { a: [gave("192.0.2.9")] } },
      {
        services: { a: asks("nonsense") },
        holds: { a: "192.0.2.9 p" },
        events: {
          a: [
            'Warning LoadBalancerFailed invalid requested loadbalancer IPs: invalid metallb.io/loadBalancerIPs: "nonsense"',
          ],
        },
      },
      {
        services: { a: asks("203.0.113.1") },
        holds: { a: "" },
        events: { a: [failed("a", '["203.0.113.1"] is not allowed in config')] },
        counters: { p: "0/256, 0/many" },
      },
      { services: { a: { annotations: { "metallb.io/loadBalancerIPs": null } } }, holds: { a: "192.0.2.0 p" } },
    ],
  },
  {
    name: "another pool: moved without ClearAssignment; an unknown one: lost",
    steps: [
      { pools: { ...P, q: ["198.51.100.0/24"] }, services: { a: {} }, holds: { a: "192.0.2.0 p" } },
      {
        services: { a: { annotations: { "metallb.io/address-pool": "q" } } },
        holds: { a: "198.51.100.0 q" },
        events: { a: [gave("198.51.100.0")] },
        counters: { q: "1/255, 0/0" },
      },
      {
        services: { a: { annotations: { "metallb.io/address-pool": "nope" } } },
        holds: { a: "" },
        events: { a: [failed("a", 'unknown pool "nope"')] },
        counters: { q: "0/256, 0/0" },
      },
    ],
  },
  {
    name: "an address in use, with upstream's words, and given when it is free",
    steps: [
      { pools: P, services: { a: {} }, holds: { a: "192.0.2.0 p" } },
      {
        services: { b: { spec: { loadBalancerIP: "192.0.2.0" } } },
        holds: { b: "" },
        events: { b: [failed("b", `can't change sharing key for "<ns>/b", address also in use by <ns>/a`)] },
      },
      { services: { a: { spec: { loadBalancerIP: "192.0.2.3" } } }, holds: { a: "192.0.2.3 p", b: "192.0.2.0 p" } },
    ],
  },
  {
    name: "by the old prefix, with its event; the new one beside it wins",
    steps: [
      {
        pools: P,
        services: {
          a: { annotations: { "metallb.universe.tf/loadBalancerIPs": "192.0.2.5" } },
          b: {
            annotations: {
              "metallb.universe.tf/loadBalancerIPs": "192.0.2.6",
              "metallb.io/loadBalancerIPs": "192.0.2.7",
            },
          },
        },
        holds: { a: "192.0.2.5 p", b: "192.0.2.7 p" },
        events: {
          a: [
            gave("192.0.2.5"),
            "Warning deprecatedAnnotation deprecated annotations, use the prefix metallb.io/ instead: metallb.universe.tf/loadBalancerIPs",
          ],
        },
      },
    ],
  },
  {
    name: "taken back: the address stays; the one that it has already: nothing happens",
    steps: [
      { pools: P, services: { a: { spec: { loadBalancerIP: "192.0.2.9" } } }, holds: { a: "192.0.2.9 p" } },
      { services: { a: { spec: { loadBalancerIP: null } } }, holds: { a: "192.0.2.9 p" }, events: { a: [] } },
      { services: { a: asks("192.0.2.9") }, holds: { a: "192.0.2.9 p" }, events: { a: [] } },
    ],
  },
  {
    name: "two that swap what they ask for",
    steps: [
      {
        pools: P,
        services: { a: asks("192.0.2.1"), b: asks("192.0.2.2") },
        holds: { a: "192.0.2.1 p", b: "192.0.2.2 p" },
      },
      { services: { a: asks("192.0.2.2"), b: asks("192.0.2.1") }, holds: { a: "192.0.2.2 p", b: "192.0.2.1 p" } },
    ],
  },
];
