import { DUAL, failed, gave, port, type Scene } from "./scene.ts";

const shares = (key: string, ...ports: readonly number[]) => ({
  spec: port(...ports),
  annotations: { "metallb.io/allow-shared-ip": key },
});
const local = (key: string, one: number, selector: object) => ({
  spec: { ...port(one), externalTrafficPolicy: "Local", selector },
  annotations: { "metallb.io/allow-shared-ip": key },
});
const P = { p: ["192.0.2.0/24"] };

/** Contract 4.2. */
export const SHARING: readonly Scene[] = [
  {
    name: "equal keys and other ports share the lowest address, across namespaces and by the old prefix too",
    steps: [
      { pools: P, services: { a: shares("k", 80) }, holds: { a: "192.0.2.0 p" }, events: { a: [gave("192.0.2.0")] } },
      {
        services: {
          "other/b": shares("k", 443),
          c: { spec: port(81), annotations: { "metallb.universe.tf/allow-shared-ip": "k" } },
          d: { spec: { ports: [{ port: 80, protocol: "UDP" }] }, annotations: { "metallb.io/allow-shared-ip": "k" } },
        },
        holds: { "other/b": "192.0.2.0 p", c: "192.0.2.0 p", d: "192.0.2.0 p" },
        counters: { p: "1/255, 0/0" },
      },
      {
        services: { e: shares("k", 80), f: shares("", 1), g: shares("j", 2) },
        counters: { p: "4/252, 0/0" },
      },
    ],
  },
  {
    name: "Local shares where the same Pods serve, never with Cluster",
    steps: [
      { pools: P, services: { a: local("k", 1, { app: "x" }) }, holds: { a: "192.0.2.0 p" } },
      { services: { b: local("k", 2, { app: "x" }) }, holds: { b: "192.0.2.0 p" } },
      { services: { c: local("k", 3, { app: "y" }) }, holds: { c: "192.0.2.1 p" } },
      { services: { d: shares("k", 4) }, holds: { d: "192.0.2.2 p" } },
      { services: { e: local("k", 5, {}) }, holds: { e: "192.0.2.3 p" } },
    ],
  },
  {
    name: "refused on request: another port, another key, no key",
    steps: [
      { pools: P, services: { a: shares("k", 80) }, holds: { a: "192.0.2.0 p" } },
      {
        services: {
          b: { ...shares("k", 80), spec: { ...port(80), loadBalancerIP: "192.0.2.0" } },
          c: { ...shares("j", 81), spec: { ...port(81), loadBalancerIP: "192.0.2.0" } },
          d: { spec: { ...port(82), loadBalancerIP: "192.0.2.0" } },
        },
        holds: { b: "", c: "", d: "" },
        events: {
          b: [failed("b", 'port TCP/80 is already in use on "192.0.2.0"')],
          c: [failed("c", `can't change sharing key for "<ns>/c", address also in use by <ns>/a`)],
          d: [failed("d", `can't change sharing key for "<ns>/d", address also in use by <ns>/a`)],
        },
      },
      // Alone on it, its own key may change in place; then the one of that key may join.
      {
        services: { a: { annotations: { "metallb.io/allow-shared-ip": "j" } } },
        holds: { a: "192.0.2.0 p", b: "", c: "192.0.2.0 p", d: "" },
        events: { a: [], c: [gave("192.0.2.0")] },
      },
    ],
  },
  {
    name: "an edit that breaks the sharing moves the one that was edited",
    steps: [
      {
        pools: P,
        services: { a: shares("k", 80), b: shares("k", 443) },
        holds: { a: "192.0.2.0 p", b: "192.0.2.0 p" },
      },
      {
        services: { b: { spec: port(80) } },
        holds: { a: "192.0.2.0 p", b: "192.0.2.1 p" },
        events: {
          a: [],
          b: [
            'Normal ClearAssignment current IP(s) ["192.0.2.0"] cannot be kept: port TCP/80 is already in use on "192.0.2.0"',
            gave("192.0.2.1"),
          ],
        },
      },
      { services: { b: { spec: port(443) } }, holds: { b: "192.0.2.1 p" }, events: { b: [] } },
    ],
  },
  {
    name: "ports and nothing else change while it shares: it stays",
    steps: [
      {
        pools: P,
        services: { a: shares("k", 80), b: shares("k", 443) },
        holds: { a: "192.0.2.0 p", b: "192.0.2.0 p" },
      },
      { services: { b: { spec: port(444, 445) } }, holds: { b: "192.0.2.0 p" }, events: { a: [], b: [] } },
      {
        services: { b: { annotations: { "metallb.io/allow-shared-ip": "other" } } },
        holds: { a: "192.0.2.0 p", b: "192.0.2.1 p" },
      },
    ],
  },
  {
    name: "sharers stay together over a restart",
    steps: [
      {
        pools: P,
        services: { a: shares("k", 80), b: shares("k", 443), c: {} },
        holds: { a: "192.0.2.0 p", b: "192.0.2.0 p", c: "192.0.2.1 p" },
      },
      {
        whileDown: true,
        services: { d: shares("k", 22) },
        holds: { a: "192.0.2.0 p", b: "192.0.2.0 p", c: "192.0.2.1 p", d: "192.0.2.0 p" },
        events: { a: [], b: [], c: [] },
      },
    ],
  },
  {
    name: "policy or selector changed under sharing: the edited one moves, and comes back by nobody's will",
    steps: [
      {
        pools: P,
        services: { a: shares("k", 80), b: shares("k", 81) },
        holds: { a: "192.0.2.0 p", b: "192.0.2.0 p" },
      },
      {
        services: { b: { spec: { externalTrafficPolicy: "Local", selector: { app: "b" } } } },
        holds: { a: "192.0.2.0 p", b: "192.0.2.1 p" },
        events: { a: [] },
      },
      { services: { c: local("k", 82, { app: "b" }) }, holds: { c: "192.0.2.1 p" } },
      {
        services: { c: { spec: { selector: { app: "c" } } } },
        holds: { b: "192.0.2.1 p", c: "192.0.2.2 p" },
        events: { b: [] },
      },
      {
        services: { b: { spec: { externalTrafficPolicy: "Cluster" } } },
        holds: { b: "192.0.2.1 p" },
        events: { b: [] },
      },
    ],
  },
  {
    name: "dual-stack sharers share both addresses, a single-stack one its own",
    steps: [
      {
        pools: { p: ["192.0.2.0/24", "2001:db8::/64"] },
        services: { a: { ...shares("k", 80), spec: { ...port(80), ...DUAL } } },
        holds: { a: "192.0.2.0,2001:db8:: p" },
      },
      {
        services: { b: { ...shares("k", 81), spec: { ...port(81), ...DUAL } }, c: shares("k", 82) },
        holds: { b: "192.0.2.0,2001:db8:: p", c: "192.0.2.0 p" },
      },
      { services: { a: null, b: null }, holds: { c: "192.0.2.0 p" }, events: { c: [] } },
    ],
  },
];
