import { expect, it } from "vitest";
import { parseMac } from "#net";
import type { Layer2Verdict } from "#planner";
import type { Logger } from "#process";
import type { HostLink } from "#sys";
import { Layer2Teller } from "./layer2-teller.ts";
import { namesOf, usableLinks } from "./usable-links.ts";

const SERVICE = { namespace: "default", name: "web", uid: "1" };
const NODE_ASSIGNED = 'Normal nodeAssigned announcing from node "n3" with protocol "layer2"';
const FAILED = `Warning announceFailed the interfaces specified by LB IP "172.20.0.130" doesn't exist in assigned node "n3" with protocol "layer2"`;

const announced = (interfaces: readonly string[] | null = null): Layer2Verdict => ({
  announced: true,
  ips: ["172.20.0.130"],
  interfaces,
  leftOut: [],
});

function open() {
  const lines: string[] = [];
  const silent = () => {};
  const log: Logger = { debug: silent, info: silent, warn: silent, error: silent, with: () => log };
  const teller = new Layer2Teller({
    node: "n3",
    recorder: { event: (_, type, reason, message) => void lines.push(`${type} ${reason} ${message}`) },
    status: {
      want: (service, interfaces) =>
        void lines.push(`status ${service} ${interfaces ? `[${interfaces.join()}]` : "none"}`),
    },
    log,
  });
  const tell = (verdict: Layer2Verdict) => teller.tell("default/web", SERVICE, verdict);
  /** What was told since this was last asked. */
  const told = () => lines.splice(0);
  return { teller, tell, told };
}

it("tells of a Service once: event, status object, and the end of both", () => {
  const { teller, tell, told } = open();
  tell(announced());
  expect(told()).toEqual(["status default/web []", NODE_ASSIGNED]);
  tell(announced());
  expect(told()).toEqual(["status default/web []"]);
  expect([...teller.announced()]).toEqual([["default/web", ["172.20.0.130"]]]);
  tell({ announced: false, reason: "ownedByOther", facts: { owner: "n1" } });
  tell({ announced: false, reason: "ownedByOther", facts: { owner: "n1" } });
  expect(told()).toEqual(["status default/web none"]);
  expect([...teller.announced()]).toEqual([]);
});

it("tells again of another address", () => {
  const { tell, told } = open();
  tell(announced());
  told();
  tell({ announced: true, ips: ["172.20.0.131"], interfaces: null, leftOut: [] });
  expect(told()).toEqual(["status default/web []", NODE_ASSIGNED]);
});

it("complains of named interfaces that are not here, and then there is no status object", () => {
  const { teller, tell, told } = open();
  teller.takeNames(new Set(["eth0"]));
  tell(announced(["eth7", "eth8"]));
  expect(told()).toEqual(["status default/web none", NODE_ASSIGNED, FAILED]);
  tell(announced(["eth9"]));
  expect(told()).toEqual(["status default/web none", FAILED]);
  tell(announced(["eth0", "eth9"]));
  expect(told()).toEqual(["status default/web [eth0,eth9]"]);
});

it("complains as well when the interfaces of the host become known, or go, afterwards", () => {
  const { teller, tell, told } = open();
  tell(announced(["eth1"]));
  expect(told()).toEqual([NODE_ASSIGNED]);
  teller.takeNames(new Set(["eth0"]));
  expect(told()).toEqual(["status default/web none", FAILED]);
  teller.takeNames(new Set(["eth0", "lo"]));
  expect(told()).toEqual([]);
  teller.takeNames(new Set(["eth0", "eth1"]));
  expect(told()).toEqual(["status default/web [eth1]"]);
  teller.takeNames(new Set(["eth0"]));
  expect(told()).toEqual(["status default/web none", FAILED]);
});

it("names the nodes that were left out, once", () => {
  const { tell, told } = open();
  const out = (node: string) => ({ node, reason: "outsideSubnet" as const, facts: { node, ip: "172.20.0.130" } });
  const verdict = announced() as Extract<Layer2Verdict, { announced: true }>;
  tell({ ...verdict, leftOut: [out("n1")] });
  tell({ ...verdict, leftOut: [out("n1")] });
  expect(told().filter((line) => line.includes("LeftOut"))).toEqual([
    "Normal nodesLeftOut these nodes cannot announce it: node n1 has no interface in the subnet of 172.20.0.130, and others have",
  ]);
});

it("counts as interfaces what is not left alone, and as usable what is up, with a carrier and its own", () => {
  const mac = parseMac("02:00:00:00:00:01");
  if (!mac.ok) throw new Error(mac.error);
  const eth0: HostLink = {
    index: 2,
    name: "eth0",
    mac: mac.value,
    up: true,
    running: true,
    broadcast: true,
    loopback: false,
    noArp: false,
    enslaved: false,
    addresses: [],
    linkLocal: null,
  };
  const links = [
    { ...eth0, name: "veth1" },
    { ...eth0, name: "eth2", up: false },
    { ...eth0, name: "eth3", running: false },
    { ...eth0, name: "eth4", enslaved: true },
    { ...eth0, name: "eth5", noArp: true },
    { ...eth0, name: "eth6", mac: null },
    eth0,
  ];
  const exclude = /(^veth.*)|(^lo$)/;
  expect([...namesOf(links, exclude)]).toEqual(["eth2", "eth3", "eth4", "eth5", "eth6", "eth0"]);
  expect(usableLinks(links, exclude)).toEqual([{ name: "eth0", mac: mac.value, arp: true, ndp: false, subnets: [] }]);
});
