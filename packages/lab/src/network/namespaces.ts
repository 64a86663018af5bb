import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { type Child, findProgram, startChild } from "#base";
import { closeNamespaces, type Namespace, openNamespaces, sweepNamespaces } from "./namespace.ts";
import type { LabNetwork, NodePlace, Place } from "./network.ts";
import { failsWith, type Passage, publishInto, reachInto } from "./passage.ts";
import { type Both, CLIENT, layCables, nodeOnLan, pod, podBlock, ROUTER, roles } from "./topology.ts";

/** What the backend in each pod listens on, for HTTP. */
export const BACKEND_PORT = 8080;

const MAX_NODES = 200;

/**
 * The network of a lab as root: router, nodes, client and one pod with a web server per node, each
 * a network namespace.
 *
 *     client 192.0.2.10 ── router 172.20.0.1 ══ lan (a bridge) ══ node-N 172.20.0.(10+N) ── pod-N 10.244.N.2
 *
 * Nothing is added to this machine's own namespace: no interface, address or route. What labs that
 * were killed have left behind is removed first.
 * Rejects, leaving nothing, where it cannot be had; the message says what to do about it.
 */
export async function createNamespaceNetwork(options: { readonly nodes: number }): Promise<LabNetwork> {
  if (!Number.isInteger(options.nodes) || options.nodes < 1 || options.nodes > MAX_NODES) {
    throw new Error(`a lab in network namespaces has 1 to ${MAX_NODES} nodes, not ${options.nodes}`);
  }
  if (process.platform !== "linux") throw new Error("network namespaces need Linux");
  if (process.getuid?.() !== 0) throw new Error("network namespaces need root: start the lab with sudo");
  if (findProgram("ip") === null) throw new Error("the program 'ip' is missing: on Debian, 'apt-get install iproute2'");
  await sweepNamespaces();
  const nodes = Array.from({ length: options.nodes }, (_, index) => index + 1);
  const spaces = await openNamespaces(roles(nodes));
  const network = new NamespaceNetwork(spaces, nodes, await mkdtemp(join(tmpdir(), "metallb-network-")));
  try {
    await network.build();
    return network;
  } catch (error) {
    await network.close();
    throw error;
  }
}

class NamespaceNetwork implements LabNetwork {
  readonly kind = "namespaces";
  readonly router: Place;
  readonly nodes: readonly NodePlace[];
  readonly client: Place;
  readonly bgpPort = 179;
  private readonly numbers: readonly number[];
  private readonly spaces: ReadonlyMap<string, Namespace>;
  /** Holds the sockets of the ways into the namespaces. */
  private readonly folder: string;
  private readonly passages: Passage[] = [];
  private readonly reached = new Map<string, Promise<number>>();
  private readonly children: Child[] = [];
  private readonly cutNodes = new Set<string>();
  private closing: Promise<void> | null = null;

  constructor(spaces: ReadonlyMap<string, Namespace>, nodes: readonly number[], folder: string) {
    this.spaces = spaces;
    this.numbers = nodes;
    this.folder = folder;
    this.router = this.place("router", ROUTER);
    this.client = this.place("client", CLIENT);
    this.nodes = nodes.map((node) => ({
      ...this.place(`node-${node}`, nodeOnLan(node)),
      peerAddress: ROUTER.v4,
      peerAddress6: ROUTER.v6,
      podCidr: podBlock(node).v4,
      podCidr6: podBlock(node).v6,
      pod: this.place(`pod-${node}`, pod(node, 2)),
    }));
  }

  async build(): Promise<void> {
    await layCables((role) => this.space(role), this.numbers);
    await Promise.all(this.numbers.map((node) => this.startBackend(node)));
  }

  async publish(port: number): Promise<void> {
    await Promise.all(
      this.nodes.map(async ({ name }) => {
        this.passages.push(await publishInto(this.space(name), port));
      }),
    );
  }

  reach(node: string, port: number): Promise<number> {
    const key = `${node}-${port}`;
    const known = this.reached.get(key);
    if (known !== undefined) return known;
    const way = reachInto(this.node(node), port, join(this.folder, key)).then((passage) => {
      this.passages.push(passage);
      return passage.port;
    });
    this.reached.set(key, way);
    // Tried anew by the next who asks.
    way.catch(() => this.reached.delete(key));
    return way;
  }

  async cut(node: string): Promise<void> {
    await this.setCable(node, "down");
    this.cutNodes.add(node);
  }

  async heal(node: string): Promise<void> {
    await this.setCable(node, "up");
    this.cutNodes.delete(node);
  }

  isCut(node: string): boolean {
    this.node(node);
    return this.cutNodes.has(node);
  }

  close(): Promise<void> {
    this.closing ??= this.closeAll();
    return this.closing;
  }

  private async closeAll(): Promise<void> {
    await Promise.all(this.passages.map((passage) => passage.close()));
    await Promise.all(this.children.map((child) => child.stop()));
    await closeNamespaces([...this.spaces.values()]);
    await rm(this.folder, { recursive: true, force: true });
  }

  private async startBackend(node: number): Promise<void> {
    const { promise: listening, resolve } = Promise.withResolvers<void>();
    const script = join(import.meta.dirname, `backend${extname(import.meta.filename)}`);
    const child = await startChild({
      name: `backend of node-${node}`,
      argv: this.space(`pod-${node}`).command([process.execPath, script, `node-${node}`, String(BACKEND_PORT)]),
      onLine: () => resolve(),
    });
    this.children.push(child);
    await Promise.race([listening, failsWith(child)]);
  }

  /** The port of the bridge goes down, so that the node and the router keep their own interfaces. */
  private async setCable(node: string, state: "up" | "down"): Promise<void> {
    this.node(node);
    await this.space("lan").ip([`link set ${node} ${state}`]);
  }

  private node(name: string): Namespace {
    if (!this.nodes.some((node) => node.name === name)) {
      throw new Error(`there is no node '${name}': ${this.nodes.map((node) => node.name).join(", ")}`);
    }
    return this.space(name);
  }

  private space(role: string): Namespace {
    const space = this.spaces.get(role);
    if (space === undefined) throw new Error(`there is no namespace for '${role}'`);
    return space;
  }

  private place(name: string, at: Both): Place {
    return { name, address: at.v4, address6: at.v6, command: (argv) => this.space(name).command(argv) };
  }
}
