import { describe, expect, it } from "vitest";
import { parseMac, parsePrefix, type Result } from "#net";
import { LAN, readGossipConfig, WAN } from "./config.ts";
import { encodeMeta, isOurs, macsOf, readMeta, type SpeakerLink } from "./meta.ts";

const must = <T>(result: Result<T>): T => {
  if (!result.ok) throw new Error(result.error);
  return result.value;
};

const FILE = {
  TCPTimeout: "30s",
  IndirectChecks: 3,
  RetransmitMult: 4,
  SuspicionMult: 6,
  SuspicionMaxTimeoutMult: 6,
  PushPullInterval: "1m",
  ProbeTimeout: "3s",
  ProbeInterval: "5s",
  DisableTcpPings: false,
  AwarenessMaxMultiplier: 8,
  GossipNodes: 4,
  GossipInterval: "500ms",
  GossipToTheDeadTime: "1m0s",
  GossipVerifyIncoming: true,
  GossipVerifyOutgoing: true,
  EnableCompression: true,
  HandoffQueueDepth: 1024,
  UDPBufferSize: 1400,
  QueueCheckInterval: "30s",
};

describe("the settings", () => {
  const read = (fields: object) => {
    const result = readGossipConfig({ ...FILE, ...fields });
    return result.ok ? result.value : result.error;
  };

  it("of a wide network are the library's", () => {
    expect(read({})).toEqual(WAN);
    expect(WAN).not.toEqual(LAN);
  });

  it.each([
    ["1h", 3_600_000],
    ["2m", 120_000],
    ["1m30s", 90_000],
    ["1.5s", 1_500],
    ["250ms", 250],
    ["500us", 0.5],
    ["500µs", 0.5],
    ["1000000ns", 1],
    ["1h1m1s1ms", 3_661_001],
  ])("read %s as Go does", (text, milliseconds) =>
    expect(read({ ProbeTimeout: text })).toMatchObject({ probeTimeout: expect.closeTo(milliseconds, 6) }),
  );

  it.each([
    ...["", "0s", "1", "s", "-1s", "1.s", "1 s", "x1s", "1sx", "1d", ".5s", 1, null, undefined, ["1s"]].map((value) => [
      { ProbeTimeout: value },
      'ProbeTimeout must be a duration such as "500ms"',
    ]),
    ...[-1, 1.5, 1_000_001, "3", null].map((value) => [{ GossipNodes: value }, "GossipNodes must be a whole number"]),
    [{ DisableTcpPings: 1 }, "DisableTcpPings must be true or false"],
    [{ UDPBufferSize: 511 }, "UDPBufferSize must be 512 at least"],
    [{ ["x".repeat(50)]: 1 }, `"${"x".repeat(40)}" is not known`],
  ] as readonly [object, string][])("%j is refused", (fields, error) => expect(read(fields)).toBe(error));

  it("at the end of their range are taken", () => {
    expect(
      read({ UDPBufferSize: 512, GossipNodes: 0, RetransmitMult: 1_000_000, DisableTcpPings: true }),
    ).toMatchObject({
      udpBufferSize: 512,
      gossipNodes: 0,
      retransmitMult: 1_000_000,
      disableTcpPings: true,
    });
  });

  it.each([null, undefined, [], "x", 7])("are no %j", (json) =>
    expect(readGossipConfig(json)).toEqual({ ok: false, error: "the file holds no JSON object" }),
  );
});

describe("what a speaker says of itself", () => {
  const mac = must(parseMac("02:00:00:00:00:01"));
  const link = (name: string, ...subnets: readonly string[]): SpeakerLink => ({
    name,
    mac,
    arp: true,
    ndp: true,
    subnets: subnets.map((text) => must(parsePrefix(text))),
  });
  const read = (...links: readonly SpeakerLink[]) => readMeta(encodeMeta(links));
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

  it("is written octet for octet as others read it", () => {
    const one = { ...link("e", "192.0.2.0/25", "2001:db8::/33"), ndp: false };
    expect(hex(encodeMeta([one]))).toBe(
      `6d747332 03 01 020000000001 01 01 65 02 19c0000200 802120010db800`.replaceAll(" ", ""),
    );
    expect(hex(encodeMeta(null))).toBe("6d7473320200");
    expect(hex(encodeMeta([]))).toBe("6d7473320300");
    for (const [arp, ndp] of [
      [true, false],
      [false, true],
      [false, false],
    ] as const)
      expect(read({ ...link("e"), arp, ndp })?.links).toMatchObject([{ arp, ndp }]);
  });

  it("names an interface by fifteen octets, with sixteen subnets", () => {
    const many = Array.from({ length: 20 }, (_, i) => `10.${i}.0.0/16`);
    const [said] = read(link("a-very-long-name", ...many))?.links ?? [];
    expect([said?.name, said?.subnets.length]).toEqual(["a-very-long-nam", 16]);
  });

  it("is as many interfaces as fit, in order, and says when that is not all", () => {
    // Six octets of head, eleven each.
    const links = (count: number) => Array.from({ length: count }, (_, i) => link(String(i).padStart(2, "0")));
    const all = read(...links(46));
    expect([all?.isWhole, all?.links?.length]).toEqual([true, 46]);
    const more = read(...links(47));
    expect([more?.isWhole, more?.links?.length, more?.links?.[0]?.name]).toEqual([false, 46, "00"]);
    expect(encodeMeta(links(46))).toHaveLength(512);
  });

  it("is nothing where the mark is another's, and known by the mark alone", () => {
    expect([isOurs(encodeMeta(null)), isOurs(Uint8Array.of(0x6d, 0x74, 0x73)), isOurs(new Uint8Array())]).toEqual([
      true,
      false,
      false,
    ]);
    for (let at = 0; at < 4; at++) expect(readMeta(encodeMeta(null).with(at, 0))).toBeNull();
    expect([macsOf(encodeMeta(null)), macsOf(new Uint8Array()), macsOf(encodeMeta([link("a"), link("b")]))]).toEqual([
      [],
      [],
      [mac, mac],
    ]);
  });

  it("is none where a prefix is longer than its address", () => {
    const good = encodeMeta([link("e", "192.0.2.0/24")]);
    // Flags, count, MAC, what it can, name and number of subnets come before it.
    const at = 4 + 2 + 6 + 1 + 2 + 1;
    expect(good[at]).toBe(24);
    expect(readMeta(good.with(at, 33))).toBeNull();
    const six = encodeMeta([link("e", "2001:db8::/127")]);
    expect([six[at], six[at + 1]]).toEqual([0x80, 127]);
    expect(readMeta(six.with(at + 1, 129))).toBeNull();
    expect(readMeta(Uint8Array.from([...good.with(at, 32), 9]))?.links?.[0]?.subnets[0]?.length).toBe(32);
  });
});
