import type { EndpointSlice, Node, Service } from "#api";
import { type BgpAdvertisement, type Config, type Peer, type Pool, parseDuration } from "#config";
import type { Family, Seconds } from "#net";
import { unfit } from "./node-facts.ts";
import { familiesOf } from "./peers.ts";
import type { DrainPhase, World } from "./plan.ts";
import type { Held } from "./service-class.ts";

/** For how long routers are asked to take other ways, before the routes go, where the Node does not say. */
const WAIT: Seconds = 10;
/** A drain that takes longer was not meant. */
const MAX_WAIT: Seconds = 600;

/** What a Node's drain asks for; `complaint`: what cannot be read of it, and then the usual wait counts. */
export function readDrain(text: string): { readonly wait: Seconds; readonly complaint: string | null } {
  if (text === "" || text === "true") return { wait: WAIT, complaint: null };
  const parsed = parseDuration(text);
  if (parsed.ok && parsed.value <= MAX_WAIT) return { wait: parsed.value, complaint: null };
  const complaint = `metallb.io/drain: "${text.slice(0, 40)}" is neither "true" nor a duration up to ${MAX_WAIT}s; routers get ${WAIT}s`;
  return { wait: WAIT, complaint };
}

const PRESENT = { 4: "ipv4-unicast", 6: "ipv6-unicast" } as const;
const FAMILIES: readonly Family[] = [4, 6];

/** Nodes that tell a peer of the advertisement, by family. */
type Tellers = Readonly<Record<Family, ReadonlySet<string>>>;

interface Sources {
  readonly world: World;
  readonly config: Config;
  readonly pools: readonly Pool[];
}

/** Which other nodes would announce what this one does: asked while this node is drained, and only then. */
export class OtherAnnouncers {
  private readonly own: string;
  private readonly ignoreExcludeLabel: boolean;
  private readonly tellers = new Map<BgpAdvertisement, Tellers>();
  private peers: readonly { readonly peer: Peer; readonly nodes: readonly Node[] }[] = [];
  private isDrained = false;
  private said = "";

  constructor({ nodeName, ignoreExcludeLabel }: { readonly nodeName: string; readonly ignoreExcludeLabel: boolean }) {
    this.own = nodeName;
    this.ignoreExcludeLabel = ignoreExcludeLabel;
  }

  /** True when of any Service the answer may differ. `differs`: nodes, live members or the configuration do. */
  look(drain: DrainPhase, differs: boolean, sources: () => Sources): boolean {
    const wasDrained = this.isDrained;
    this.isDrained = drain !== "none";
    if (!this.isDrained) this.tellers.clear();
    if (!this.isDrained || (wasDrained && !differs)) return this.isDrained !== wasDrained;
    const before = this.said;
    this.said = this.read(sources());
    return !wasDrained || this.said !== before;
  }

  /** Whether of an address that this node announces nobody else would; never while it is not drained. */
  isLast(service: Service, slices: () => Iterable<EndpointSlice>, { pool, ips }: Held): boolean {
    if (!this.isDrained) return false;
    const selecting = pool.bgpAdvertisements.filter(({ services }) => services(service.labels));
    const among = service.externalTrafficPolicy === "Local" ? servingNodes(slices()) : null;
    return FAMILIES.some((family) => {
      if (!ips.some((ip) => ip.family === family)) return false;
      const tellers = selecting.map((each) => this.tellersOf(each)[family]);
      return tellers.some((each) => each.has(this.own)) && !tellers.some((each) => this.hasOther(each, among));
    });
  }

  /** Who tells what, and all of it as one text. */
  private read({ world, config, pools }: Sources): string {
    this.tellers.clear();
    const members = world.members ?? null;
    const able = [...world.nodes.values()].filter(
      (node) =>
        (node.name === this.own || (node.drain === null && (members === null || members.has(node.name)))) &&
        !unfit(node, this.ignoreExcludeLabel),
    );
    this.peers = config.peers.map((peer) => ({ peer, nodes: able.filter(({ labels }) => peer.nodes(labels)) }));
    const advertisements = new Set(pools.flatMap(({ bgpAdvertisements }) => bgpAdvertisements));
    return [...advertisements].map((each) => FAMILIES.map((of) => [...this.tellersOf(each)[of]].sort())).join(";");
  }

  private tellersOf(advertisement: BgpAdvertisement): Tellers {
    let tellers = this.tellers.get(advertisement);
    if (!tellers) {
      const found = { 4: new Set<string>(), 6: new Set<string>() };
      for (const { peer, nodes } of this.peers) addTellers(found, advertisement, peer, nodes);
      tellers = found;
      this.tellers.set(advertisement, tellers);
    }
    return tellers;
  }

  private hasOther(tellers: ReadonlySet<string>, among: ReadonlySet<string> | null): boolean {
    for (const node of among ?? tellers) if (node !== this.own && tellers.has(node)) return true;
    return false;
  }
}

function addTellers(
  tellers: Record<Family, Set<string>>,
  { peers, nodes: selects }: BgpAdvertisement,
  peer: Peer,
  nodes: readonly Node[],
): void {
  if (peers !== null && !peers.has(peer.name)) return;
  const carried = familiesOf(peer);
  for (const { name, labels } of nodes)
    if (selects(labels))
      for (const family of FAMILIES) if (carried.includes(PRESENT[family])) tellers[family].add(name);
}

function servingNodes(slices: Iterable<EndpointSlice>): ReadonlySet<string> {
  const nodes = new Set<string>();
  for (const { endpoints } of slices)
    for (const { serving, hasAddress, nodeName } of endpoints)
      if (serving && hasAddress && nodeName !== null) nodes.add(nodeName);
  return nodes;
}
