import { expect, it } from "vitest";
import type { BgpEffect, BgpEvent } from "./events.ts";
import { encodeKeepalive } from "./packet/keepalive.ts";
import { encodeNotification, notification } from "./packet/notification.ts";
import { encodeOpen } from "./packet/open.ts";
import { encodeRouteRefresh } from "./packet/route-refresh.ts";
import { storyOf } from "./story.ts";
import { address, announce, Bench, capabilities, peerOpen, peerSettings, unhex } from "./testing.ts";

const told = (event: BgpEvent, effects: readonly BgpEffect[] = []) =>
  storyOf({ number: 1, at: 3_500, random: [], leftOut: 0, event }, effects, 1_000);

const received = (...messages: readonly Uint8Array[]): string => {
  const bytes = Uint8Array.from(messages.flatMap((message) => [...message]));
  const [line = ""] = told({ kind: "received", connection: 2, bytes });
  return line.replace("+2.500 s  connection 2 received ", "");
};

const MARKER = "ff".repeat(16);
const ends = { local: address("192.0.2.10"), remote: address("192.0.2.1") };

it.each<[BgpEvent, string]>([
  [
    { kind: "peer-set", settings: peerSettings({ port: 1179 }), fallbackRouterId: ends.local },
    "peer router at 192.0.2.1:1179",
  ],
  [
    {
      kind: "peer-set",
      settings: peerSettings({ endpoint: { kind: "interface", interface: "eth1" } }),
      fallbackRouterId: ends.local,
    },
    "peer router at eth1:179",
  ],
  [{ kind: "peer-removed", peer: "router" }, "peer-removed router"],
  [{ kind: "peer-up", peer: "router" }, "peer-up router"],
  [{ kind: "peer-down", peer: "router", cause: "bfd", text: "" }, "peer-down router (bfd)"],
  [{ kind: "routes", change: announce(["10.0.0.0/8"], undefined, "red") }, "routes of table red: +1 −0"],
  [{ kind: "connected", connection: 2, ...ends }, "connection 2 connected: 192.0.2.10 to 192.0.2.1"],
  [{ kind: "accepted", connection: 3, peer: "router", ...ends }, "connection 3 accepted: 192.0.2.10 to 192.0.2.1"],
  [{ kind: "connect-failed", connection: 2, reason: "refused" }, "connection 2 connect-failed: refused"],
  [{ kind: "closed", connection: 2, reason: "reset" }, "connection 2 closed: reset"],
  [{ kind: "guarded", connection: 2 }, "connection 2 guarded"],
  [{ kind: "unguarded", connection: 2 }, "connection 2 unguarded"],
  [{ kind: "drained", connection: 2 }, "connection 2 drained"],
  [{ kind: "link", connection: 2, link: { ipv4: null, ipv6: null, linkLocal: null } }, "connection 2 link"],
  [{ kind: "time" }, "time"],
  [{ kind: "drain", on: true }, "drain on"],
  [{ kind: "drain", on: false }, "drain off"],
  [{ kind: "shutdown", text: "node drained" }, "shutdown: node drained"],
])("tells of the event $0.kind", (event, line) => {
  expect(told(event)).toEqual([`+2.500 s  ${line}`]);
});

it("tells of each effect in a line of its own, and of no alarm clock", () => {
  const report = new Bench();
  report.set();
  const settings = peerSettings();
  expect(
    told({ kind: "time" }, [
      { kind: "connect", connection: 2, settings, hops: "any" },
      { kind: "send", connection: 2, chunks: [encodeKeepalive(), encodeRouteRefresh("ipv4-unicast", "end")] },
      { kind: "close", connection: 2 },
      { kind: "session", report: { ...report.report, reason: "" } },
      { kind: "session", report: { ...report.report, state: "Idle", reason: "connection refused" } },
      { kind: "log", level: "warn", peer: "router", message: "a fault" },
      { kind: "wake", at: 9 },
    ]),
  ).toEqual([
    "+2.500 s  time",
    "    open connection 2 to router",
    "    send on 2: KEEPALIVE",
    "    send on 2: ROUTE-REFRESH",
    "    close connection 2",
    "    session router is Connect",
    "    session router is Idle: connection refused",
    "    log warn: a fault",
  ]);
});

it("names each message, and what is none", () => {
  const old = peerOpen({ as: 64999, capabilities: capabilities({ fourOctetAs: null }) });
  expect(received(encodeOpen(old))).toBe("OPEN of AS 64999, hold time 90 s, identifier 192.0.2.1");
  expect(received(encodeOpen({ ...old, capabilities: capabilities({ fourOctetAs: 70_000 }) }))).toContain("AS 70000");
  expect(received(encodeKeepalive(), encodeNotification(notification(6, 4)))).toBe(
    "KEEPALIVE, NOTIFICATION cease: administrative reset",
  );
  // An OPEN of version 3; an UPDATE whose lists go beyond it; a marker that is not ones; half a header.
  expect(received(unhex(`${MARKER} 001d 01 03 fc00 005a c0000201 00`))).toBe("OPEN that cannot be read");
  expect(received(unhex(`${MARKER} 0017 02 ffff 0000`))).toBe("UPDATE that cannot be read");
  expect(received(unhex(`00 ${"ff".repeat(15)} 0013 04`))).toBe("what is no message");
  expect(received(unhex("ffff"))).toBe("a part of a message");
  expect(received(unhex(`${MARKER} 0017 02 0000 0000`))).toBe("End-of-RIB ipv4-unicast");
  expect(received(unhex(`${MARKER} 0019 02 0002 08 0a 0000`))).toBe("UPDATE +0 −1");
});

it("reads messages of 65,535 octets: whether they were agreed on is not known here", () => {
  const long = new Uint8Array(65_535).fill(255, 0, 16);
  long.set([0xff, 0xff, 3, 6, 2], 16);
  expect(received(long)).toBe("NOTIFICATION cease: administrative shutdown");
});
