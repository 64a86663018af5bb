import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { realPrograms, startPlane } from "../support/cluster.ts";
import { metallbObject, NAMESPACE, type TestObject } from "../support/objects.ts";
import { describeWith } from "../support/parts.ts";
import { kubectlProgram } from "../support/probes.ts";
import { HERE, projectFile, runWith } from "../support/programs.ts";

const KINDS = [
  "bfdprofiles",
  "bgpadvertisements",
  "bgppeers",
  "communities",
  "configurationstates",
  "ipaddresspools",
  "l2advertisements",
  "servicebgpstatuses",
  "servicel2statuses",
];

const peer = (name: string, spec: object = {}): TestObject =>
  metallbObject("BGPPeer", name, { myASN: 64500, peerASN: 64512, peerAddress: "192.0.2.1", ...spec });
const olderPeer = (name: string, spec: object = {}): TestObject => ({
  ...peer(name, spec),
  apiVersion: "metallb.io/v1beta1",
});

const AGGREGATION =
  "serviceSelectors and aggregationLength are mutually exclusive, can only be used together with default aggregationLength (32) and aggregationLengthV6 (128)";
const RANGE = "connect time should be between 1 seconds to 65535";
const WHOLE = "connect time should contain a whole number of seconds";
const preferring = (weight: number) => ({ preferredNodeSelectors: [{ weight, preference: {} }] });

/** What admission alone decides: an object, and what it is refused with; null: it is taken. */
const ADMISSION: readonly (readonly [kind: string, spec: object, refusal: string | null])[] = [
  ["IPAddressPool", { addresses: ["192.0.2.0/24", "192.0.2.1-192.0.2.9", "nonsense"] }, null],
  ["IPAddressPool", {}, "spec.addresses: Required value"],
  ["IPAddressPool", { addresses: "192.0.2.0/24" }, "spec.addresses"],
  ["BGPAdvertisement", { aggregationLength: 24, serviceSelectors: [{}] }, AGGREGATION],
  ["BGPAdvertisement", { aggregationLengthV6: 64, serviceSelectors: [{}] }, AGGREGATION],
  ["BGPAdvertisement", { aggregationLength: 32, aggregationLengthV6: 128, serviceSelectors: [{}] }, null],
  ["BGPAdvertisement", { aggregationLength: 24, serviceSelectors: [] }, null],
  ["BGPAdvertisement", { serviceSelectors: [{ matchLabels: { a: "b" } }] }, null],
  ["BGPAdvertisement", { aggregationLength: 0 }, "should be greater than or equal to 1"],
  ["BGPAdvertisement", { localPref: 2_147_483_647 }, null],
  // As upstream takes it; the controller then says what is wrong with it.
  ["BGPAdvertisement", { localPref: -1 }, null],
  ["L2Advertisement", preferring(100), null],
  ["L2Advertisement", preferring(0), "should be greater than or equal to 1"],
  ["L2Advertisement", preferring(101), "should be less than or equal to 100"],
  ["L2Advertisement", { preferredNodeSelectors: [{ weight: 1 }] }, "preference: Required value"],
  ["BGPPeer", { myASN: 4_294_967_295, dynamicASN: "external", interface: "eth0" }, null],
  ["BGPPeer", { myASN: 4_294_967_296 }, "should be less than or equal to 4294967295"],
  ["BGPPeer", { peerASN: 1 }, "spec.myASN: Required value"],
  ["BGPPeer", { myASN: 1, localASN: 0 }, "should be greater than or equal to 1"],
  ["BGPPeer", { myASN: 1, dynamicASN: "sideways" }, 'supported values: "internal", "external"'],
  ["BGPPeer", { myASN: 1, peerPort: 0 }, "should be greater than or equal to 1"],
  ["BGPPeer", { myASN: 1, peerPort: 65_535 }, null],
  ["BGPPeer", { myASN: 1, peerPort: 65_536 }, "should be less than or equal to 65535"],
  ["BGPPeer", { myASN: 1, holdTime: "90s", keepaliveTime: "30s" }, null],
  ["BGPPeer", { myASN: 1, holdTime: null, keepaliveTime: null }, null],
  ["BGPPeer", { myASN: 1, connectTime: "1h30m" }, null],
  ["BGPPeer", { myASN: 1, connectTime: "0s" }, RANGE],
  ["BGPPeer", { myASN: 1, connectTime: "65536s" }, RANGE],
  ["BGPPeer", { myASN: 1, connectTime: "1500ms" }, WHOLE],
  ["BFDProfile", { receiveInterval: 10, transmitInterval: 60_000, detectMultiplier: 255, minimumTtl: 254 }, null],
  ["BFDProfile", { receiveInterval: 9 }, "should be greater than or equal to 10"],
  ["BFDProfile", { echoInterval: 60_001 }, "should be less than or equal to 60000"],
  ["BFDProfile", { detectMultiplier: 1 }, "should be greater than or equal to 2"],
  ["BFDProfile", { minimumTtl: 255 }, "should be less than or equal to 254"],
  ["Community", { communities: [{ name: "vip", value: "65000:1" }] }, null],
];

