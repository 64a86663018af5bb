import { failed, gave, type Scene } from "./scene.ts";

const asks = (ip: string) => ({ spec: { loadBalancerIP: ip } });

/** Contract 4.6 and 10.1: pools that change under use. */
export const POOL_EDITS: readonly Scene[] = [
  {
    name: "grown: those that wait are served, oldest first, and nobody moves",
    steps: [
      { pools: { p: ["192.0.2.8/32"] }, services: { a: {} }, holds: { a: "192.0.2.8 p" } },
      { services: { b: {} }, holds: { b: "" } },
      {
        pools: { p: ["192.0.2.8/32", "192.0.2.0/32"] },
        holds: { a: "192.0.2.8 p", b: "192.0.2.0 p" },
        events: { a: [], b: [gave("192.0.2.0")] },
        counters: { p: "2/0, 0/0" },
      },
    ],
  },
  {
    name: "shrunk past an address: moved, and told",
    steps: [
      { pools: { p: ["192.0.2.0/30"] }, services: { a: {} }, holds: { a: "192.0.2.0 p" } },
      {
        pools: { p: ["192.0.2.2/31"] },
        holds: { a: "192.0.2.2 p" },
        events: {
          a: [
            'Normal ClearAssignment current IP(s) ["192.0.2.0"] cannot be kept: ["192.0.2.0"] is not allowed in config',
            gave("192.0.2.2"),
          ],
        },
      },
    ],
  },
  {
    name: "deleted: moved to another; the last one deleted: cleared without a word",
    steps: [
      { pools: { p: ["192.0.2.0/30"] }, services: { a: {} }, holds: { a: "192.0.2.0 p" } },
      { pools: { q: ["198.51.100.0/24"] }, holds: { a: "192.0.2.0 p" }, events: { a: [] } },
      { pools: { p: null }, holds: { a: "198.51.100.0 q" }, counters: { q: "1/255, 0/0" } },
      { pools: { q: null }, holds: { a: "" }, events: { a: [] } },
      { pools: { q: ["198.51.100.9/32"] }, holds: { a: "198.51.100.9 q" }, events: { a: [gave("198.51.100.9")] } },
    ],
  },
  {
    name: "nothing left for it: it waits, and says so",
    steps: [
      { pools: { p: ["192.0.2.0/31"] }, services: { a: {} }, holds: { a: "192.0.2.0 p" } },
      { services: { b: {} }, holds: { b: "192.0.2.1 p" } },
      {
        pools: { p: ["192.0.2.1/32"] },
        holds: { a: "", b: "192.0.2.1 p" },
        events: {
          a: [
            'Normal ClearAssignment current IP(s) ["192.0.2.0"] cannot be kept: ["192.0.2.0"] is not allowed in config',
            failed("a", "no available IPs"),
          ],
          b: [],
        },
      },
      { services: { b: null }, holds: { a: "192.0.2.1 p" } },
    ],
  },
  {
    name: "renamed: the same address, the annotation follows",
    steps: [
      { pools: { p: ["192.0.2.0/24"] }, services: { a: {} }, holds: { a: "192.0.2.0 p" } },
      { whileDown: true, pools: { p: null, q: ["192.0.2.0/24"] }, holds: { a: "192.0.2.0 q" } },
    ],
  },
  {
    name: "split: each stays with its address, the annotation follows",
    steps: [
      {
        pools: { p: ["192.0.2.0/24"] },
        services: { a: {}, b: { spec: { loadBalancerIP: "192.0.2.200" } } },
        holds: { a: "192.0.2.0 p", b: "192.0.2.200 p" },
      },
      {
        pools: { p: ["192.0.2.0/25"], q: ["192.0.2.128/25"] },
        holds: { a: "192.0.2.0 p", b: "192.0.2.200 q" },
        counters: { p: "1/127, 0/0", q: "1/127, 0/0" },
      },
    ],
  },
  {
    name: "avoidBuggyIPs turned on moves what has .0",
    steps: [
      { pools: { p: ["192.0.2.0/24"] }, services: { a: {} }, holds: { a: "192.0.2.0 p" } },
      {
        pools: { p: { addresses: ["192.0.2.0/24"], avoidBuggyIPs: true } },
        holds: { a: "192.0.2.1 p" },
        counters: { p: "1/253, 0/0" },
      },
    ],
  },
  {
    name: "autoAssign turned off keeps what was given",
    steps: [
      { pools: { p: ["192.0.2.0/24"] }, services: { a: {} }, holds: { a: "192.0.2.0 p" } },
      {
        pools: { p: { addresses: ["192.0.2.0/24"], autoAssign: false } },
        services: { b: {} },
        holds: { a: "192.0.2.0 p", b: "" },
        events: { a: [] },
      },
    ],
  },
  {
    name: "a better pool that comes moves nobody",
    steps: [
      { pools: { z: ["192.0.2.0/24"] }, services: { a: {} }, holds: { a: "192.0.2.0 z" } },
      {
        pools: { a: { addresses: ["198.51.100.0/24"], serviceAllocation: { priority: 1 } } },
        services: { b: {} },
        holds: { a: "192.0.2.0 z", b: "198.51.100.0 a" },
        events: { a: [] },
      },
    ],
  },
  {
    name: "a community that is wrong takes no address",
    steps: [
      { pools: { p: ["192.0.2.0/24"] }, services: { a: {} }, holds: { a: "192.0.2.0 p" } },
      { communities: { bad: "1:2:3:4" }, services: { b: {} }, holds: { a: "192.0.2.0 p", b: "192.0.2.1 p" } },
      { communities: { bad: null }, holds: { a: "192.0.2.0 p", b: "192.0.2.1 p" } },
    ],
  },
  {
    name: "a pool that overlaps an older one gives nothing, and nobody is hurt",
    steps: [
      // Of one second the first by name counts as the older.
      { pools: { a: ["192.0.2.0/24"] }, services: { a: {} }, holds: { a: "192.0.2.0 a" } },
      {
        pools: { z: ["192.0.2.128/25"] },
        services: { b: {} },
        holds: { a: "192.0.2.0 a", b: "192.0.2.1 a" },
        events: { a: [] },
      },
      { pools: { z: null }, services: { c: {} }, holds: { a: "192.0.2.0 a", c: "192.0.2.2 a" } },
    ],
  },
  {
    name: "a pool that cannot be read keeps what it gave, and gives nothing new until it is mended",
    steps: [
      { pools: { p: ["192.0.2.0/24"] }, services: { a: {} }, holds: { a: "192.0.2.0 p" } },
      { pools: { p: ["192.0.2.0/99"] }, services: { b: {} }, holds: { a: "192.0.2.0 p", b: "" }, events: { a: [] } },
      { whileDown: true, services: { c: {} }, holds: { a: "192.0.2.0 p", b: "", c: "" }, events: { a: [] } },
      { pools: { p: ["192.0.2.0/30"] }, holds: { a: "192.0.2.0 p", b: "192.0.2.1 p", c: "192.0.2.2 p" } },
    ],
  },
  {
    name: "a range that moves to another pool in one step: nobody moves, the annotation follows",
    steps: [
      {
        pools: { p: ["192.0.2.0/28", "192.0.2.16/28"], q: ["198.51.100.0/28"] },
        services: { a: asks("192.0.2.20") },
        holds: { a: "192.0.2.20 p" },
      },
      {
        whileDown: true,
        pools: { p: ["192.0.2.0/28"], q: ["198.51.100.0/28", "192.0.2.16/28"] },
        holds: { a: "192.0.2.20 q" },
      },
    ],
  },
];
