import { expect, it } from "vitest";
import { arpClaim, arpRequest, Bench, bench, eth0, solicitation } from "./testing.ts";

const IP = "192.0.2.1";
const SIX = "2001:db8::1";

const open = (b: Bench, milliseconds: number) => b.step({ kind: "fence", until: b.now + milliseconds });
const fenced = (): Bench => {
  const b = new Bench();
  b.step({ kind: "link-set", link: eth0 });
  for (const ip of [IP, SIX]) b.announce(ip, { fenced: true });
  return b;
};

it("what is fenced is silent until the fence is opened, and again when its time is over", () => {
  const b = fenced();
  b.advance(5_000);
  expect([b.sent(), b.states(), b.groups(), b.receive(arpRequest(IP))]).toEqual([[], [], [], []]);
  open(b, 10_000);
  expect(b.states()).toEqual(["announced", "announced"]);
  expect(b.sent()).toHaveLength(3);
  b.advance(9_000);
  expect([b.receive(arpRequest(IP)).length, b.receive(solicitation(SIX)).length]).toEqual([1, 1]);
  b.advance(1_000);
  expect(b.states().slice(2)).toEqual(["withdrawn", "withdrawn"]);
  b.log.length = 0;
  b.advance(60_000);
  expect([b.sent(), b.receive(arpRequest(IP)), b.receive(solicitation(SIX))]).toEqual([[], [], []]);
  open(b, 10_000);
  expect([b.receive(arpRequest(IP)).length, b.states()]).toEqual([1, ["announced", "announced"]]);
});

it("a process that stood still answers nothing after its time, though no timer told it", () => {
  const b = fenced();
  open(b, 10_000);
  b.now += 10_000;
  expect(b.receive(arpRequest(IP))).toEqual([]);
});

it("the fence is put off before its time, and nothing is told anew for it", () => {
  const b = fenced();
  open(b, 10_000);
  b.advance(9_999);
  b.log.length = 0;
  open(b, 10_000);
  b.advance(9_999);
  expect([b.sent(), b.states(), b.receive(arpRequest(IP)).length]).toEqual([[], [], 1]);
});

it("who claims a suspended address is no conflict, and leads to no probe", () => {
  const b = fenced();
  b.receive(arpClaim(IP));
  b.advance(120_000);
  expect([b.sent(), b.states()]).toEqual([[], []]);
});

it("an address that is withdrawn meanwhile does not come back, and those that are not fenced are left alone", () => {
  const b = bench("192.0.2.2");
  b.announce(IP, { fenced: true });
  open(b, 1_000);
  b.advance(2_000);
  b.withdraw(IP, "when-taken-over");
  open(b, 1_000);
  expect([b.receive(arpRequest(IP)).length, b.receive(arpRequest("192.0.2.2")).length]).toEqual([0, 1]);
});

it("one that becomes fenced while the fence is shut falls silent, and speaks when it is fenced no more", () => {
  const b = bench(IP);
  b.announce(IP, { fenced: true });
  expect(b.receive(arpRequest(IP))).toEqual([]);
  b.announce(IP);
  expect(b.receive(arpRequest(IP))).toHaveLength(1);
});

it("one that is given up while it is answered for ends with the fence", () => {
  const b = fenced();
  open(b, 1_000);
  b.advance(500);
  b.withdraw(IP, "when-taken-over");
  b.advance(499);
  expect(b.receive(arpRequest(IP))).toHaveLength(1);
  b.advance(1);
  expect(b.receive(arpRequest(IP))).toEqual([]);
});
