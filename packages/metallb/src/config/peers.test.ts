import { describe, expect, it } from "vitest";
import type { Compilation } from "#config";
import { bfdProfile, bgpPeer, compiled, secret } from "./testing.ts";

const problems = ({ problems }: Compilation) =>
  problems.map(({ kind, name, path, code }) => `${kind}/${name} ${path} ${code}`);
const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);

describe("peers", () => {
  it("never turn their timers off because one is small", () => {
    const timers = (spec: object) => {
      const found = compiled({ peers: [bgpPeer("p", spec)] });
      return [found.config.peers[0]?.holdTime, found.config.peers[0]?.keepaliveTime, ...problems(found)];
    };
    const path = "BGPPeer/p spec";
    expect(timers({ keepaliveTime: "500ms" })).toEqual([null, null, `${path}.keepaliveTime invalidTimers`]);
    expect(timers({ keepaliveTime: "500ms", holdTime: "9s" })).toEqual([9, 1]);
    expect(timers({ holdTime: "500ms" })).toEqual([null, null, `${path}.holdTime invalidTimers`]);
  });

  it("take timers from what is given", () => {
    const timers = (spec: object) => {
      const found = compiled({ peers: [bgpPeer("p", spec)] }).config.peers[0];
      return [found?.holdTime, found?.keepaliveTime, found?.connectTime];
    };
    expect(timers({})).toEqual([null, null, null]);
    expect(timers({ holdTime: "90s" })).toEqual([90, 30, null]);
    expect(timers({ keepaliveTime: "10s", connectTime: "5s" })).toEqual([30, 10, 5]);
    expect(timers({ holdTime: "0s" })).toEqual([0, 0, null]);
    expect(timers({ keepaliveTime: "0s" })).toEqual([0, 0, null]);
    expect(timers({ holdTime: "3500ms" })).toEqual([3, 1, null]);
    expect(timers({ holdTime: "65535s", keepaliveTime: "65535s" })).toEqual([65535, 65535, null]);
    expect(timers({ connectTime: "65535s" })).toEqual([null, null, 65535]);
    expect(timers({ connectTime: "1s" })).toEqual([null, null, 1]);
  });

  it.each([
    [{ myASN: 0 }, "spec.myASN missingASN", "missing local ASN"],
    [{ peerASN: undefined }, "spec.peerASN invalidPeerASN", "missing peer ASN and dynamicASN"],
    [{ dynamicASN: "external" }, "spec.dynamicASN invalidPeerASN", "both peer ASN and dynamicASN specified"],
    [{ peerAddress: undefined }, "spec.peerAddress invalidPeerAddress", "peer has no Address or Interface specified"],
    [{ interface: "eth0" }, "spec.interface invalidPeerAddress", "peer has both Address and Interface specified"],
    [{ peerAddress: "192.0.2.300" }, "spec.peerAddress invalidPeerAddress", "invalid BGPPeer address"],
    [{ passwordSecret: { name: "s" } }, "spec.passwordSecret invalidPassword", "secret ref not found for peer config"],
    [{ password: "p".repeat(81) }, "spec.password invalidPassword", "the password is longer than 80 octets"],
    [
      { password: "x", passwordSecret: { name: "s" } },
      "spec.passwordSecret invalidPassword",
      "can not have both password and secret ref set in peer config",
    ],
  ])("with %j open no session, and close none", (spec, where, message) => {
    const result = compiled({ peers: [bgpPeer("p", spec), bgpPeer("q")] });
    expect(problems(result)[0]).toBe(`BGPPeer/p ${where}`);
    expect(result.problems[0]?.message).toContain(message);
    expect(names(result.config.peers)).toEqual(["q"]);
    expect([...result.config.unreadablePeers]).toEqual(["p"]);
  });

  it.each([
    [{ holdTime: "2s" }, "spec.holdTime invalidTimers", "invalid BGPPeer timers"],
    [{ holdTime: "9s", keepaliveTime: "10s" }, "spec.keepaliveTime invalidTimers", "invalid BGPPeer timers"],
    [{ holdTime: "soon" }, "spec.holdTime invalidTimers", "invalid BGPPeer timers"],
    [{ routerID: "fe80::1" }, "spec.routerID invalidRouterID", "invalid router ID"],
    [{ sourceAddress: "me" }, "spec.sourceAddress invalidSourceAddress", "invalid source IP"],
    [
      { peerASN: 64500, ebgpMultiHop: true },
      "spec.ebgpMultiHop invalidMultiHop",
      "invalid ebgp-multihop parameter set for an ibgp peer",
    ],
    [{ bfdProfile: "fast" }, "spec.bfdProfile unknownBFDProfile", "peer p referencing non existing bfd profile fast"],
    [{ holdTime: "65536s" }, "spec.holdTime invalidTimers", "must be 0 or 3s to 65535s"],
    [{ connectTime: "0s" }, "spec.connectTime invalidTimers", "connect time should be between 1 seconds to 65535"],
    [{ connectTime: "65536s" }, "spec.connectTime invalidTimers", "connect time should be between"],
    [{ connectTime: "1500ms" }, "spec.connectTime invalidTimers", "connect time should contain a whole number"],
    [{ sourceAddress: "2001:db8::1" }, "spec.sourceAddress invalidSourceAddress", "not of the peer's IP version"],
    [
      { peerASN: undefined, dynamicASN: "internal", ebgpMultiHop: true },
      "spec.ebgpMultiHop invalidMultiHop",
      "invalid ebgp-multihop parameter set for an ibgp peer",
    ],
  ])("with %j are frozen: the rest of them counts", (spec, where, message) => {
    const result = compiled({ peers: [bgpPeer("p", spec), bgpPeer("q")] });
    expect(problems(result)).toEqual([`BGPPeer/p ${where}`]);
    expect(result.problems[0]?.message).toContain(message);
    expect(result.config.peers).toMatchObject([
      {
        name: "p",
        frozen: true,
        myASN: 64500,
        holdTime: null,
        keepaliveTime: null,
        connectTime: null,
        routerId: null,
        sourceAddress: null,
        bfdProfile: null,
        ebgpMultiHop: false,
      },
      { name: "q", frozen: false },
    ]);
    expect(result.config.unreadablePeers.size).toBe(0);
  });

  it("tell their problems to the nodes that they select", () => {
    const rack = { nodeSelectors: [{ matchLabels: { rack: "1" } }] };
    const { problems } = compiled({
      peers: [
        bgpPeer("p", { ...rack, holdTime: "2s" }),
        bgpPeer("q", { ...rack, myASN: 0 }),
        bgpPeer("r", { myASN: 0 }),
      ],
    });
    expect(problems.map(({ nodes }) => (nodes ? [nodes({ rack: "1" }), nodes({ rack: "2" })] : null))).toEqual([
      [true, false],
      [true, false],
      null,
    ]);
  });

  it("take their password from a Secret, follow it, and never show it", () => {
    const peers = [bgpPeer("p", { passwordSecret: { name: "s" } })];
    const secrets = (password: string, more = {}) => new Map([["metallb-system/s", secret("s", password, more)]]);
    const first = compiled({ peers, secrets: secrets("opensesame") });
    expect(first.config.peers[0]?.password).toBe("opensesame");
    const second = compiled({ peers, secrets: secrets("changed", { resourceVersion: "2" }) }, first);
    expect(second.config.peers[0]?.password).toBe("changed");
    const wrong = compiled({ peers, secrets: secrets("opensesame", { type: "Opaque" }) });
    expect(wrong.problems[0]?.message).toContain("secret type mismatch");
    const long = compiled({ peers, secrets: secrets("opensesame".repeat(9)) });
    expect(problems(long)).toEqual(["BGPPeer/p spec.passwordSecret invalidPassword"]);
    expect(JSON.stringify([wrong.problems, long.problems])).not.toContain("opensesame");
  });

  it("know their BFD profile and its defaults", () => {
    const { config } = compiled({
      peers: [bgpPeer("p", { bfdProfile: "fast" })],
      bfdProfiles: [bfdProfile("fast", { detectMultiplier: 5 })],
    });
    expect(config.peers[0]?.bfdProfile).toBe("fast");
    expect(config.bfdProfiles.get("fast")).toMatchObject({
      receiveInterval: 300,
      transmitInterval: 300,
      detectMultiplier: 5,
      echoInterval: 50,
      minimumTtl: 254,
      echoMode: false,
      passiveMode: false,
    });
  });
});

describe("BFD profiles", () => {
  it("out of bounds count with defaults", () => {
    const spec = { receiveInterval: 60000, detectMultiplier: 2, minimumTtl: 1, passiveMode: true };
    const good = compiled({ bfdProfiles: [bfdProfile("b", spec)] });
    expect([...good.config.bfdProfiles.values()]).toMatchObject([{ ...spec, transmitInterval: 300, echoMode: false }]);
    const wrong = { ...bfdProfile("b"), spec: { receiveInterval: 9, detectMultiplier: 256, echoInterval: 10 } };
    const result = compiled({ bfdProfiles: [wrong], peers: [bgpPeer("p", { bfdProfile: "b" })] });
    expect(problems(result)).toEqual([
      "BFDProfile/b spec.receiveInterval invalidBFDProfile",
      "BFDProfile/b spec.detectMultiplier invalidBFDProfile",
    ]);
    expect(result.config.bfdProfiles.get("b")).toMatchObject({
      receiveInterval: 300,
      detectMultiplier: 3,
      echoInterval: 10,
    });
    expect(result.config.peers[0]).toMatchObject({ bfdProfile: "b", frozen: false });
  });
});
