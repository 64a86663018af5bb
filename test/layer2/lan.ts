import { spawn } from "node:child_process";
import type { Place } from "@metallb-ts/lab/network";
import { startTestCluster, type TestCluster } from "../support/cluster.ts";
import { metallbObject, NAMESPACE, serviceObject, sliceObject, type TestObject } from "../support/objects.ts";
import { eventually, type Program, projectFile, runIn, startProgram } from "../support/programs.ts";

export const VIP = "172.20.0.100";
export const VIP6 = "fd00:172:20::100";
const PORT = 9_999;

interface Answer {
  readonly at: number;
  readonly node: string;
}

/** What a client got while something happened. */
export interface Traffic {
  readonly sent: number;
  readonly answers: readonly Answer[];
  /** Runs of questions without an answer: when each began, and how many they were. */
  readonly lost: readonly { readonly at: number; readonly count: number }[];
}

/** What an asker saw while something happened. */
export interface Answering {
  /** The nodes that answered, each time another than before did. */
  readonly turns: readonly string[];
  readonly asked: number;
  readonly unanswered: number;
}

interface SpeakerState {
  readonly members: readonly { readonly name: string; readonly state: string }[];
  readonly layer2: readonly { readonly address: string; readonly service: string }[];
  readonly neighbors: readonly {
    readonly address: string;
    readonly state: string;
    readonly foreign: object | null;
    readonly failover: { readonly from: string; readonly milliseconds: number } | null;
  }[];
  readonly services: Readonly<
    Record<string, { readonly layer2: { readonly reason?: string; readonly facts?: { readonly owner?: string } } }>
  >;
}

/** Nodes with speakers on one LAN, and an address that every node's kernel would serve when it got the frames. */
export class Lan {
  readonly cluster: TestCluster;
  readonly speakers = new Map<string, Program>();

  private readonly flags: readonly string[];

  static async open(nodes: number, flags: readonly string[] = []): Promise<Lan> {
    const lan = new Lan(await startTestCluster({ nodes, kubernetes: "embedded", router: "bird" }), flags);
    try {
      await lan.prepare();
      return lan;
    } catch (error) {
      await lan.cluster.close();
      throw error;
    }
  }

  private constructor(cluster: TestCluster, flags: readonly string[]) {
    this.cluster = cluster;
    this.flags = flags;
  }

  get names(): readonly string[] {
    return this.cluster.network.nodes.map(({ name }) => name);
  }

  private async prepare(): Promise<void> {
    const { cluster } = this;
    for (const node of cluster.network.nodes) {
      // The address is the kernel's own on the loopback interface, and it keeps silent about it on the LAN.
      await runIn(
        node,
        "sh",
        "-c",
        "echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore; echo 1 > /proc/sys/net/ipv6/conf/all/disable_policy",
      );
      await runIn(node, "ip", "address", "add", `${VIP}/32`, "dev", "lo");
      await runIn(node, "ip", "address", "add", `${VIP6}/128`, "dev", "lo", "nodad");
      for (const address of [VIP, VIP6]) {
        const echo = await startProgram(node, [
          process.execPath,
          projectFile("test/layer2/echo.ts"),
          address,
          String(PORT),
          node.name,
        ]);
        await eventually(
          () => echo.output(),
          (text) => text.includes("ready"),
          { what: "the echo server runs" },
        );
      }
      await cluster.apply(speakerPod(node.name, node.address));
    }
    await cluster.apply(
      metallbObject("IPAddressPool", "lan", { addresses: [`${VIP}-172.20.0.199`, `${VIP6}-fd00:172:20::1ff`] }),
      metallbObject("L2Advertisement", "lan", { ipAddressPools: ["lan"] }),
    );
  }

  async startSpeaker(name: string, more: Readonly<Record<string, string>> = {}): Promise<Program> {
    const env = {
      ...more,
      METALLB_POD_NAME: `speaker-${name}`,
      METALLB_ML_BIND_ADDR: this.cluster.node(name).address,
      METALLB_ML_LABELS: "component=speaker",
    };
    const speaker = await this.cluster.startSpeaker(name, env, this.flags);
    this.speakers.set(name, speaker);
    return speaker;
  }

  async startSpeakers(): Promise<void> {
    await Promise.all(this.names.map((name) => this.startSpeaker(name)));
  }

  speaker(name: string): Program {
    const speaker = this.speakers.get(name);
    if (!speaker) throw new Error(`no speaker on ${name}`);
    return speaker;
  }

