import { afterAll, beforeAll, expect, it } from "vitest";
import { ROUTER_ASN, SPEAKER_ASN, startTestCluster, type TestCluster } from "../support/cluster.ts";
import { metallbObject } from "../support/objects.ts";
import { describeWith } from "../support/parts.ts";
import { eventually, type Program, runIn, runWith, startProgram } from "../support/programs.ts";

/** Seconds. */
const HOLD = 6;

interface SpeakerState {
  readonly sessions: readonly { readonly peer: string; readonly state: string; readonly reason: string }[];
}

describeWith(["root", "namespaces", "bird", "tcpdump", "kubectl"], "a peer that falls silent", () => {
  let cluster: TestCluster;
  let capture: Program;

  beforeAll(async () => {
    cluster = await startTestCluster({ nodes: 1, kubernetes: "embedded", router: "bird" });
    await cluster.startSpeaker("node-1");
    const { router } = cluster.network;
    const filter = `src host ${router.address} and tcp src port 179`;
    const argv = ["tcpdump", "-i", "eth0", "-n", "-tt", "-l", "--immediate-mode", filter];
    capture = await startProgram(cluster.node("node-1"), argv);
    await eventually(
      () => capture.output(),
      (text) => text.includes("listening on"),
      { what: "tcpdump does not start" },
    );
    await cluster.apply(
      metallbObject("BGPPeer", "router", {
        myASN: SPEAKER_ASN,
        peerASN: ROUTER_ASN,
        peerAddress: router.address,
        holdTime: `${HOLD}s`,
        keepaliveTime: `${HOLD / 3}s`,
      }),
    );
  });
  afterAll(async () => {
    await capture?.stop();
    await cluster?.close();
  });

  const session = async () => {
    const { sessions } = (await cluster.speakerState("node-1")) as SpeakerState;
    return sessions.find(({ peer }) => peer.endsWith("router"));
  };
  const established = () =>
    eventually(session, (report) => report?.state === "Established", { what: "the session is not established" });

  /** When the node last received a message of the router's, in seconds. */
  const lastMessage = (): number => {
    const times = [...capture.output().matchAll(/^(\d+\.\d+) IP .* length (\d+)/gm)].flatMap(([, time, length]) =>
      Number(length) > 0 ? [Number(time)] : [],
    );
    return times.at(-1) ?? Number.NaN;
  };

  it("is found at the hold time, counted from its last message, within five percent", async () => {
    await established();
    await runWith(cluster.network.router, ["nft", "-f", "-"], {
      input: `
        table inet silence {
          chain in { type filter hook input priority filter; tcp dport 179 drop; }
          chain out { type filter hook output priority filter; tcp sport 179 drop; }
        }`,
    });
    const report = await eventually(session, (now) => now?.state !== "Established", {
      what: "the silent peer is not found",
      limit: 2 * HOLD * 1000,
    });
    const silence = Date.now() / 1000 - lastMessage();
    expect(silence).toBeGreaterThan(HOLD * 0.95);
    expect(silence).toBeLessThan(HOLD * 1.05);
    expect(report?.reason).toMatch(/hold/i);
  });

  it("is heard again when it speaks again", async () => {
    await runIn(cluster.network.router, "nft", "delete", "table", "inet", "silence");
    await established();
  });
});
