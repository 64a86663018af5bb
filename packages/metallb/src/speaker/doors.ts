import type { PeerSettings } from "#bgp";
import type { AcceptedFrom, BgpSockets, TcpConnection, TcpDoor, TcpListener } from "#sys";

/** RFC 4271 section 8.2.1. */
const BGP_PORT = 179;

type Accepted = (peer: AcceptedFrom, connect: (listener: TcpListener) => TcpConnection) => void;

/** The listening sockets: one for each IP version and VRF in which a passive peer is to come, none without one. */
export class Doors {
  private readonly listen: BgpSockets["listen"];
  private readonly trouble: (subject: string, message: string) => void;
  private readonly accepted: Accepted;
  private readonly open = new Map<string, { door: Promise<TcpDoor | null> }>();

  constructor(listen: BgpSockets["listen"], trouble: (subject: string, message: string) => void, accepted: Accepted) {
    this.listen = listen;
    this.trouble = trouble;
    this.accepted = accepted;
  }

  /** Takes in these peers, each from its own address, and nobody else. */
  admit(peers: readonly PeerSettings[]): void {
    const wanted = new Map<string, { family: 4 | 6; device: string | null; from: AcceptedFrom[] }>();
    for (const settings of peers) {
      const { name, endpoint, vrf, password, passive } = settings;
      if (!passive || endpoint.kind !== "address") continue;
      const { address, interface: zone } = endpoint;
      const key = `${address.family} ${vrf ?? ""}`;
      const door = wanted.get(key) ?? { family: address.family, device: vrf, from: [] };
      door.from.push({
        name,
        address,
        interface: zone,
        password,
        guarded: false,
      });
      wanted.set(key, door);
    }
    for (const [key, { door }] of this.open) {
      if (wanted.has(key)) continue;
      this.open.delete(key);
      void door.then((each) => each?.close());
    }
    for (const [key, { family, device, from }] of wanted) {
      const { door } = this.open.get(key) ?? { door: this.unlock(family, device) };
      this.open.set(key, { door });
      void door.then((each) => {
        try {
          each?.admit(from);
        } catch (error) {
          this.trouble(from.map(({ name }) => name).join(), (error as Error).message);
        }
      });
    }
  }

  private async unlock(family: 4 | 6, device: string | null): Promise<TcpDoor | null> {
    try {
      return await this.listen({ family, port: BGP_PORT, device }, this.accepted);
    } catch (error) {
      this.trouble("", `cannot listen on port ${BGP_PORT} for passive peers: ${(error as Error).message}`);
      return null;
    }
  }
}
