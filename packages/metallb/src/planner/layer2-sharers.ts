import { ANNOTATIONS, annotation, L2_NODE, type Service } from "#api";
import { formatIp, parseIp, unmap } from "#net";

/** Where each of those that share an address is placed, by what is written on it. */
type Sharers = Map<string, string | undefined>;

/**
 * Services that may share their address are placed as one, since one node answers for it: where the first of them, by
 * name, is placed that is placed anywhere.
 */
export class Layer2Sharers {
  private readonly sharers = new Map<string, Sharers>();
  private readonly addresses = new Map<string, string>();

  /** What an address with others is counted and placed as; null: the Service shares with nobody. */
  addressOf(service: string): string | null {
    return this.addresses.get(service) ?? null;
  }

  /** Where the address of the Service is placed. */
  placeOf(service: string): string | undefined {
    const address = this.addresses.get(service);
    return address === undefined ? undefined : placeOf(this.sharers.get(address));
  }

  /** Takes the Service as it is now, undefined: it is none of ours; gives the others whose place differs for it. */
  look(key: string, service: Service | undefined): readonly string[] {
    const address = service ? sharedAddress(service) : null;
    const before = this.addresses.get(key);
    if (address === null && before === undefined) return [];
    const differ: string[] = [];
    const change = (at: string, by: (sharers: Sharers) => void): void => {
      const sharers = this.sharers.get(at) ?? new Map<string, string | undefined>();
      const place = placeOf(sharers);
      by(sharers);
      if (sharers.size === 0) this.sharers.delete(at);
      else this.sharers.set(at, sharers);
      if (placeOf(sharers) !== place) differ.push(...[...sharers.keys()].filter((other) => other !== key));
    };
    if (before !== undefined && before !== address) change(before, (sharers) => sharers.delete(key));
    if (address === null) this.addresses.delete(key);
    else {
      this.addresses.set(key, address);
      change(address, (sharers) => sharers.set(key, service?.annotations[L2_NODE]));
    }
    return differ;
  }
}

function placeOf(sharers: Sharers = new Map()): string | undefined {
  let first: string | null = null;
  for (const [key, place] of sharers) if (place !== undefined && (first === null || key < first)) first = key;
  return first === null ? undefined : sharers.get(first);
}

/** The first address, which decides in elections too. */
function sharedAddress(service: Service): string | null {
  if (!annotation(service, ANNOTATIONS.allowSharedIp)) return null;
  const text = service.ingress.find(({ ip }) => ip !== null)?.ip;
  const address = text == null ? null : parseIp(text);
  return address?.ok ? formatIp(unmap(address.value)) : null;
}
