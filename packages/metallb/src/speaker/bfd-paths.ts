import { type BfdEvent, type BfdSettings, sameBfdSettings } from "#bfd";
import type { PeerSettings } from "#bgp";
import { hopsOf } from "#bgp";
import { formatIp, type Ip } from "#net";

/** Which paths BFD watches: one for each place of a peer, however many peers are there. */
export class BfdPaths {
  private readonly pass: (event: BfdEvent) => void;
  private watched: ReadonlyMap<string, BfdSettings> = new Map();

  constructor(pass: (event: BfdEvent) => void) {
    this.pass = pass;
  }

  /** `routerOf`: the router behind an interface, as far as it is known. Of peers at one place the first by name says how. */
  watch(peers: Iterable<PeerSettings>, routerOf: (name: string) => Ip | null): void {
    const wanted = new Map<string, BfdSettings>();
    for (const settings of [...peers].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const { endpoint, bfd, vrf } = settings;
      const remote = endpoint.kind === "address" ? endpoint.address : routerOf(endpoint.interface);
      if (!bfd || !remote) continue;
      const multihop = hopsOf(settings) === "any" && settings.ebgpMultiHop;
      const name = [formatIp(remote), endpoint.interface, vrf, multihop ? "multihop" : null].filter(Boolean).join(" ");
      const known = wanted.get(name);
      wanted.set(
        name,
        known
          ? { ...known, users: [...known.users, settings.name] }
          : {
              ...bfd,
              name,
              remote,
              local: settings.sourceAddress,
              interface: endpoint.interface,
              vrf,
              multihop,
              users: [settings.name],
            },
      );
    }
    for (const name of this.watched.keys())
      if (!wanted.has(name)) this.pass({ kind: "session-removed", session: name });
    for (const [name, settings] of wanted) {
      const known = this.watched.get(name);
      if (!known || !sameBfdSettings(known, settings)) this.pass({ kind: "session-set", settings });
    }
    this.watched = wanted;
  }
}
