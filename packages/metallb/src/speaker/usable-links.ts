import type { SpeakerLink } from "#gossip";
import { prefixOf } from "#net";
import type { HostLink } from "#sys";

/** Interfaces that count where an advertisement names some: all that are not left alone, also those that are down. */
export const namesOf = (links: readonly HostLink[], exclude: RegExp): ReadonlySet<string> =>
  new Set(links.filter(({ name }) => !exclude.test(name)).map(({ name }) => name));

/** Those on which this node answers, as the other speakers are told. */
export const usableLinks = (links: readonly HostLink[], exclude: RegExp): readonly SpeakerLink[] =>
  links
    .filter(
      ({ name, up, running, loopback, enslaved, noArp }) =>
        up && running && !loopback && !enslaved && !noArp && !exclude.test(name),
    )
    .flatMap(({ name, mac, broadcast, linkLocal, addresses }) =>
      mac === null
        ? []
        : {
            name,
            mac,
            arp: broadcast,
            ndp: linkLocal !== null,
            subnets: addresses.map(({ address, prefixLength }) => prefixOf(address, prefixLength)),
          },
    )
    .sort((a, b) => (a.name < b.name ? -1 : 1));
