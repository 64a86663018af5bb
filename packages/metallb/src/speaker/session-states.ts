import type { BfdState } from "#bfd";
import type { PeerSettings } from "#bgp";
import { ApiError, type KubeClient, type KubeObject, RESOURCES } from "#kube";
import { formatIp } from "#net";
import type { Plan } from "#planner";
import { errorText, type Logger } from "#process";
import type { OwnPod } from "#world";
import type { BfdSessions } from "./bfd-sessions.ts";
import type { BgpSessions } from "./bgp-sessions.ts";
import type { DatedSession } from "./dated.ts";
import { type StatusKind, StatusObjects } from "./status-objects.ts";

export interface SessionStatesOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly node: string;
  readonly owner: Promise<OwnPod | null>;
  readonly log: Pick<Logger, "info">;
  readonly trouble: (message: string) => void;
  readonly plan: () => Pick<Plan, "peers">;
  readonly sessions: Pick<BgpSessions, "reports">;
  readonly bfd: Pick<BfdSessions, "of">;
}

/** What an object says. */
export interface SessionState {
  /** The address of the peer, or the interface behind which it is. */
  readonly peer: string;
  /** Empty: the default one. */
  readonly vrf: string;
  readonly bgpStatus: string;
  readonly bfdStatus: string;
}

/** Sessions that come and go together are told together, milliseconds. */
const GATHER = 200;
/** Until it is asked again whether the API knows the kind and this process may write it, milliseconds. */
const ASK_AGAIN = 600_000;

const LABEL = { node: "frrk8s.metallb.io/node", peer: "frrk8s.metallb.io/peer", vrf: "frrk8s.metallb.io/vrf" } as const;
/** The BGPPeer, which tells apart peers at one address. */
const BGP_PEER = "metallb.io/bgp-peer";

/** FRR's words. */
const BFD_WORD = { AdminDown: "shutdown", Down: "down", Init: "init", Up: "up" } as const satisfies Record<
  BfdState,
  string
>;
const NO_BFD = "N/A";

/**
 * The BGPSessionState objects of this node, which users of frr-k8s know: an object for each peer. Of a session
 * that is not up they say only whether it is tried: its states follow each other in milliseconds, and thousands
 * of speakers that lost a router must not write each of them.
 */
export class SessionStates {
  private readonly options: SessionStatesOptions;
  private readonly objects: StatusObjects<SessionState>;
  private timer: NodeJS.Timeout | null = null;
  private asking: NodeJS.Timeout | null = null;
  private isStarted = false;
  private isOver = false;

  constructor(options: SessionStatesOptions) {
    this.options = options;
    const { client, namespace, node, owner, trouble } = options;
    this.objects = new StatusObjects({ client, namespace, owner, trouble, kind: kindOf(node) });
  }

  /** The first plan was made: what stands beyond it is of the past. */
  start(): void {
    if (this.isStarted) return;
    this.isStarted = true;
    void this.ask();
  }

  /** Peers or sessions may differ. */
  look(): void {
    if (this.timer || this.isOver) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.write();
    }, GATHER).unref();
  }

  async stop(): Promise<void> {
    this.isOver = true;
    if (this.timer) clearTimeout(this.timer);
    if (this.asking) clearTimeout(this.asking);
    await this.objects.stop();
  }

  /** The kind is of frr-k8s: a cluster may lack it, or the right to write it. Then nothing is lost but these objects. */
  private async ask(): Promise<void> {
    const { client, namespace, log } = this.options;
    try {
      await client.list(RESOURCES.bgpsessionstates, { namespace }, { limit: 1 });
    } catch (error) {
      if (this.isOver) return;
      if (error instanceof ApiError && (error.isNotFound || error.status === 403)) {
        log.info("no BGPSessionState objects are written", { op: "status", error: errorText(error) });
        this.asking = setTimeout(() => void this.ask(), ASK_AGAIN * (0.75 + Math.random() / 2)).unref();
        return;
      }
      // What the API does not answer is told, and tried again, by the watch.
    }
    if (this.isOver) return;
    this.write();
    this.objects.begin();
    await this.objects.start();
  }

  private write(): void {
    const { plan, sessions, bfd } = this.options;
    const { peers } = plan();
    for (const [name, settings] of peers) {
      const report = sessions.reports.get(name);
      const watched = bfd.of(name)?.state ?? "Down";
      this.objects.want(name, {
        peer: placeOf(settings),
        vrf: settings.vrf ?? "",
        bgpStatus: wordOf(report),
        bfdStatus: settings.bfd ? BFD_WORD[watched] : NO_BFD,
      });
    }
    for (const name of [...this.objects.wants.keys()]) if (!peers.has(name)) this.objects.want(name, null);
  }
}

/** Passive peers wait in Active, too. */
function wordOf(report: Pick<DatedSession, "state" | "next"> | undefined): string {
  if (report?.state === "Established") return "Established";
  return !report || (report.state === "Idle" && report.next === null) ? "Idle" : "Active";
}

const placeOf = ({ endpoint }: PeerSettings): string =>
  endpoint.kind === "interface" ? endpoint.interface : formatIp(endpoint.address);

const kindOf = (node: string): StatusKind<SessionState> => ({
  resource: RESOURCES.bgpsessionstates,
  labelSelector: `${LABEL.node}=${node}`,
  metadata: (key, { peer, vrf }) => ({
    generateName: `${node}-`,
    labels: { [LABEL.node]: node, [LABEL.peer]: labelValue(peer), [LABEL.vrf]: vrf },
    annotations: { [BGP_PEER]: key },
  }),
  read: (object) => {
    const { metadata, status } = object as {
      metadata?: KubeObject["metadata"];
      status?: Readonly<Record<string, unknown>>;
    };
    const text = (field: string): string => {
      const value = status?.[field];
      return typeof value === "string" ? value : "";
    };
    const said = {
      peer: text("peer"),
      vrf: text("vrf"),
      bgpStatus: text("bgpStatus"),
      bfdStatus: text("bfdStatus"),
    };
    // What another program wrote for this node names no BGPPeer and is not ours to remove.
    const key = metadata?.annotations?.[BGP_PEER];
    return key === undefined ? null : { key, status: status ? said : null };
  },
  same: (a, b) => a.peer === b.peer && a.vrf === b.vrf && a.bgpStatus === b.bgpStatus && a.bfdStatus === b.bfdStatus,
  // A label cannot be changed with the status: an object of another place is made anew.
  replaces: (a, b) => a.peer !== b.peer || a.vrf !== b.vrf,
  body: (_, status) => ({ node, ...status }),
});

/** Label values hold no colon, and begin and end with a letter or digit. */
const labelValue = (text: string): string => text.replace(/[^A-Za-z0-9._-]/g, "-").replace(/^[-._]+|[-._]+$/g, "");
