/** A test that shows it: the file, and its title as it stands there. */
export type Proof = readonly [file: string, title: string];

export interface Row {
  /** Section of the contract that the project is built by: chapters of upstream's behaviour. */
  readonly section: string;
  readonly what: string;
  /** How it differs, in a sentence; absent: it is the same. */
  readonly differs?: string;
  readonly proofs: readonly Proof[];
}

const A = "packages/metallb/src/allocator";
const C = "packages/metallb/src/config";
const K = "packages/metallb/src/controller";
const H = "packages/metallb/src/http";
const P = "packages/metallb/src/process";
const API = "packages/metallb/src/api";

/** What is not told by the stories of `test/controller/contract`: the processes, the objects, the decisions. */
export const ROWS: readonly Row[] = [
  {
    section: "1.2",
    what: "Flags and environment of the controller: names, defaults, Go's grammar, exit codes",
    proofs: [
      [`${P}/flags.test.ts`, "has the defaults of upstream's controller and speaker"],
      [`${P}/flags.test.ts`, "says what is wrong in Go's words"],
      [
        `${P}/flags.test.ts`,
        "ends with 2 for what Go refuses, with 1 for what the process refuses, and with 0 for help",
      ],
      [`${P}/flags.test.ts`, "names in one line the flags whose part comes later"],
    ],
  },
  {
    section: "1.2",
    what: "--webhook-mode in its three values",
    proofs: [
      ["test/controller/controller.test.ts", "handles no Service and asks for no lead with --webhook-mode=onlywebhook"],
    ],
  },
  {
    section: "1.2",
    what: "The memberlist Secret",
    proofs: [[`${K}/memberlist-secret.test.ts`, "is made with 22 characters of a key, owned by the Deployment"]],
  },
  {
    section: "1.2",
    what: "The process outlives an API server that is away, however long, and goes on by itself",
    proofs: [
      ["test/controller/faults.test.ts", "goes on after the API was away for longer than its Lease lasts"],
      [
        "test/controller/faults.test.ts",
        "begins anew in the same process when somebody else took the lead, and nobody loses anything",
      ],
    ],
  },
  {
    section: "1.2",
    what: "One replica",
    differs: "Any number of replicas: one leads by Lease, and at a hand-over no address is given twice.",
    proofs: [
      [
        "test/controller/controller.test.ts",
        "reads the configuration while another one leads, and takes over from there",
      ],
      [
        "test/controller/faults.test.ts",
        "hands the lead over while a write is on its way, which arrives after the other has decided",
      ],
    ],
  },
  {
    section: "1.5",
    what: "/healthz and /readyz",
    differs: "/readyz says when the process has read what it decides from, and why not yet; upstream's always says ok.",
    proofs: [
      [`${H}/http.test.ts`, "answers health, readiness and state"],
      ["test/controller/outside.test.ts", "lives, is not ready, and names what it may not do, in readiness and log"],
    ],
  },
  {
    section: "1.5",
    what: "Metrics over HTTPS, for tokens that may get /metrics",
    proofs: [
      [`${H}/http.test.ts`, "shows metrics to those whom the API allows, over TLS with a certificate of its own"],
    ],
  },
  {
    section: "1.9",
    what: "After a restart everything is adopted, those with the most addresses first",
    proofs: [
      [`${A}/restart.test.ts`, "the one with more addresses keeps it, then the older (contract 1.9)"],
      [
        "test/controller/controller.test.ts",
        "adopts everything after kill -9 without a write, and serves what came meanwhile",
      ],
    ],
  },
  {
    section: "1.9",
    what: "Failed updates are tried again",
    differs:
      "A wait for what can help, and not for the next event: those that wait are served as soon as something they need is free, oldest first.",
    proofs: [
      [`${A}/allocator.test.ts`, "retries a waiting Service when a sharer frees the port that it needs"],
      [`${A}/waiting.test.ts`, "are served oldest first, whatever they wait for alike"],
    ],
  },
  {
    section: "2",
    what: "Every field, default, bound and CEL rule of the custom resources, on the embedded and a real API server",
    proofs: [
      ["test/compat/schema.test.ts", "%s %j: %s"],
      ["test/compat/crds.test.ts", "fills in the defaults"],
      ["test/compat/crds.test.ts", "refuses to change what cannot change"],
      [`${API}/crd.test.ts`, "%s has the fields of the contract"],
    ],
  },
  {
    section: "2",
    what: "Columns of kubectl get",
    proofs: [["test/compat/crds.test.ts", "prints $kind"]],
  },
  {
    section: "2.4",
    what: "peerPort up to 16384",
    differs: "1 to 65535.",
    proofs: [
      [
        `${API}/crd.test.ts`,
        "v1beta1 of a BGPPeer asks for complete expressions, and for a port within the bounds of TCP",
      ],
    ],
  },
  {
    section: "2.5",
    what: "BGPPeer v1beta1, with its warning, and conversion both ways",
    differs: "Absent timers stay absent; upstream makes them 0, which turns hold timer and keepalives off.",
    proofs: [
      ["test/compat/crds.test.ts", "serves BGPPeer as v1beta1 too, with a warning; absent timers stay absent"],
      ["test/apiserver/webhook.test.ts", "converts peers in both directions where the CRD asks for it"],
      [`${API}/peer-conversion.test.ts`, "loses towards v1beta1 what that does not know"],
    ],
  },
  {
    section: "2.10",
    what: "ConfigurationState of the controller, brought back when it is deleted",
    differs: "lastTransitionTime changes with the status alone; upstream's with every pass.",
    proofs: [
      [
        "test/controller/controller.test.ts",
        "tells in the API whether the configuration is valid, and tells it again when that is deleted",
      ],
    ],
  },
  {
    section: "3",
    what: "Annotations of both prefixes; the new one wins",
    proofs: [[`${API}/decode-core.test.ts`, "has the annotation of either prefix, the new one wherever it stands"]],
  },
  {
    section: "4.2",
    what: "A Local Service without selector shares with Cluster ones",
    differs: "It does not, since nothing says that the same Pods serve both.",
    proofs: [[`${A}/allocator.test.ts`, "needs the same Pods with policy Local, and never goes from Local to Cluster"]],
  },
  {
    section: "4.3",
    what: "Every pass writes the status again, and tells its events again",
    differs: "One write for each change and none otherwise; one event for each change.",
    proofs: [
      [`${K}/allocation.test.ts`, "writes address and annotation once, and nothing when nothing changed"],
      [
        `${A}/histories.test.ts`,
        "move nothing without a cause: deciding everything again changes nothing and tells nothing",
      ],
    ],
  },
  {
    section: "4.3",
    what: "PreferDualStack on a single-stack Service flaps without end",
    differs: "The second address comes only where the cluster IPs are dual.",
    proofs: [[`${A}/changes.test.ts`, "never adds one to a Service with a single cluster IP"]],
  },
  {
    section: "4.3",
    what: "A status that somebody else wrote is put right",
    differs: "A writer who insists is named in the condition, and left after a bounded number of rounds.",
    proofs: [[`${K}/overwrites.test.ts`, "is left after a bounded number of rounds, and who insists is named"]],
  },
  {
    section: "4.4",
    what: "Pools for everybody in random order",
    differs: "By name.",
    proofs: [[`${A}/allocator.test.ts`, "asks pinned pools by priority, then open ones by name"]],
  },
  {
    section: "4.4",
    what: "A namespaceSelector that matches no namespace leaves the pool open to requests",
    differs: "The pool is closed, and keeps what it gave.",
    proofs: [[`${C}/pools.test.ts`, "for namespaces: by name and by label, and closed when no namespace matches"]],
  },
  {
    section: "4.4",
    what: "A requested pair is written sorted as text",
    differs: "In the order of the Service's families; what stands is not written anew.",
    proofs: [
      [`${A}/restart.test.ts`, "gets a requested pair in the order of its own families"],
      [`${A}/restart.test.ts`, "a status in either order stands as it is"],
    ],
  },
  {
    section: "4.5",
    what: "--lb-class; Services of other classes are left alone",
    differs: "A Service of the class that stops being a LoadBalancer gives its address back; upstream keeps it taken.",
    proofs: [
      [`${A}/changes.test.ts`, "leaves Services of another class alone"],
      [`${A}/changes.test.ts`, "clears and frees when a Service stops being a LoadBalancer, with a class too"],
    ],
  },
  {
    section: "4.6",
    what: "Pool counters",
    differs:
      "Written when they are known; at most 2⁶³−1, never negative, also for a second /64 and a /32 that ends in .0.",
    proofs: [
      [`${K}/pool-status.test.ts`, "saturate and are never negative"],
      [`${A}/first-fit.test.ts`, "counts capacity exactly, in pools of any size"],
    ],
  },
  {
    section: "4.7",
    what: "A change of families takes the lowest free address anew",
    differs: "The address of a family that stays is kept.",
    proofs: [[`${A}/changes.test.ts`, "keeps the address of a family that stays"]],
  },
  {
    section: "4.7",
    what: "At a start, a Service that lost its pool can take the address of one that comes later",
    differs: "Every valid holder is adopted before anything is given out.",
    proofs: [[`${A}/restart.test.ts`, "one that lost its pool never takes what a later one holds, however full"]],
  },
  {
    section: "5.1",
    what: "What is wrong with pools, communities, advertisements and peers, with the words that users grep for",
    differs:
      "A wrong object freezes itself and what hangs on it, and not the whole configuration; of two that conflict the older counts.",
    proofs: [
      [
        `${C}/wrong-objects.test.ts`,
        "the older one counts and the younger is frozen, whoever was edited, in whatever order they are read",
      ],
      [`${A}/wrong-pools.test.ts`, "keeps what it gave, tells nobody, and gives nothing new, also after a restart"],
      [
        "test/controller/controller.test.ts",
        "takes no address over a pool that became wrong, whether it saw that or starts after it, and gives none of it",
      ],
    ],
  },
  {
    section: "5.1",
    what: "METALLB_BGP_TYPE chooses what is refused",
    differs: "There is one engine, and it has what each type had: what any of them accepts is accepted.",
    proofs: [[`${C}/compile.test.ts`, "never throw, and never take a good object with them"]],
  },
  {
    section: "5.3",
    what: "Validating webhooks at upstream's paths, their certificate made, renewed and injected",
    proofs: [
      ["test/apiserver/webhook.test.ts", "denies what is wrong, and lets pass what is right"],
      ["test/apiserver/webhook.test.ts", "keeps a BFD profile that a peer uses"],
      ["test/apiserver/webhook.test.ts", "goes on through a new authority without a restart"],
    ],
  },
  {
    section: "8.1",
    what: "Metrics of both processes, by name and type",
    differs: "metallb_allocator_services_allocated_total is set; upstream only registers it.",
    proofs: [
      [
        "test/controller/metrics.test.ts",
        "of a controller have upstream's names and types, for those who may read them, and count what happens",
      ],
      ["test/controller/metrics.test.ts", "of a speaker have upstream's names and types too"],
    ],
  },
  {
    section: "11",
    what: "The ConfigMap of MetalLB 0.1 to 0.12, converted or lived from",
    differs: "A configuration that was refused is taken as soon as it fits; upstream waited for the next edit.",
    proofs: [
      ["packages/metallb/src/legacy/convert.test.ts", "reads the last form, 0.12, with every field"],
      [
        "test/controller/configmap.test.ts",
        "lives from the ConfigMap and not from custom resources, refuses what breaks a Service, and takes it when it fits",
      ],
    ],
  },
];

