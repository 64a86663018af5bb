import type { Neighbour, RouterPath, RouterRoute, RouterSession } from "./router.ts";

// Another program's output: every field may be missing.
interface FrrTable {
  readonly routes?: Readonly<Record<string, readonly FrrPath[]>>;
}

interface FrrPath {
  readonly valid?: boolean;
  readonly aspath?: { readonly string?: string };
  readonly locPrf?: number;
  readonly metric?: number;
  readonly community?: { readonly list?: readonly string[] };
  readonly largeCommunity?: { readonly list?: readonly string[] };
  readonly nexthops?: readonly { readonly ip?: string; readonly used?: boolean }[];
  readonly peer?: { readonly peerId?: string };
}

/** Reads `show bgp FAMILY unicast json detail`. */
export function readFrrRoutes(text: string, neighbours: readonly Neighbour[]): readonly RouterRoute[] {
  const table = parse<FrrTable>(text);
  const names = new Map(neighbours.map((neighbour) => [neighbour.address, neighbour.name]));
  return Object.entries(table?.routes ?? {}).map(([prefix, list]) => ({
    prefix,
    // FRR 8 puts an entry about the prefix itself before the paths; it has no peer.
    paths: (Array.isArray(list) ? list : ((list as { paths?: FrrPath[] }).paths ?? [])).flatMap((path: FrrPath) =>
      readPath(path, names),
    ),
  }));
}

function readPath(path: FrrPath, names: ReadonlyMap<string, string>): RouterPath[] {
  const from = names.get(path.peer?.peerId ?? "");
  if (from === undefined || path.valid !== true) return [];
  const nextHop = path.nexthops?.find((hop) => hop.used === true) ?? path.nexthops?.[0];
  return [
    {
      from,
      nextHop: nextHop?.ip ?? "",
      asPath: (path.aspath?.string ?? "").split(" ").filter(Boolean).map(Number).filter(Number.isInteger),
      med: path.metric ?? null,
      localPref: path.locPrf ?? null,
      communities: path.community?.list ?? [],
      largeCommunities: path.largeCommunity?.list ?? [],
    },
  ];
}

interface FrrSummary {
  readonly [family: string]: { readonly peers?: Readonly<Record<string, { readonly state?: string }>> } | undefined;
}

/** Reads `show bgp summary json`: one block per family, each with its peers. */
export function readFrrSessions(text: string, neighbours: readonly Neighbour[]): readonly RouterSession[] {
  const summary = parse<FrrSummary>(text) ?? {};
  const states = new Map<string, string>();
  for (const family of Object.values(summary)) {
    for (const [address, peer] of Object.entries(family?.peers ?? {})) states.set(address, peer.state ?? "unknown");
  }
  return neighbours.map(({ name, address }) => {
    const state = states.get(address) ?? "unknown";
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
