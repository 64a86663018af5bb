import { formatIp, type Ip, prefixContains } from "#net";
import type { LeftOut, NodeLink, SpeakerLinks } from "./plan.ts";
import type { Facts, Reason, ReasonCode } from "./reasons.ts";

/** Names that the advertisements of a node name; null: all. */
export type InterfacesOf = (node: string) => ReadonlySet<string> | null;

/** Those that are named are as many as people read. */
const MAX_LEFT_OUT = 20;

/**
 * Which candidates can answer for the addresses, as far as their speakers told; the others with the reason. Where
 * none can, nobody is left out: then it is MetalLB's election, and its owner says what it lacks.
 */
export function ableOf(
  candidates: Iterable<string>,
  speakers: ReadonlyMap<string, SpeakerLinks>,
  ips: readonly Ip[],
  interfacesOf: InterfacesOf,
): { readonly able: ReadonlySet<string>; readonly leftOut: readonly LeftOut[] } {
  const leftOut: LeftOut[] = [];
  let able: string[] = [];
  for (const node of candidates) {
    const told = speakers.get(node);
    // MetalLB's own speakers tell nothing: they answer when their own election says so.
    if (!told) continue;
    const reason = ips[0] && whyUnable(node, told, interfacesOf(node), ips[0]);
    if (reason) leftOut.push({ node, ...reason });
    else able.push(node);
  }
  for (const [i, ip] of ips.entries()) {
    const fits = (node: string): boolean => {
      const told = speakers.get(node) as SpeakerLinks;
      const names = interfacesOf(node);
      return (i === 0 || whyUnable(node, told, names, ip) === null) && isInSubnet(told, names, ip);
    };
    const better = able.filter(fits);
    if (better.length === 0 || better.length === able.length) continue;
    for (const node of able) if (!fits(node)) leftOut.push({ node, ...reasonOf("outsideSubnet", node, ip) });
    able = better;
  }
  return { able: new Set(able), leftOut: able.length === 0 ? [] : leftOut };
}

/** The first of them, by name, so that the same is said whatever the order. */
export const someLeftOut = (leftOut: readonly LeftOut[]): readonly LeftOut[] =>
  leftOut.toSorted((a, b) => (a.node < b.node ? -1 : 1)).slice(0, MAX_LEFT_OUT);

function whyUnable(
  node: string,
  { links, isWhole }: SpeakerLinks,
  names: ReadonlySet<string> | null,
  ip: Ip,
): Reason | null {
  if (links === null || !isWhole || links.some((link) => speaks(link, names, ip))) return null;
  return names === null
    ? reasonOf("noUsableInterface", node, ip)
    : reasonOf("noNamedInterface", node, ip, { interfaces: [...names].sort().join(", ").slice(0, 200) });
}

const reasonOf = (reason: ReasonCode, node: string, ip: Ip, more: Facts = {}): Reason => ({
  reason,
  facts: { node, ip: formatIp(ip), ...more },
});

const speaks = ({ name, arp, ndp }: NodeLink, names: ReadonlySet<string> | null, ip: Ip): boolean =>
  (names === null || names.has(name)) && (ip.family === 4 ? arp : ndp);

/** One that an advertisement names and that has no address of the family is taken at the operator's word. */
function isInSubnet({ links, isWhole }: SpeakerLinks, names: ReadonlySet<string> | null, ip: Ip): boolean {
  return (
    links === null ||
    !isWhole ||
    links.some(
      (link) =>
        speaks(link, names, ip) &&
        (link.subnets.some((subnet) => prefixContains(subnet, ip)) ||
          (names !== null && !link.subnets.some((subnet) => subnet.ip.family === ip.family))),
    )
  );
}
