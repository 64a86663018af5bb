import { describe, expect, it } from "vitest";
import { address, arpRequest, bench, eth0, octets, solicitation, station } from "./testing.ts";

const OTHER = station("02:00:00:00:00:07");

describe("what is not answered", () => {
  it("is counted by its cause, and only where the link is in use", () => {
    const b = bench("192.0.2.1", "2001:db8::1");
    b.receive(arpRequest("192.0.2.2"));
    b.receive(solicitation("2001:db8::2"));
    b.receive(arpRequest("192.0.2.1").subarray(0, 20));
    b.receive(solicitation("2001:db8::1").subarray(0, 60));
    expect(b.engine.drops()).toEqual({ malformed: 2, notAnnounced: 2, overRate: 0 });
    b.step({ kind: "link-set", link: { ...eth0, usable: false } });
    for (const frame of [arpRequest("192.0.2.2"), arpRequest("192.0.2.1").subarray(0, 20)]) b.receive(frame);
    expect(b.engine.drops()).toEqual({ malformed: 2, notAnnounced: 2, overRate: 0 });
  });

  it("is ARP on a link without ARP, and NDP on one without a link-local address", () => {
    const b = bench("192.0.2.1", "2001:db8::1");
    b.step({ kind: "link-set", link: { ...eth0, arp: false } });
    expect([b.receive(arpRequest("192.0.2.1")).length, b.receive(solicitation("2001:db8::1")).length]).toEqual([0, 1]);
    b.step({ kind: "link-set", link: { ...eth0, linkLocal: null } });
    expect([b.receive(arpRequest("192.0.2.1")).length, b.receive(solicitation("2001:db8::1")).length]).toEqual([1, 0]);
  });

  it("is a solicitation for another station's card, or our own that came back", () => {
    const b = bench("2001:db8::1");
    expect(b.receive(solicitation("2001:db8::1", { ethernetDestination: octets(OTHER) }))).toEqual([]);
    const own = octets(eth0.mac);
    expect(b.receive(solicitation("2001:db8::1", { ethernetSource: own, linkLayer: own }))).toEqual([]);
    expect(b.engine.counters("all")).toMatchObject([{ requestsReceived: 0, responsesSent: 0 }]);
  });

  it("is a request for a card whose address differs in one octet", () => {
    const b = bench("192.0.2.1");
    const own = octets(eth0.mac);
    for (let i = 0; i < 6; i++) {
      const ethernetDestination = own.with(i, (own[i] ?? 0) ^ 0x10);
      expect(b.receive(arpRequest("192.0.2.1", { ethernetDestination }))).toEqual([]);
    }
    expect(b.receive(arpRequest("192.0.2.1", { ethernetDestination: own }))).toHaveLength(1);
  });

  it("is what came in on a link that is gone", () => {
    const b = bench("192.0.2.1");
    b.step({ kind: "link-removed", index: 2 });
    expect(b.receive(arpRequest("192.0.2.1"))).toEqual([]);
  });
});

describe("the counters", () => {
  it("of those alone that moved are given once", () => {
    const b = bench("192.0.2.1", "192.0.2.2", "2001:db8::1");
    expect(b.engine.counters("moved")).toHaveLength(3);
    expect(b.engine.counters("moved")).toEqual([]);
    b.receive(arpRequest("192.0.2.2"));
    b.receive(solicitation("2001:db8::1"));
    expect(b.engine.counters("moved")).toEqual([
      { address: address("192.0.2.2"), requestsReceived: 1, responsesSent: 1, gratuitousSent: 10 },
      { address: address("2001:db8::1"), requestsReceived: 1, responsesSent: 1, gratuitousSent: 5 },
    ]);
    b.receive(arpRequest("192.0.2.2"));
    b.withdraw("192.0.2.2");
    expect(b.engine.counters("moved")).toEqual([]);
    expect(b.engine.counters("all")).toHaveLength(2);
  });

  it("over the rate tell the questions, and not answers that were not sent", () => {
    const b = bench("2001:db8::1");
    for (let i = 0; i < 30_001; i++)
      b.engine.step({ kind: "received", link: 2, frame: solicitation("2001:db8::1") }, b.now);
    expect(b.engine.counters("all")).toMatchObject([{ requestsReceived: 30_001, responsesSent: 30_000 }]);
    expect(b.engine.drops().overRate).toBe(1);
  });
});
