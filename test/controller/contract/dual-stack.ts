import { added, DUAL, failed, gave, PREFER, type Scene, SIX } from "./scene.ts";

const V6_FIRST = { ipFamilies: ["IPv6", "IPv4"] };
const BOTH = { p: ["192.0.2.0/24", "2001:db8::/64"] };
const SINGLE = { ipFamilyPolicy: "SingleStack" };

/** Contract 4.3, 4.4 and 10.3: two families. */
export const DUAL_STACK: readonly Scene[] = [
  {
    name: "both of one pool, IPv4 first whatever the families' order",
    steps: [
      {
        pools: BOTH,
        services: { a: { spec: DUAL } },
        holds: { a: "192.0.2.0,2001:db8:: p" },
        events: { a: [gave("192.0.2.0", "2001:db8::")] },
        counters: { p: "1/255, 1/many" },
      },
      {
        services: { b: { spec: { ...PREFER, ...V6_FIRST } }, c: { spec: SIX } },
        holds: { b: "192.0.2.1,2001:db8::1 p", c: "2001:db8::2 p" },
      },
    ],
  },
  {
    name: "RequireDualStack takes one pool that has both, and nothing else",
    steps: [
      {
        pools: { a4: ["192.0.2.0/24"], b6: ["2001:db8::/64"] },
        services: { a: { spec: DUAL } },
        holds: { a: "" },
        events: { a: [failed("a", "no available IPs")] },
      },
      { pools: { c: ["198.51.100.0/24", "2001:db8:1::/64"] }, holds: { a: "198.51.100.0,2001:db8:1:: c" } },
    ],
  },
  {
    name: "PreferDualStack: both, else the primary family, else the other",
    steps: [
      {
        pools: { a4: ["192.0.2.0/32"], b6: ["2001:db8::/128"] },
        services: { a: { spec: PREFER } },
        holds: { a: "192.0.2.0 a4" },
      },
      { services: { b: { spec: PREFER } }, holds: { b: "2001:db8:: b6" } },
      { services: { a: null, b: null }, counters: { a4: "0/1, 0/0", b6: "0/0, 0/1" } },
      { services: { c: { spec: { ...PREFER, ...V6_FIRST } } }, holds: { c: "2001:db8:: b6" } },
      {
        pools: { z: ["198.51.100.0/24", "2001:db8:1::/64"] },
        services: { d: { spec: PREFER } },
        holds: { d: "198.51.100.0,2001:db8:1:: z" },
      },
    ],
  },
  {
    name: "the second address comes when the pool becomes dual, from that pool and beside the first",
    steps: [
      {
        pools: { p: ["192.0.2.0/24"], q: ["198.51.100.0/24"] },
        services: { a: { spec: PREFER } },
        holds: { a: "192.0.2.0 p" },
      },
      { pools: { q: ["198.51.100.0/24", "2001:db8:1::/64"] }, holds: { a: "192.0.2.0 p" } },
      {
        pools: { p: ["192.0.2.0/24", "2001:db8::/64"] },
        holds: { a: "192.0.2.0,2001:db8:: p" },
        events: { a: [added("2001:db8::")] },
      },
    ],
  },
  {
    name: "an address added later is appended, also where IPv6 stands first",
    steps: [
      { pools: { p: ["2001:db8::/64"] }, services: { a: { spec: PREFER } }, holds: { a: "2001:db8:: p" } },
      { pools: BOTH, holds: { a: "2001:db8::,192.0.2.0 p" }, events: { a: [added("192.0.2.0")] } },
    ],
  },
  {
    name: "a single-stack Service with PreferDualStack flaps never",
    steps: [
      { pools: BOTH, services: { a: { spec: {} } }, holds: { a: "192.0.2.0 p" }, events: { a: [gave("192.0.2.0")] } },
      {
        services: { a: { spec: PREFER } },
        holds: { a: "192.0.2.0,2001:db8:: p" },
        events: { a: [added("2001:db8::")] },
      },
      { services: { a: { spec: SINGLE } }, holds: { a: "192.0.2.0 p" } },
      { services: { a: { spec: DUAL } }, holds: { a: "192.0.2.0,2001:db8:: p" } },
      { services: { a: { spec: PREFER } }, holds: { a: "192.0.2.0,2001:db8:: p" }, events: { a: [] } },
    ],
  },
  {
    name: "a dual pool that is split: Prefer keeps one, Require loses both",
    steps: [
      {
        pools: BOTH,
        services: { a: { spec: PREFER } },
        holds: { a: "192.0.2.0,2001:db8:: p" },
      },
      { services: { b: { spec: DUAL } }, holds: { b: "192.0.2.1,2001:db8::1 p" } },
      { pools: { p: ["192.0.2.0/24"] }, holds: { a: "192.0.2.0 p", b: "" } },
      { pools: { q: ["2001:db8::/64"] }, holds: { a: "192.0.2.0 p", b: "" } },
    ],
  },
  {
    name: "what a foreign hand wrote in the other order stands",
    steps: [
      { pools: BOTH, services: { a: { spec: DUAL } }, holds: { a: "192.0.2.0,2001:db8:: p" } },
      {
        ingress: { a: [{ ip: "2001:db8::" }, { ip: "192.0.2.0" }] },
        holds: { a: "2001:db8::,192.0.2.0 p" },
        events: { a: [] },
      },
      {
        whileDown: true,
        ingress: { a: [{ ip: "2001:db8::9" }, { ip: "192.0.2.9" }] },
        holds: { a: "2001:db8::9,192.0.2.9 p" },
        events: { a: [] },
      },
    ],
  },
  {
    name: "PreferDualStack where there is one family: that one, and an event of what is missing, once",
    steps: [
      {
        pools: { p: ["192.0.2.0/24"] },
        services: { a: { spec: PREFER } },
        holds: { a: "192.0.2.0 p" },
        events: {
          a: [
            gave("192.0.2.0"),
            'Normal AdditionalAssignFailed Failed to assign additional IP for "<ns>/a": no available IPs in pool p for dual IPFamily',
          ],
        },
      },
      { services: { a: { labels: { x: "y" } } }, holds: { a: "192.0.2.0 p" }, events: { a: [] } },
    ],
  },
  {
    name: "an IPv6 Service takes from pools that have IPv6, and waits where there are none",
    steps: [
      {
        pools: { a4: ["192.0.2.0/24"] },
        services: { a: { spec: SIX } },
        holds: { a: "" },
        events: { a: [failed("a", "no available IPs")] },
      },
      { pools: { b6: ["2001:db8::f-2001:db8::11"] }, holds: { a: "2001:db8::f b6" }, counters: { b6: "0/0, 1/2" } },
      { services: { b: { annotations: { "metallb.io/address-pool": "b6" } } }, holds: { b: "" } },
    ],
  },
];
