/** The seam between the lab and the wires that it runs on: loopback without root, namespaces with it. */

/** Somewhere that a program of the lab can run, with addresses of its own. */
export interface Place {
  /** `router`, `client`, `node-1`, … */
  readonly name: string;
  /** Its IPv4 address on the LAN, as text. */
  readonly address: string;
  /** Its IPv6 address on the LAN; null where the network has none (loopback). */
  readonly address6: string | null;
  /** The same program and arguments, wrapped so that they run in this place. */
  command(argv: readonly string[]): readonly string[];
}

/** A place where a speaker runs. */
export interface NodePlace extends Place {
  /** Where this node's speaker finds the router, IPv4. On loopback: this node's end of its cable. */
  readonly peerAddress: string;
  /** The same in IPv6; null where the network has none. */
  readonly peerAddress6: string | null;
  /** The node's own block of pod addresses, such as `10.244.1.0/24`. */
  readonly podCidr: string;
  /** IPv6 block of the pods; null where the network has none. */
  readonly podCidr6: string | null;
  /** Where this node's backend runs; null on loopback, where no traffic can be forwarded. */
  readonly pod: Place | null;
}

export interface LabNetwork {
  readonly kind: "loopback" | "namespaces";
  readonly router: Place;
  readonly nodes: readonly NodePlace[];
  /** Where a client's `curl` runs, behind the router; null on loopback. */
  readonly client: Place | null;
  /** The port that the router listens on for BGP. */
  readonly bgpPort: number;
  /**
   * Lets programs on the nodes reach the server that listens on `127.0.0.1:port` of this machine,
   * at that same address and port. Stays so when a node is cut: it is no part of the LAN.
   */
  publish(port: number): Promise<void>;
  /** A port on this machine's 127.0.0.1 that leads to `127.0.0.1:port` as a program on the node sees it. */
  reach(node: string, port: number): Promise<number>;
  /**
   * Stops everything between the node and the router, in silence: neither end is told (a pulled
   * cable). Rejects when there is no such node. Cutting twice is cutting once.
   */
  cut(node: string): Promise<void>;
  heal(node: string): Promise<void>;
  isCut(node: string): boolean;
  /** Removes everything that the network made. Safe to call twice. */
  close(): Promise<void>;
}
