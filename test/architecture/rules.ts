/** The house as data: who may import whom, and which library lives where. `design` of the rooms is told in the README. */

const PURE = [
  "net",
  "api",
  "config",
  "allocator",
  "planner",
  "bgp",
  "bfd",
  "neighbor",
  "gossip",
  "report",
  "legacy",
  "view",
  "explain",
] as const;

/** The engines: they never import each other and never see a Kubernetes type. */
const ENGINES = ["bgp", "bfd", "neighbor", "gossip"] as const;

/** Room → rooms it may import. Arrows only point down. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  net: [],
  api: ["net"],
  bgp: ["net"],
  bfd: ["net"],
  neighbor: ["net"],
  gossip: ["net"],
  config: ["api", "net"],
  legacy: ["net"],
  allocator: ["config", "api", "net"],
  planner: ["config", "api", "bgp", "net"],
  kube: ["net"],
  sys: ["gossip", "net"],
  process: ["net", "sys"],
  http: ["kube", "process", "net"],
  world: ["config", "legacy", "api", "net", "kube", "process"],
  report: ["net"],
  controller: ["report", "world", "planner", "allocator", "config", "api", "net", "kube", "http", "process"],
  speaker: [
    "report",
    "world",
    "planner",
    "config",
    "api",
    "bgp",
    "bfd",
    "neighbor",
    "gossip",
    "net",
    "kube",
    "sys",
    "http",
    "process",
  ],
  view: ["report", "net"],
  explain: ["view", "allocator", "config", "api", "net"],
  terminal: [],
  web: ["view"],
  cli: ["legacy", "report", "explain", "view", "terminal", "web", "config", "api", "bgp", "net", "kube"],
  bin: ["controller", "speaker", "cli"],
  apiserver: [],
  lab: ["apiserver", "view", "terminal", "web", "api", "bgp", "net", "kube"],
};

/** Library → rooms that may import it. A library that is not listed may be used by no room. */
const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  zod: ["api"],
  koffi: ["sys"],
  pino: ["process"],
  "prom-client": ["http", "controller", "speaker"],
  "@peculiar/x509": ["http", "apiserver", "lab"],
  "reflect-metadata": ["http", "apiserver", "lab"],
  "@marcbachmann/cel-js": ["apiserver"],
  re2js: ["apiserver"],
  // What the command line loads where it is installed: the lab, a package that imports this one.
  "(computed)": ["cli"],
  commander: ["cli", "lab"],
  esbuild: ["web"],
  preact: ["web"],
  "@preact/signals": ["web"],
  yaml: ["kube", "world", "speaker", "apiserver", "lab", "cli"],
};

/** What a pure room must not name: they take time, randomness and the outside as arguments. */
const IMPURE_NAMES = [
  "process",
  "console",
  "performance",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
  "fetch",
  "crypto",
  "globalThis",
  "Date",
] as const;

/** How long and when, in the product's rooms: with the flavours of `net/time.ts`, and never as a bare number. */
const TIME = {
  home: "packages/metallb/src/net/time.ts",
  types: ["Instant", "Duration", "Seconds", "Timestamp"],
  names: [
    "now",
    "since",
    "until",
    "deadline",
    "wakeAt",
    "wallClock",
    "retryAfter",
    "pause",
    "delay",
    "timeout",
    "milliseconds",
    "seconds",
    "holdTime",
    "keepaliveTime",
    "connectTime",
    "receiveInterval",
    "transmitInterval",
  ],
} as const;

/** A file that is longer holds two concepts. */
const MAX_LINES = 300;

/** What breaks the rules still and is named here until it is mended: nothing new comes in. */
const YET: { readonly long: readonly string[]; readonly circles: readonly string[] } = {
  long: [],
  circles: [],
};

export const house = { MAX_LINES, TIME, YET, PURE, ENGINES, ARROWS, LIBRARIES, IMPURE_NAMES } as const;
