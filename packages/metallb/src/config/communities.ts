import type { Community } from "#api";
import { err, ok, type Result } from "#net";
import { byAge } from "./age.ts";
import type { LargeCommunity } from "./config.ts";
import { ProblemList, quoted } from "./problems.ts";

/** A standard community as 32 bits, or a large one as three times 32. */
export type CommunityValue = number | LargeCommunity;

/** As a user writes it. */
export const formatCommunity = (value: CommunityValue): string =>
  typeof value === "number" ? `${value >>> 16}:${value & 0xffff}` : `large:${value.join(":")}`;

export interface CommunityLists {
  /** Ascending, each once. */
  readonly communities: readonly number[];
  readonly largeCommunities: readonly LargeCommunity[];
}

/** Communities of both kinds, in order and each once. */
export function listCommunities(values: Iterable<CommunityValue>): CommunityLists {
  const communities = new Set<number>();
  const large = new Map<string, LargeCommunity>();
  for (const value of values)
    if (typeof value === "number") communities.add(value);
    else large.set(value.join(":"), value);
  return {
    communities: [...communities].sort((a, b) => a - b),
    largeCommunities: [...large.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]),
  };
}

const part = (text: string, max: number): number | null =>
  /^\d{1,10}$/.test(text) && Number(text) <= max ? Number(text) : null;

/** `1234:5678` (RFC 1997) or `large:1:2:3` (RFC 8092). */
export function parseCommunity(text: string): Result<CommunityValue> {
  const parts = text.split(":");
  if (parts[0] === "large") {
    const numbers = parts.slice(1).map((each) => part(each, 0xffffffff));
    const [a, b, c] = numbers;
    if (numbers.length !== 3 || a == null || b == null || c == null)
      return err("invalid community value: expected community to be of format large:<uint32>:<uint32>:<uint32>");
    return ok([a, b, c]);
  }
  if (parts.length !== 2) return err(`invalid community format: ${text.slice(0, 60)}`);
  const [high, low] = parts.map((each) => part(each, 0xffff));
  if (high == null || low == null)
    return err(`invalid community value: invalid section of community "${text.slice(0, 60)}"`);
  return ok(high * 0x10000 + low);
}

/** The aliases of all Community objects, oldest first: a name that stands twice is a problem of the younger object. */
export function compileAliases(communities: readonly Community[]): {
  readonly aliases: ReadonlyMap<string, CommunityValue>;
  readonly problems: readonly ProblemList[];
} {
  const aliases = new Map<string, CommunityValue>();
  const aged = communities.map(({ name, creationTimestamp, spec }) => ({ name, created: creationTimestamp, spec }));
  const problems = aged.sort(byAge).map((community) => {
    const list = new ProblemList("Community", community.name);
    for (const [i, { name = "", value = "" }] of (community.spec.communities ?? []).entries()) {
      const path = `spec.communities[${i}]`;
      const parsed = parseCommunity(value);
      if (name === "") list.add("invalidCommunity", path, "community has no name");
      else if (!parsed.ok)
        list.add("invalidCommunity", `${path}.value`, `parsing community ${quoted(name)}: ${parsed.error}`);
      else if (aliases.has(name))
        list.add("duplicateCommunity", path, `duplicate definition of community ${quoted(name)}`);
      else aliases.set(name, parsed.value);
    }
    return list;
  });
  return { aliases, problems };
}
