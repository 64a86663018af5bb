import type { ConnectionId, PeerSettings } from "#bgp";
import { type Ip, ipEquals, isLinkLocal6 } from "#net";
import { type BgpSockets, type HostLink, type LinkAddresses, linkOf } from "#sys";

interface Followed {
  readonly local: Ip;
  /** Tells link-local addresses apart. */
  readonly zone: string | null;
  told: LinkAddresses;
}

/** Whether a session may need an address beside its own: as next hop of the other family, or as router ID. */
const needsLink = ({ endpoint, families, routerId }: PeerSettings): boolean =>
  endpoint.kind === "interface" ||
  (endpoint.address.family === 4 ? families.includes("ipv6-unicast") : families.includes("ipv4-unicast") || !routerId);

/**
 * The addresses beside the local ends of connections, as the kernel tells of them: what comes after a
 * session stood, or is not usable yet when it does, is told when it is there. Opened with the first
 * peer that needs it.
 */
export class LocalLinks {
  private readonly open: BgpSockets["watchLinks"];
  private readonly trouble: (subject: string, message: string) => void;
  private readonly changed: (connection: ConnectionId, link: LinkAddresses) => void;
  private readonly links = new Map<number, HostLink>();
  private readonly followed = new Map<ConnectionId, Followed>();
  private readonly waiting = new Map<ConnectionId, () => void>();
  private watch: { close(): void } | null = null;
  private state: "closed" | "opening" | "complete" | "failed" = "closed";

  constructor(
    open: BgpSockets["watchLinks"],
    trouble: (subject: string, message: string) => void,
    changed: (connection: ConnectionId, link: LinkAddresses) => void,
  ) {
    this.open = open;
    this.trouble = trouble;
    this.changed = changed;
  }

  /** Calls back when what a session with these settings needs is known: at once, but for the first. */
  whenKnown(settings: PeerSettings, connection: ConnectionId, then: () => void): void {
    if (!needsLink(settings)) return then();
    if (this.state === "closed") void this.begin();
    if (this.state !== "opening") return then();
    this.waiting.set(connection, then);
  }

  /** What is beside the local end now; changes are told until it is forgotten. */
  follow(connection: ConnectionId, local: Ip, zone: string | null): LinkAddresses {
    const told = this.state === "complete" ? this.beside(local, zone, NOTHING) : linkOf(local, zone);
    this.followed.set(connection, { local, zone, told });
    return told;
  }

  forget(connection: ConnectionId): void {
    this.followed.delete(connection);
    this.waiting.delete(connection);
  }

  close(): void {
    this.watch?.close();
    this.watch = null;
  }

  private async begin(): Promise<void> {
    this.state = "opening";
    try {
      this.watch = await this.open({
        complete: () => this.end("complete"),
        changed: (index, link) => {
          if (link) this.links.set(index, link);
          else this.links.delete(index);
          if (this.state === "complete") this.tell();
        },
        failed: (reason) => this.fail(reason),
      });
    } catch (error) {
      this.fail((error as Error).message);
    }
  }

  private fail(reason: string): void {
    this.trouble("", `addresses are looked up when a session opens and not watched: ${reason}`);
    this.end("failed");
  }

  private end(state: "complete" | "failed"): void {
    this.state = state;
    if (state === "complete") this.tell();
    for (const [connection, then] of [...this.waiting]) if (this.waiting.delete(connection)) then();
  }

  private tell(): void {
    for (const [connection, each] of this.followed) {
      const link = this.beside(each.local, each.zone, each.told);
      if (KINDS.every((kind) => same(link[kind], each.told[kind]))) continue;
      each.told = link;
      this.changed(connection, link);
    }
  }

  /** An address that was told stays as long as it is there: a further one changes nothing. */
  private beside(local: Ip, zone: string | null, told: LinkAddresses): LinkAddresses {
    for (const { name, addresses } of this.links.values()) {
      if (zone !== null && zone !== name) continue;
      const all = addresses.map(({ address }) => address);
      if (!all.some((one) => ipEquals(one, local))) continue;
      const pick = (before: Ip | null, is: (one: Ip) => boolean): Ip | null =>
        (before && all.find((one) => ipEquals(one, before))) ?? all.find(is) ?? null;
      return {
        ipv4: pick(told.ipv4, ({ family }) => family === 4),
        ipv6: pick(told.ipv6, (one) => one.family === 6 && !isLinkLocal6(one)),
        linkLocal: pick(told.linkLocal, isLinkLocal6),
      };
    }
    // Its own address is gone, and the session with it, soon.
    return told;
  }
}

const NOTHING: LinkAddresses = { ipv4: null, ipv6: null, linkLocal: null };
const KINDS = ["ipv4", "ipv6", "linkLocal"] as const;

const same = (a: Ip | null, b: Ip | null): boolean => a === b || (a !== null && b !== null && ipEquals(a, b));
