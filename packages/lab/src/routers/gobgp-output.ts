import type { Neighbour, RouterPath, RouterRoute, RouterSession } from "./router.ts";

// Another program's output: every field may be missing.
interface GobgpPath {
  readonly attrs?: readonly GobgpAttribute[];
  readonly "neighbor-ip"?: string;
}

/** RFC 4271 attribute codes in `type`; the rest depends on it. */
interface GobgpAttribute {
  readonly type?: number;
  readonly nexthop?: string;
  readonly as_paths?: readonly { readonly asns?: readonly number[] }[];
  readonly communities?: readonly number[];
  readonly metric?: number;
  readonly value?: unknown;
}

/** Reads `gobgp -j global rib -a FAMILY`. */
export function readGobgpRoutes(text: string, neighbours: readonly Neighbour[]): readonly RouterRoute[] {
  const names = new Map(neighbours.map((neighbour) => [neighbour.address, neighbour.name]));
  const table = parse<Record<string, readonly GobgpPath[]>>(text) ?? {};
  return Object.entries(table).map(([prefix, paths]) => ({
    prefix,
    paths: paths.flatMap((path) => readPath(path, names)),
  }));
}

function readPath(path: GobgpPath, names: ReadonlyMap<string, string>): RouterPath[] {
  const from = names.get(path["neighbor-ip"] ?? "");
  if (from === undefined) return [];
  const attributes = new Map((path.attrs ?? []).map((attribute) => [attribute.type, attribute]));
  const localPref = attributes.get(5)?.value;
  return [
    {
      from,
      nextHop: attributes.get(3)?.nexthop ?? attributes.get(14)?.nexthop ?? "",
      asPath: (attributes.get(2)?.as_paths ?? []).flatMap((segment) => segment.asns ?? []),
      med: attributes.get(4)?.metric ?? null,
      localPref: typeof localPref === "number" ? localPref : null,
      communities: (attributes.get(8)?.communities ?? []).map((value) => `${value >>> 16}:${value & 0xffff}`),
      largeCommunities: largeCommunities(attributes.get(32)?.value),
    },
  ];
}

interface GobgpLargeCommunity {
  readonly ASN?: number;
  readonly LocalData1?: number;
  readonly LocalData2?: number;
}

const largeCommunities = (value: unknown): readonly string[] =>
  Array.isArray(value)
    ? value.map(({ ASN = 0, LocalData1 = 0, LocalData2 = 0 }: GobgpLargeCommunity) =>
        [ASN, LocalData1, LocalData2].join(":"),
      )
    : [];

/** In the order of its API's numbers. */
const STATES = ["Unknown", "Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"] as const;

interface GobgpNeighbour {
  readonly conf?: { readonly neighbor_address?: string };
  readonly state?: { readonly session_state?: number };
}

/** Reads `gobgp -j neighbor`. */
export function readGobgpSessions(text: string, neighbours: readonly Neighbour[]): readonly RouterSession[] {
  const list = parse<readonly GobgpNeighbour[]>(text) ?? [];
  const states = new Map(
    list.map(({ conf, state }) => [conf?.neighbor_address, STATES[state?.session_state ?? 0] ?? "Unknown"]),
  );
  return neighbours.map(({ name, address }) => {
    const state = states.get(address) ?? "Unknown";
    return { name, address, established: state === "Established", state };
  });
}

function parse<T>(text: string): T | null {
  try {
    return JSON.parse(text) as T;
  } catch {
    return null;
  }
}