  /** A Service with these addresses, served on all nodes. */
  async serve(name: string, ips: readonly string[], annotations: Readonly<Record<string, string>> = {}): Promise<void> {
    const service = serviceObject(name, { ipFamilyPolicy: ips.length > 1 ? "RequireDualStack" : "SingleStack" });
    await this.cluster.apply(
      {
        ...service,
        metadata: { ...service.metadata, annotations },
        status: { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } },
      },
      sliceObject(name, "IPv4", this.cluster.network.nodes),
    );
  }

  async state(name: string): Promise<SpeakerState> {
    return (await this.cluster.speakerState(name)) as SpeakerState;
  }

  /** The one node that announces the address, once all that run agree. */
  owner(address: string, among = this.names): Promise<string> {
    return eventually(
      async () => {
        const states = await Promise.all(among.map(async (name) => ({ name, state: await this.state(name) })));
        return states
          .filter(({ state }) => state.layer2.some((each) => each.address === address))
          .map(({ name }) => name);
      },
      (owners) => owners.length === 1,
      { what: `one node announces ${address}` },
    ).then(([owner]) => owner ?? "");
  }

  /** Which node's MAC address the router's kernel believes in; asks when it knows none. */
  async believed(address: string): Promise<string> {
    const { network } = this.cluster;
    const [entry] = JSON.parse(await runIn(network.router, "ip", "-j", "neigh", "show", "to", address)) as {
      lladdr?: string;
    }[];
    for (const node of network.nodes) if (entry?.lladdr === (await macOf(node))) return node.name;
    return entry?.lladdr ?? "";
  }

  /** The owner, once all agree and the router's kernel believes in it. */
  async settled(address: string): Promise<string> {
    await eventually(
      () =>
        Promise.all(
          this.names.map(
            async (name) => (await this.state(name)).members.filter(({ state }) => state === "alive").length,
          ),
        ),
      (counts) => counts.every((count) => count === this.names.length),
      { what: "all speakers know each other", limit: 60_000 },
    );
    const owner = await this.owner(address);
    await this.during(address, () => {}, 0);
    await eventually(
      () => this.believed(address),
      (name) => name === owner,
      { what: `the router believes that ${owner} has ${address}` },
    );
    return owner;
  }

  /** Who answers ARP while `act` runs: two owners at a time take turns again and again. */
  async asking(address: string, act: () => Promise<unknown>, period = 20): Promise<Answering> {
    const ask = await this.client("arp-questions.ts", address, String(period));
    await act();
    const { turns, ...counted } = (await ask.end()) as { turns: [string, number][]; asked: number; unanswered: number };
    const names = new Map<string, string>();
    for (const node of this.cluster.network.nodes) names.set(await macOf(node), node.name);
    return { turns: turns.map(([mac]) => names.get(mac) ?? mac), ...counted };
  }

  /** A datagram a millisecond to the address while `act` runs, and how many were answered. */
  async counting(address: string, act: () => Promise<unknown>): Promise<Traffic> {
    const flow = await this.client("traffic.ts", address, String(PORT));
    await act();
    return (await flow.end()) as Traffic;
  }

  /** A program at the router that says when it is ready, and tells what it saw once it is asked to end. */
  private async client(script: string, ...args: readonly string[]): Promise<{ end(): Promise<unknown> }> {
    const argv = [process.execPath, projectFile(`test/layer2/${script}`), ...args];
    const [program = "", ...rest] = this.cluster.network.router.command(argv);
    const child = spawn(program, rest, { stdio: ["pipe", "pipe", "inherit"] });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
    const ended = new Promise((resolve) => child.once("close", resolve));
    await eventually(
      () => text,
      (told) => told.includes("ready"),
      { what: `${script} is ready` },
    );
    return {
      async end() {
        child.stdin.write("end\n");
        await ended;
        return JSON.parse(text.split("\n").find((line) => line.startsWith("{")) ?? "{}");
      },
    };
  }

  /** Counts answers while `act` runs, and until `done` satisfies or five seconds are over. */
  async during(
    address: string,
    act: () => Promise<void> | void,
    limit = 3_000,
  ): Promise<Traffic & { readonly from: number }> {
    const flow = await this.client("traffic.ts", address, String(PORT));
    // Flowing before anything happens.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const from = Date.now();
    await act();
    await new Promise((resolve) => setTimeout(resolve, limit));
    return { ...((await flow.end()) as Traffic), from };
  }

  async close(): Promise<void> {
    for (const speaker of this.speakers.values()) {
      await speaker.stop("SIGKILL");
    }
    await this.cluster.close();
  }
}

export const macOf = async (place: Place): Promise<string> =>
  (await runIn(place, "cat", "/sys/class/net/eth0/address")).trim();

/** Milliseconds until another node than `old` answered. */
export function failover({ answers, from }: Traffic & { readonly from: number }, old: string) {
  const taken = answers.find(({ at, node }) => at >= from && node !== old);
  return { took: taken === undefined ? Number.POSITIVE_INFINITY : taken.at - from, by: taken?.node };
}

const speakerPod = (node: string, address: string): TestObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: `speaker-${node}`, namespace: NAMESPACE, labels: { app: "metallb", component: "speaker" } },
  spec: { nodeName: node, hostNetwork: true, containers: [{ name: "speaker", image: "speaker" }] },
  status: {
    phase: "Running",
    podIP: address,
    podIPs: [{ ip: address }],
    hostIP: address,
    conditions: [{ type: "Ready", status: "True" }],
  },
});
