import type { Community } from "#api";
import { err, ok, type Result } from "#net";
import { byAge } from "./age.ts";
import { ProblemList, quoted } from "./problems.ts";

/** A standard community as 32 bits, or a large one as three times 32. */
export type CommunityValue = number | readonly [number, number, number];

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