/** `kubectl get`: an object of each kind, its columns, and its row but for the name and ages. */
const PRINTED: readonly (readonly [object: TestObject, columns: string, row: string])[] = [
  [
    metallbObject("IPAddressPool", "printed", { addresses: ["192.0.2.0/24"] }),
    "NAME AUTO ASSIGN AVOID BUGGY IPS ADDRESSES",
    'true false ["192.0.2.0/24"]',
  ],
  [
    metallbObject("BGPAdvertisement", "printed", { ipAddressPools: ["a"], peers: ["p"] }),
    "NAME IPADDRESSPOOLS IPADDRESSPOOL SELECTORS PEERS",
    '["a"] ["p"]',
  ],
  [
    metallbObject("L2Advertisement", "printed", { interfaces: ["eth0"] }),
    "NAME IPADDRESSPOOLS IPADDRESSPOOL SELECTORS INTERFACES",
    '["eth0"]',
  ],
  [
    peer("printed", { bfdProfile: "fast", ebgpMultiHop: true }),
    "NAME ADDRESS ASN BFD PROFILE MULTI HOPS",
    "192.0.2.1 64512 fast true",
  ],
  [
    metallbObject("BFDProfile", "printed", { passiveMode: true, transmitInterval: 50, detectMultiplier: 4 }),
    "NAME PASSIVE MODE TRANSMIT INTERVAL RECEIVE INTERVAL MULTIPLIER",
    "true 50 4",
  ],
  [metallbObject("Community", "printed", {}), "NAME AGE", "AGE"],
  [
    { ...metallbObject("ServiceL2Status", "printed", {}), status: { node: "n", serviceName: "web" } },
    "NAME ALLOCATED NODE SERVICE NAME SERVICE NAMESPACE",
    "n web",
  ],
  [
    { ...metallbObject("ServiceBGPStatus", "printed", {}), status: { node: "n", serviceNamespace: "default" } },
    "NAME NODE SERVICE NAME SERVICE NAMESPACE",
    "n default",
  ],
  [
    { ...metallbObject("ConfigurationState", "printed", {}), status: { result: "Invalid", errorSummary: "x" } },
    "NAME RESULT ERRORSUMMARY AGE",
    "Invalid x AGE",
  ],
];

