import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { parse } from "yaml";
import { type Asked, FaultyApi } from "../support/faulty-api.ts";
import { NAMESPACE } from "../support/objects.ts";
import { eventually, projectFile } from "../support/programs.ts";
import { Lan, VIP } from "./lan.ts";

/** As long as a speaker may take to end, milliseconds. */
const ENDS = 8_000;

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: { readonly server: string } }[];
  readonly users: readonly { readonly user: { readonly token: string } }[];
}

/** A LAN with the Service `web`, each of whose speakers has an API that can be made to fail, and a main thread that can be stalled. */
export class FaultyLan {
  readonly lan: Lan;
  readonly apis = new Map<string, FaultyApi>();
  private readonly folder: string;
  private readonly gone = new Set<string>();

  static async open(nodes: number): Promise<FaultyLan> {
    const lan = await Lan.open(nodes);
    const faulty = new FaultyLan(lan, await mkdtemp(join(tmpdir(), "metallb-layer2-")));
    try {
      await lan.serve("web", [VIP]);
      await Promise.all(lan.names.map((name) => faulty.open(name)));
      await Promise.all(lan.names.map((name) => faulty.start(name)));
      return faulty;
    } catch (error) {
      await faulty.close();
      throw error;
    }
  }

  private constructor(lan: Lan, folder: string) {
    this.lan = lan;
    this.folder = folder;
  }

  private async open(name: string): Promise<void> {
    const { cluster } = this.lan;
    const { clusters, users } = parse(await readFile(cluster.kubeconfig, "utf8")) as Kubeconfig;
    const api = await FaultyApi.open(clusters[0]?.cluster.server ?? "", users[0]?.user.token ?? "");
    this.apis.set(name, api);
    await cluster.network.publish(Number(new URL(api.url).port));
    const config = {
      "current-context": "c",
      contexts: [{ name: "c", context: { cluster: "k", user: "u" } }],
      clusters: [{ name: "k", cluster: { server: api.url } }],
      users: [{ name: "u", user: {} }],
    };
    await writeFile(join(this.folder, name), JSON.stringify(config));
  }

  private async start(name: string): Promise<void> {
    const stall = `--import=${projectFile("test/layer2/stall.ts")}`;
    await this.lan.startSpeaker(name, { KUBECONFIG: join(this.folder, name), NODE_OPTIONS: stall });
    this.gone.delete(name);
  }

  /** The nodes whose speakers run, but for these. */
  others(...names: readonly string[]): readonly string[] {
    return this.lan.names.filter((name) => !names.includes(name) && !this.gone.has(name));
  }

  pid(name: string): number {
    return this.lan.speaker(name).pid;
  }

  async kill(name: string): Promise<void> {
    this.gone.add(name);
    await this.lan.speaker(name).stop("SIGKILL");
  }

  /** SIGTERM: the process ends by itself, and the address goes on at another, which is given. */
  async terminate(name: string, among = this.others(name)): Promise<string> {
    this.gone.add(name);
    const asked = performance.now();
    expect(await this.lan.speaker(name).stop("SIGTERM")).toBe(0);
    expect(performance.now() - asked).toBeLessThan(ENDS);
    return await this.lan.owner(VIP, among);
  }

  /** Starts those that ended, and lets every API be well. */
  async mend(): Promise<void> {
    for (const api of this.apis.values()) api.rule = () => null;
    await Promise.all([...this.gone].map((name) => this.start(name)));
  }

  /** There is one status object, and it names the node. */
  async tells(node: string): Promise<void> {
    await eventually(
      async () => {
        const text = await this.lan.cluster.kubectl("get", "servicel2statuses", "-n", NAMESPACE, "-o", "json");
        const { items } = JSON.parse(text) as { items: { status?: { node?: string } }[] };
        return items.map(({ status }) => status?.node);
      },
      (nodes) => nodes.length === 1 && nodes[0] === node,
      { what: `the status object names ${node}` },
    );
  }

  async close(): Promise<void> {
    await this.lan.close();
    for (const api of this.apis.values()) await api.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

const isStatus = ({ url }: Asked): boolean => url.includes("/servicel2statuses");
/** What a speaker writes when it takes a Service over. */
export const WRITES = {
  event: ({ method, url }) => method === "POST" && /\/events(\?|$)/.test(url),
  object: (asked) => asked.method === "POST" && isStatus(asked),
  status: (asked) => asked.method === "PATCH" && isStatus(asked),
  removal: (asked) => asked.method === "DELETE" && isStatus(asked),
} as const satisfies Record<string, (asked: Asked) => boolean>;
