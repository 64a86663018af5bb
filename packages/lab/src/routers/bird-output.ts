import type { Neighbour, RouterPath, RouterRoute, RouterSession } from "./router.ts";

/** The protocol's name in BIRD's own tongue: letters, digits and underscores. */
export const birdName = (neighbour: string): string => `s_${neighbour.replaceAll(/[^A-Za-z0-9]/g, "_")}`;

/** Reads `birdc show protocols`: a line per protocol, columns apart by blanks. */
export function readBirdSessions(text: string, neighbours: readonly Neighbour[]): readonly RouterSession[] {
  const states = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^(\S+)\s+BGP\s+\S+\s+(?:up|start|down|stop)\s+\S+(?:\s+\d\d:\d\d:\d\S*)?\s*(.*)$/.exec(line);
    if (match?.[1] !== undefined) states.set(match[1], (match[2] ?? "").trim().replaceAll(/\s{2,}/g, ", "));
  }
  return neighbours.map((neighbour) => {
    const state = states.get(birdName(neighbour.name)) ?? "unknown";
    return { name: neighbour.name, address: neighbour.address, established: state.startsWith("Established"), state };
  });
}

/**
 * Reads `birdc show route all`. A route starts with its prefix in the first column; its further
 * paths start with blanks and a kind, `[protocol time from address]`; attributes are indented by a tab.
 */
export function readBirdRoutes(text: string, neighbours: readonly Neighbour[]): readonly RouterRoute[] {
  const names = new Map(neighbours.map((neighbour) => [birdName(neighbour.name), neighbour.name]));
  const routes = new Map<string, RouterPath[]>();
  let prefix = "";
  let path: Writable<RouterPath> | null = null;
  for (const line of text.split("\n")) {
    const head = /^(\S*)\s+(?:unicast|unreachable|blackhole|prohibited) \[(\S+) /.exec(line);
    if (head !== null) {
      if (head[1]) prefix = head[1];
      const from = names.get(head[2] ?? "");
      path =
        from === undefined || !line.includes("unicast")
          ? null
          : { from, nextHop: "", asPath: [], localPref: null, med: null, communities: [], largeCommunities: [] };
      if (path !== null) {
        const paths = routes.get(prefix);
        if (paths === undefined) routes.set(prefix, [path]);
        else paths.push(path);
      }
      continue;
    }
    const attribute = /^\tBGP\.(\w+): (.*)$/.exec(line);
    if (path !== null && attribute !== null) readAttribute(path, attribute[1] ?? "", attribute[2] ?? "");
  }
  return [...routes].map(([prefix, paths]) => ({ prefix, paths }));
}

function readAttribute(path: Writable<RouterPath>, name: string, value: string): void {
  switch (name) {
    case "next_hop":
      // In IPv6 the link-local address may follow.
      path.nextHop = value.split(" ")[0] ?? "";
      break;
    case "as_path":
      path.asPath = value.split(" ").filter(Boolean).map(Number);
      break;
    case "local_pref":
      path.localPref = Number(value);
      break;
    case "med":
      path.med = Number(value);
      break;
    case "community":
      path.communities = tuples(value);
      break;
    case "large_community":
      path.largeCommunities = tuples(value);
      break;
  }
}

/** `(65000,100) (65000,200)` → `65000:100`, `65000:200`. */
const tuples = (value: string): readonly string[] =>
  [...value.matchAll(/\(([^)]*)\)/g)].map((match) =>
    (match[1] ?? "")
      .split(",")
      .map((part) => part.trim())
      .join(":"),
  );

type Writable<T> = { -readonly [K in keyof T]: T[K] };
