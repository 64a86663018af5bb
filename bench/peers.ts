import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Another BGP speaker that announces N prefixes to the sink, for comparison in the same run. */
export interface Peer {
  readonly name: string;
  close(): Promise<void>;
}

export interface PeerOptions {
  readonly folder: string;
  /** Loopback address that the peer speaks from. */
  readonly address: string;
  readonly asn: number;
  readonly sink: { readonly host: string; readonly port: number; readonly asn: number };
  readonly prefixes: number;
}

/** The n-th host route of 10.0.0.0/8. */
const hostRoute = (n: number): string => `10.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}/32`;

function version(program: string): string | null {
  const { error, stdout, stderr } = spawnSync(program, ["--version"], { encoding: "utf8" });
  return error ? null : (/\d+\.\d+(\.\d+)?/.exec(stdout + stderr)?.[0] ?? "");
}

function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGTERM");
  });
}

/** BIRD 2 with one static route a prefix; null where it is not installed. */
export function startBird(options: PeerOptions): Peer | null {
  const found = version("/usr/sbin/bird");
  if (found === null) return null;
  mkdirSync(options.folder, { recursive: true });
  const routes = Array.from({ length: options.prefixes }, (_, n) => `route ${hostRoute(n)} blackhole;`).join("\n");
  const config = `router id ${options.address};
protocol device {}
protocol static { ipv4;
${routes}
}
protocol bgp sink {
  local ${options.address} port 20179 as ${options.asn};
  neighbor ${options.sink.host} port ${options.sink.port} as ${options.sink.asn};
  strict bind yes; multihop 2; connect delay time 1; connect retry time 1; error wait time 1, 1;
  ipv4 { import none; export all; next hop self; };
}`;
  writeFileSync(join(options.folder, "bird.conf"), config);
  const child = spawn(
    "/usr/sbin/bird",
    [
      "-f",
      "-c",
      join(options.folder, "bird.conf"),
      "-s",
      join(options.folder, "bird.ctl"),
      "-P",
      join(options.folder, "bird.pid"),
    ],
    { stdio: "ignore" },
  );
  return { name: `BIRD ${found}`, close: () => stop(child) };
}

const BGPD = "/usr/lib/frr/bgpd";

/**
 * FRR's bgpd alone, with a network statement a prefix, as MetalLB configures it; null where it is not installed. It
 * loads a thousand in some ten seconds and ten thousand in more than ten minutes.
 */
export function startFrr(options: PeerOptions): Peer | null {
  const found = version(BGPD);
  if (found === null) return null;
  mkdirSync(options.folder, { recursive: true });
  const { address, asn, sink } = options;
  const networks = Array.from({ length: options.prefixes }, (_, n) => `  network ${hostRoute(n)}`).join("\n");
  const file = (name: string) => join(options.folder, name);
  writeFileSync(
    file("frr.conf"),
    `router bgp ${asn}
 bgp router-id ${address}
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor ${sink.host} remote-as ${sink.asn}
 neighbor ${sink.host} port ${sink.port}
 neighbor ${sink.host} update-source ${address}
 neighbor ${sink.host} ebgp-multihop 2
 neighbor ${sink.host} timers connect 1
 address-family ipv4 unicast
${networks}
 exit-address-family
`,
  );
  const flags = ["-S", "-Z", "-p", "20178", "-l", address, "-f", file("frr.conf"), "-i", file("bgpd.pid"), "-P", "0"];
  const child = spawn(BGPD, [...flags, "--vty_socket", options.folder], { stdio: "ignore" });
  return { name: `FRR ${found}`, close: () => stop(child) };
}

const GOBGP_API = "20551";

function gobgpRoutes(): number {
  const { stdout } = spawnSync("gobgp", ["-p", GOBGP_API, "global", "rib", "summary"], { encoding: "utf8" });
  return Number(/Destination: (\d+)/.exec(stdout ?? "")?.[1] ?? -1);
}

/** GoBGP with the prefixes injected from an MRT file; null where it is not installed. */
export async function startGobgp(options: PeerOptions): Promise<Peer | null> {
  const found = version("gobgpd");
  if (found === null) return null;
  mkdirSync(options.folder, { recursive: true });
  const toml = `[global.config]
as = ${options.asn}
router-id = "${options.address}"
port = -1
[[neighbors]]
[neighbors.config]
neighbor-address = "${options.sink.host}"
peer-as = ${options.sink.asn}
[neighbors.transport.config]
local-address = "${options.address}"
remote-port = ${options.sink.port}
[neighbors.timers.config]
connect-retry = 1
idle-hold-time-after-reset = 1
`;
  writeFileSync(join(options.folder, "gobgpd.toml"), toml);
  writeFileSync(join(options.folder, "routes.mrt"), mrt(options));
  const child = spawn(
    "gobgpd",
    ["--pprof-disable", "-f", join(options.folder, "gobgpd.toml"), "--api-hosts", `127.0.0.1:${GOBGP_API}`],
    {
      stdio: "ignore",
    },
  );
  const deadline = Date.now() + 60_000;
  while (gobgpRoutes() < options.prefixes) {
    if (Date.now() > deadline) {
      await stop(child);
      throw new Error(`gobgpd took ${gobgpRoutes()} of ${options.prefixes} routes within 60 s`);
    }
    spawnSync("gobgp", ["-p", GOBGP_API, "mrt", "inject", "global", join(options.folder, "routes.mrt")]);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return { name: `GoBGP ${found}`, close: () => stop(child) };
}

/** RFC 6396 TABLE_DUMP_V2: one peer, one RIB entry a prefix. */
function mrt(options: PeerOptions): Buffer {
  const record = (subtype: number, body: Buffer): Buffer => {
    const head = Buffer.alloc(12);
    head.writeUInt16BE(13, 4);
    head.writeUInt16BE(subtype, 6);
    head.writeUInt32BE(body.length, 8);
    return Buffer.concat([head, body]);
  };
  const octets = options.address.split(".").map(Number);
  const index = Buffer.from([...octets, 0, 0, 0, 1, 2, ...octets, ...octets, 0, 0, 0, 0]);
  index.writeUInt32BE(options.asn, index.length - 4);
  const attributes = Buffer.from([0x40, 1, 1, 0, 0x40, 2, 0, 0x40, 3, 4, ...octets]);
  const entries = Array.from({ length: options.prefixes }, (_, n) => {
    const body = Buffer.alloc(4 + 1 + 4 + 2 + 2 + 4 + 2 + attributes.length);
    body.writeUInt32BE(n, 0);
    body[4] = 32;
    body.writeUInt32BE((10 << 24) | n, 5);
    body.writeUInt16BE(1, 9);
    body.writeUInt16BE(attributes.length, 17);
    attributes.copy(body, 19);
    return record(2, body);
  });
  // Twice: an injection loses the end of the file now and then, and the end is then what has been heard.
  return Buffer.concat([record(1, index), ...entries, ...entries]);
}