/** What upstream does not have at all. */
export const BEYOND: readonly Omit<Row, "section" | "differs">[] = [
  {
    what: "The condition `metallb.io/Allocated` on each Service: which addresses, or why none, pool by pool",
    proofs: [[`${K}/condition.test.ts`, "says why there is none, naming each pool, and is written once"]],
  },
  {
    what: "Addresses reserved for a Service, and quotas of namespaces: [pools.md](pools.md)",
    proofs: [
      [`${A}/terms.test.ts`, "waits for it, and is nobody else's"],
      [`${A}/terms.test.ts`, "is how many addresses its Services may hold, and those that wait get what is given up"],
    ],
  },
  {
    what: "Addresses kept for a while after their Service was deleted: [pools.md](pools.md)",
    proofs: [
      [
        "test/controller/kept.test.ts",
        "keeps it through a crash and a restart for who comes back, also while the controller is away",
      ],
    ],
  },
  {
    what: "An address is given only after the write that frees it is confirmed, whatever fails in between",
    proofs: [
      [`${K}/allocation.test.ts`, "gives an address only after the write that frees it, also while that fails"],
      ["test/controller/faults.test.ts", "is answered by %s"],
    ],
  },
  {
    what: "`kill -9` before and after each write, on the embedded and the real API: nobody loses an address, and none is given twice",
    proofs: [["test/controller/kills.test.ts", "is killed %s each of its writes"]],
  },
  {
    what: "An hour without the API, half-open watches, and a clock that is put forward or back by an hour",
    proofs: [
      ["test/controller/time.test.ts", "is without the API for an hour, and goes on where it was"],
      ["test/controller/time.test.ts", "notices that its watches are half open: they stay, and tell nothing any more"],
      [
        "test/controller/time.test.ts",
        "sees the clock on the wall jump an hour and back, leads on and writes nothing over it",
      ],
      [
        "test/speaker/time.test.ts",
        "announces all that stood while the API is away for an hour, and follows when it is back",
      ],
      [
        "test/speaker/time.test.ts",
        "sees the clock on the wall jump an hour and back: no session falls, and nothing is told twice",
      ],
    ],
  },
  {
    what: "Tokens, CAs and passwords of routers that are replaced while the processes run",
    proofs: [
      ["test/controller/rotation.test.ts", "takes up a new token when the API takes the old one no more"],
      ["test/controller/rotation.test.ts", "trusts a new CA when the API proves itself by the old one no more"],
      [
        "test/interop/rotation.test.ts",
        "is used from then on, and comes back with its routes as soon as the router has it too",
      ],
    ],
  },
  {
    what: "A burst of 10,000 Services, half of them gone before they are served",
    proofs: [
      [
        "test/controller/burst.test.ts",
        "is served, half of which is gone before; all are deleted, and nothing is left",
      ],
    ],
  },
  {
    what: "Files are checked before they are applied: [checking.md](checking.md)",
    proofs: [["test/controller/controller.test.ts", "is told by metallb check what a file would do to the cluster"]],
  },
];
