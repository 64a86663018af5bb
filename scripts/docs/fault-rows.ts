import type { Proof } from "./compatibility-rows.ts";

export interface Fault {
  readonly what: string;
  /** What is seen while it lasts, and after it. */
  readonly after: string;
  readonly proofs: readonly Proof[];
}

const L = "test/layer2";
const G = "packages/metallb/src/gossip";
const N = "packages/metallb/src/neighbor";

const FAULTS_TEST = `${L}/faults.test.ts`;
const ENDURANCE = `${G}/endurance.test.ts`;

/** Faults of a cluster, injected into running speakers that announce by layer 2. */
export const LAYER2_FAULTS: readonly Fault[] = [
  {
    what: "kill -9 of a speaker before and after each write to the API",
    after: "the next node announces, and one status object names it",
    proofs: [
      [
        `${L}/killed.test.ts`,
        "each owner in turn is killed before or after one of its writes: the last one tells the truth",
      ],
      [`${L}/failover.test.ts`, "moves when the owner's speaker is killed, frozen or stopped, and no packet is lost"],
    ],
  },
  {
    what: "the API is away",
    after: "addresses stay, and fail over as ever; with fencing by Leases they fall silent",
    proofs: [
      [FAULTS_TEST, "the API is away: addresses stay, and go on at another node"],
      [
        `${L}/leases.test.ts`,
        "one that hears the others and not the API falls silent before another takes over, and comes back",
      ],
    ],
  },
  {
    what: "event loops stalled for 2 and 10 s",
    after:
      "a stalled main thread moves nothing; a stopped process is taken over from, and answers nothing stale with Leases",
    proofs: [
      [FAULTS_TEST, "its main thread stands still for ten seconds: nothing moves"],
      [`${L}/failover.test.ts`, "moves when the owner's speaker is killed, frozen or stopped, and no packet is lost"],
      [
        `${L}/leases.test.ts`,
        "one whose process stood still for longer than its Lease answers nothing when it goes on",
      ],
    ],
  },
  {
    what: "out of file descriptors; ENOBUFS on packet sockets and netlink",
    after: "what is announced is answered for, and what could not be opened, joined, sent or heard of is caught up on",
    proofs: [
      [
        FAULTS_TEST,
        "it runs out of file descriptors: nothing moves, and it is heard of new Services again when it has some",
      ],
      [
        `${L}/scarcity.test.ts`,
        "file descriptors: what is announced is answered for, and interfaces and groups are caught up on later",
      ],
      [`${L}/scarcity.test.ts`, "room for news of interfaces (ENOBUFS): what happened meanwhile is asked for"],
      [`${L}/scarcity.test.ts`, "room in the queue of the interface (ENOBUFS): neighbours are told again later"],
    ],
  },
  {
    what: "an interface that goes down, comes up, is renamed, gets another MAC or comes under a bridge",
    after: "seen at once; neighbours are told anew, and an owner without link is taken over from",
    proofs: [
      [`${L}/failover.test.ts`, "moves when the owner's interface goes down"],
      [
        `${L}/neighbours.test.ts`,
        "that is renamed, gets another MAC, goes down and comes up is seen at once, and neighbours are told",
      ],
      [`${L}/neighbours.test.ts`, "that comes late is used, its groups are joined, and it is left when it is enslaved"],
    ],
  },
  {
    what: "loss of 1, 5 and 20 %, reordering, one-way loss",
    after: "nothing moves",
    proofs: [
      [FAULTS_TEST, "loss of 1, 5 and 20 %, and one direction of a path that is gone: nothing moves"],
      [ENDURANCE, "while a fifth of all datagrams is lost, and they overtake each other"],
      [`${G}/simulation.test.ts`, "asks others when one direction of one path is gone"],
    ],
  },
  {
    what: "partitions: half and half, one against the rest",
    after: "each part has an owner, and the whole LAN one; who is fenced falls silent",
    proofs: [
      [FAULTS_TEST, "the LAN parts in halves: each has an owner, and one is left when it is whole again"],
      [
        `${L}/failover.test.ts`,
        "%s goes on at another node when its cable is cut, and all agree again when it is healed",
      ],
      [`${L}/placement.test.ts`, "that is fenced is silent where fewer than half of the speakers are seen"],
    ],
  },
  {
    what: "a rolling upgrade beside MetalLB's speakers",
    after: "each address has one owner but for moments, in both orders and back",
    proofs: [
      [
        "test/migration/layer2.test.ts",
        "%s first: every address stays where the election has it, with two owners no longer than among MetalLB's own",
      ],
    ],
  },
  {
    what: "SIGTERM during each of these",
    after: "the process ends by itself with 0, and the address goes on at another node",
    proofs: [
      [FAULTS_TEST, "await faulty.terminate(by, faulty.others(owner, by));"],
      [
        `${L}/leases.test.ts`,
        "one that is stopped gives its Lease up: another takes over at once, and nothing is lost",
      ],
    ],
  },
  {
    what: "a foreign host claims the address",
    after: "before the first use it keeps it, later it is told of; it is not fought unless the operator says so",
    proofs: [
      [FAULTS_TEST, "a foreign host claims the address: it is told, and not fought"],
      [
        `${L}/failover.test.ts`,
        "that is new is probed for: a foreign host that has it keeps it, and the Service says so",
      ],
      [`${N}/claims.test.ts`, "is answered when ten seconds are over, and never while the address is still probed"],
    ],
  },
];
