import { createServer } from "node:net";
import { Cable } from "./cable.ts";
import type { LabNetwork, NodePlace, Place } from "./network.ts";

/** Above 1023, so that no rights are needed. */
const BGP_PORT = 1790;
const SLOTS = 100;

/**
 * The network of a lab without root: the router and each node have addresses of their own in
 * 127.77.SLOT.0/24, and each node reaches the router through a cable that can be cut. The slot is
 * the first whose addresses are free, so that labs do not disturb each other.
 */
export async function createLoopbackNetwork(options: { readonly nodes: number }): Promise<LabNetwork> {
  for (let slot = 1; slot <= SLOTS; slot++) {
    const cables = await tryLayCables(slot, options.nodes);
    if (cables !== null) return new LoopbackNetwork(slot, cables);
  }
  throw new Error(`port ${BGP_PORT} is taken on all of 127.77.1.1 to 127.77.${SLOTS}.1`);
}

const routerAddress = (slot: number) => `127.77.${slot}.1`;
const nodeAddress = (slot: number, node: number) => `127.77.${slot}.${10 + node}`;
const cableAddress = (slot: number, node: number) => `127.77.${slot}.${110 + node}`;

/** All cables of the slot, or null when one of its addresses is taken. */
async function tryLayCables(slot: number, nodes: number): Promise<readonly Cable[] | null> {
  const cables: Cable[] = [];
  try {
    if (!(await isFree(routerAddress(slot)))) return null;
    for (let node = 1; node <= nodes; node++) {
      cables.push(
        await Cable.lay({
          near: cableAddress(slot, node),
          from: nodeAddress(slot, node),
          far: routerAddress(slot),
          port: BGP_PORT,
        }),
      );
    }
    return cables;
  } catch (error) {
    await Promise.all(cables.map((cable) => cable.close()));
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EADDRINUSE") return null;
    if (code === "EADDRNOTAVAIL") {
      throw new Error("this system has only 127.0.0.1 on its loopback; a lab needs all of 127.0.0.0/8, as Linux has");
    }
    throw error;
  }
}

async function isFree(address: string): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once("error", (error: NodeJS.ErrnoException) =>
    error.code === "EADDRINUSE" ? resolve(false) : reject(error),
  );
  server.listen(BGP_PORT, address, () => server.close(() => resolve(true)));
  return await promise;
}

class LoopbackNetwork implements LabNetwork {
  readonly kind = "loopback";
  readonly router: Place;
  readonly nodes: readonly NodePlace[];
  readonly client = null;
  readonly bgpPort = BGP_PORT;
  readonly hostAddress = "127.0.0.1";
  private readonly cables: ReadonlyMap<string, Cable>;

  constructor(slot: number, cables: readonly Cable[]) {
    this.router = place("router", routerAddress(slot));
    this.nodes = cables.map((_, index) => ({
      ...place(`node-${index + 1}`, nodeAddress(slot, index + 1)),
      peerAddress: cableAddress(slot, index + 1),
      peerAddress6: null,
      podCidr: `10.244.${index + 1}.0/24`,
      podCidr6: null,
      pod: null,
    }));
    this.cables = new Map(cables.map((cable, index) => [`node-${index + 1}`, cable]));
  }

  /** Every place is on this machine already. */
  async publish(): Promise<void> {}

  async reach(_node: string, port: number): Promise<number> {
    return port;
  }

  async cut(node: string): Promise<void> {
    this.cable(node).cut();
  }

  async heal(node: string): Promise<void> {
    this.cable(node).heal();
  }

  isCut(node: string): boolean {
    return this.cable(node).isCut;
  }

  async close(): Promise<void> {
    await Promise.all([...this.cables.values()].map((cable) => cable.close()));
  }

  private cable(node: string): Cable {
    const cable = this.cables.get(node);
    if (cable === undefined) throw new Error(`there is no node '${node}': ${[...this.cables.keys()].join(", ")}`);
    return cable;
  }
}

const place = (name: string, address: string): Place => ({ name, address, address6: null, command: (argv) => argv });
