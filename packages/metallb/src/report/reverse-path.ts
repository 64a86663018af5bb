/** Interfaces of which nobody cares: the pattern for all, that for those to come, and the machine to itself. */
const OTHERS: ReadonlySet<string> = new Set(["all", "default", "lo"]);

/**
 * Interfaces whose reverse path filter is strict, from `net.ipv4.conf.*.rp_filter` by name; the higher of `all` and
 * the interface's own counts. RFC 3704 section 2.2: a strict filter drops what comes in where the answer would not go out.
 */
export const strictInterfaces = (filters: Readonly<Record<string, number>>): readonly string[] =>
  Object.entries(filters)
    .filter(([name, own]) => !OTHERS.has(name) && Math.max(filters.all ?? 0, own) === 1)
    .map(([name]) => name)
    .toSorted();
