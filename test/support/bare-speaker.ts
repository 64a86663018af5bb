/**
 * The engines alone, without Kubernetes, driven by lines of JSON: what the interop tests put beside a router.
 * In: `{"peer": {…}}`, `{"remove": "name"}`, `{"announce": ["10.0.0.0/8"], "attributes": {…}}`,
 * `{"withdraw": […]}`, `{"stop": "keep" | "withdraw"}`. Out: what the engines tell, one line each.
 */
import { createInterface } from "node:readline";
import { DEFAULT_SETTINGS, type PathAttributes, type PeerSettings } from "metallb/bgp";
import { formatIp, type Ip, ip, parseIp, parsePrefix } from "metallb/net";
import { EngineHost } from "../../packages/metallb/src/speaker/engine-host.ts";
import { ENGINES } from "../../packages/metallb/src/speaker/engines.ts";
import { hostPorts } from "../../packages/metallb/src/speaker/host-ports.ts";
import type { ToEngines } from "../../packages/metallb/src/speaker/thread-protocol.ts";

export interface BareLine {
  readonly peer?: Partial<Omit<PeerSettings, "endpoint" | "routerId" | "sourceAddress">> & {
    readonly address?: string;
    readonly interface?: string;
    readonly source?: string;
  };
  readonly remove?: string;
  readonly announce?: readonly string[];
  readonly withdraw?: readonly string[];
  readonly attributes?: Partial<PathAttributes>;
  readonly stop?: "keep" | "withdraw";
}

const address = (text: string): Ip => {
  const parsed = parseIp(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
};
const prefix = (text: string) => {
  const parsed = parsePrefix(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
};

function settingsOf({ address: at, interface: name, source, ...rest }: NonNullable<BareLine["peer"]>): PeerSettings {
  return {
    ...DEFAULT_SETTINGS,
    name: "router",
    localAs: 64500,
    peerAs: 64512,
    endpoint: at
      ? { kind: "address", address: address(at), interface: name ?? null }
      : { kind: "interface", interface: name ?? "" },
    sourceAddress: source ? address(source) : null,
    holdTime: 9,
    connectTime: 2,
    ...rest,
  };
}

const print = (value: unknown): void => {
  const text = JSON.stringify(value, (_, each: unknown) =>
    typeof each === "object" && each !== null && "family" in each && "value" in each ? formatIp(each as Ip) : each,
  );
  process.stdout.write(`${text}\n`);
};

const host = new EngineHost(ENGINES, hostPorts({ tell: (telling) => print(telling), stopped: () => process.exit(0) }));
let sequence = 0;
const apply = (difference: Partial<Extract<ToEngines, { engine: "bgp" }>["difference"]>): void =>
  host.receive({
    kind: "apply",
    sequence: ++sequence,
    engine: "bgp",
    difference: { routes: [], peersSet: [], peersRemoved: [], fallbackRouterId: ip(4, 0x0a0b0c0dn), ...difference },
  });

createInterface({ input: process.stdin }).on("line", (text) => {
  const line = JSON.parse(text) as BareLine;
  if (line.announce || line.withdraw) {
    const attributes = { localPref: null, communities: [], largeCommunities: [], ...line.attributes };
    const announce = (line.announce ?? []).map((each) => ({ prefix: prefix(each), attributes }));
    apply({ routes: [{ table: "all", announce, withdraw: (line.withdraw ?? []).map(prefix) }] });
  }
  if (line.peer) apply({ peersSet: [settingsOf(line.peer)] });
  if (line.remove) apply({ peersRemoved: [line.remove] });
  if (line.stop) host.receive({ kind: "shutdown", text: "the speaker ends", routes: line.stop });
});