/** What the CRDs promise to users, held by the API server that they are given to. */
function suite(kubernetes: "embedded" | "real"): void {
  let folder: string;
  let close = async () => {};
  let env: NodeJS.ProcessEnv;

  const kubectl = (args: readonly string[], input = "") => runWith(HERE, [kubectlProgram(), ...args], { env, input });
  /** What kubectl says, whether it succeeds or not. */
  const said = (args: readonly string[], input = "") =>
    kubectl(args, input).catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
  const apply = (object: TestObject) =>
    said(["apply", "--server-side", "--force-conflicts", "-f", "-"], JSON.stringify(object));
  const patch = (kind: string, name: string, change: object, ...more: readonly string[]) =>
    said(["patch", kind, name, "-n", NAMESPACE, "--type=merge", "-p", JSON.stringify(change), ...more]);
  const specOf = async (kind: string, name: string) =>
    JSON.parse(await kubectl(["get", kind, name, "-n", NAMESPACE, "-o", "jsonpath={.spec}"])) as unknown;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "metallb-crds-"));
    const programs = kubernetes === "real" ? { ...(await realPrograms()), controllerManager: null } : null;
    const plane = await startPlane(programs, folder);
    close = plane.closePlane;
    env = { ...process.env, KUBECONFIG: plane.kubeconfig, HOME: folder };
    const crds = projectFile("deploy/crds");
    await kubectl(["apply", "--server-side", "-f", crds]);
    await kubectl(["wait", "--for=condition=Established", "--timeout=30s", "-f", crds]);
    await kubectl(["create", "namespace", NAMESPACE]);
  });

  afterAll(async () => {
    await close();
    await rm(folder, { recursive: true, force: true });
  });

  it("takes and serves all of them, and finds nothing wrong with their schemas", async () => {
    const path = "{range .items[*]}{.metadata.name} {.status.conditions[?(@.status=='True')].type}{'\\n'}{end}";
    const conditions = (await kubectl(["get", "crds", "-o", `jsonpath=${path}`])).trim().split("\n").toSorted();
    const own = KINDS.map((plural) => `${plural}.metallb.io`);
    expect(conditions).toEqual(
      [...own, "bgpsessionstates.frrk8s.metallb.io"].toSorted().map((name) => `${name} NamesAccepted Established`),
    );
  });

  it.each(ADMISSION)("%s %j: %s", async (kind, spec, refusal) => {
    const object = metallbObject(kind, "tried", spec);
    const answer = await said(["apply", "--server-side", "--dry-run=server", "-f", "-"], JSON.stringify(object));
    expect(answer).toContain(refusal ?? "tried serverside-applied (server dry run)");
  });

  it("fills in the defaults", async () => {
    await apply(metallbObject("IPAddressPool", "defaults", { addresses: ["192.0.2.0/24"] }));
    await apply(metallbObject("BGPAdvertisement", "defaults", {}));
    await apply(peer("defaults"));
    expect(await specOf("ipaddresspool", "defaults")).toMatchObject({ autoAssign: true, avoidBuggyIPs: false });
    expect(await specOf("bgpadvertisement", "defaults")).toEqual({ aggregationLength: 32, aggregationLengthV6: 128 });
    const { spec } = peer("defaults");
    const defaults = { peerPort: 179, disableMP: false, dualStackAddressFamily: false };
    expect(await specOf("bgppeer", "defaults")).toEqual({ ...spec, ...defaults });
  });

  it("refuses to change what cannot change", async () => {
    await apply(peer("fixed", { enableGracefulRestart: true }));
    expect(await patch("bgppeer", "fixed", { spec: { enableGracefulRestart: false } })).toContain(
      "EnableGracefulRestart cannot be changed after creation",
    );
    for (const kind of ["ServiceL2Status", "ServiceBGPStatus"]) {
      await apply(metallbObject(kind, "fixed", {}));
      for (const field of ["node", "serviceName", "serviceNamespace"]) {
        const status = (value: string) => patch(kind, "fixed", { status: { [field]: value } }, "--subresource=status");
        expect(await status("a")).toContain("patched");
        expect(await status("b")).toContain("Value is immutable");
      }
    }
  });

  it("keeps status apart from spec", async () => {
    const counters = { assignedIPv4: 1, assignedIPv6: 0, availableIPv4: 255, availableIPv6: Number.MAX_SAFE_INTEGER };
    await apply(metallbObject("IPAddressPool", "counted", { addresses: ["192.0.2.0/24"] }));
    const lacking = await patch("ipaddresspool", "counted", { status: { assignedIPv4: 1 } }, "--subresource=status");
    expect(lacking).toContain("status.availableIPv6: Required value");
    const change = { spec: { autoAssign: false }, status: counters };
    expect(await patch("ipaddresspool", "counted", change, "--subresource=status")).toContain("patched");
    expect(await specOf("ipaddresspool", "counted")).toMatchObject({ autoAssign: true });
    const status = await kubectl(["get", "ipaddresspool", "counted", "-n", NAMESPACE, "-o", "jsonpath={.status}"]);
    expect(JSON.parse(status)).toEqual(counters);
  });

  it.each(PRINTED)("prints $kind", async (object, columns, row) => {
    const { status, ...written } = object;
    const { kind } = written;
    await apply(written);
    if (status !== undefined) await patch(kind, "printed", { status }, "--subresource=status");
    const printed = await kubectl(["get", kind.toLowerCase(), "printed", "-n", NAMESPACE]);
    const lines = printed.trim().split("\n");
    expect(lines.map((line) => line.replace(/\b\d+s$/, "AGE").replaceAll(/ +/g, " "))).toEqual([
      columns,
      `printed ${row}`,
    ]);
  });

  // The embedded API leaves the stored version's defaults out of what v1beta1 wrote; its readers fill them in.
  if (kubernetes === "real") olderVersion();

  function olderVersion(): void {
    it("serves BGPPeer as v1beta1 too, with a warning; absent timers stay absent", async () => {
      expect(await apply(olderPeer("older"))).toContain("bgppeer.metallb.io/older");
      const warned = await runWith(
        HERE,
        ["sh", "-c", `"$0" get bgppeers.v1beta1.metallb.io -A 2>&1`, kubectlProgram()],
        {
          env,
        },
      );
      expect(warned).toContain("v1beta1 is deprecated, please use v1beta2");
      const { spec } = peer("older");
      const added = { peerPort: 179, disableMP: false, dualStackAddressFamily: false };
      expect(await specOf("bgppeer", "older")).toEqual({ ...spec, ...added });
    });

    it("shows in v1beta1 only what that knows, and a write through it keeps no more", async () => {
      await apply(peer("newer", { vrf: "red", holdTime: "9s" }));
      const { spec } = peer("newer");
      const known = { ...spec, holdTime: "9s", peerPort: 179 };
      expect(await specOf("bgppeers.v1beta1.metallb.io", "newer")).toEqual(known);
      await patch("bgppeers.v1beta1.metallb.io", "newer", { spec: { holdTime: "12s" } });
      const defaults = { disableMP: false, dualStackAddressFamily: false };
      expect(await specOf("bgppeer", "newer")).toEqual({ ...known, ...defaults, holdTime: "12s" });
    });
  }
}

describeWith(["kubernetes"], "the CRDs on a real API server", () => suite("real"));
describeWith(["kubectl"], "the CRDs on the embedded API", () => suite("embedded"));
