import { gossipKey } from "metallb/gossip";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import { buildGoMember, GoMember } from "./go-member.ts";
import { ipOf, OurMember } from "./our-member.ts";

// Loopback addresses, as pods that share a port.
let next = 1;
const address = (): string => `127.79.${Math.floor(process.pid / 200) % 200}.${next++}`;
const PORT = 17_946;
const KEY = gossipKey("a secret of MetalLB's");
const FAST = { probeInterval: 200, probeTimeout: 100, gossipInterval: 50 };

describeWith(["go"], "beside the real memberlist", () => {
  let program: string;
  const running: { stop(): unknown }[] = [];

  beforeAll(async () => {
    program = await buildGoMember();
  });
  afterEach(async () => {
    for (const each of running.splice(0)) await each.stop();
  });

  function theirs(name: string, at: string, ...args: readonly string[]): GoMember {
    const member = new GoMember(program, ["-name", name, "-bind", at, "-port", String(PORT), "-fast", ...args]);
    running.push(member);
    return member;
  }
  async function ours(name: string, at: string, key: Uint8Array | null, config = {}): Promise<OurMember> {
    const member = await OurMember.start(name, { address: at, port: PORT }, key, { ...FAST, ...config });
    running.push(member);
    return member;
  }
  const hexKey = Buffer.from(KEY ?? []).toString("hex");

  describe.each([
    ["encrypted", KEY, ["-key", hexKey], {}],
    ["in clear text", null, [], {}],
    ["uncompressed", KEY, ["-key", hexKey, "-uncompressed"], { enableCompression: false }],
    ["without pings over TCP", null, ["-no-tcp-ping"], { disableTcpPings: true }],
  ] as const)("%s", (_, key, args, config) => {
    it("joins it, is joined by it, sees it leave and leaves", async () => {
      const [a, b, c] = [address(), address(), address()];
      const go = theirs("go-1", a, ...args);
      await go.until("ready", ({ ready }) => ready === true);
      const one = await ours("ts-1", b, key, config);
      one.step({ kind: "join", addresses: [ipOf(a)] });
      await go.until("sees us", ({ event, name }) => event === "join" && name === "ts-1");
      await one.until("sees it", () => one.others.join() === "go-1");
      // Another of theirs comes in through us.
      const second = theirs("go-2", c, "-join", `${b}:${PORT}`, ...args);
      expect(await second.until("joined", ({ joined }) => joined !== undefined)).toMatchObject({ joined: 1 });
      await second.until("sees the first", ({ event, name }) => event === "join" && name === "go-1");
      await one.until("sees both", () => one.others.join() === "go-1,go-2");
      await go.until("hears of the second", ({ event, name }) => event === "join" && name === "go-2");
      second.say("leave");
      await one.until("sees it leave", () => one.stateOf("go-2") === "left");
      await one.leave();
      // Much sooner than a death is declared.
      await go.until("sees us leave", ({ event, name }) => event === "leave" && name === "ts-1", 500);
    });
  });

  it("agrees with it on a death, in both directions, and lets a frozen one refute", async () => {
    const [a, b, c] = [address(), address(), address()];
    const go = theirs("go-1", a, "-key", hexKey);
    await go.until("ready", ({ ready }) => ready === true);
    const [one, two] = [await ours("ts-1", b, KEY), await ours("ts-2", c, KEY)];
    for (const each of [one, two]) each.step({ kind: "join", addresses: [ipOf(a)] });
    await one.until("all meet", () => one.others.join() === "go-1,ts-2");
    await two.until("all meet", () => two.others.join() === "go-1,ts-1");
    // Frozen for less than the suspicion lasts: suspected, and it refutes.
    go.signal("SIGSTOP");
    await one.until("suspects", () => one.stateOf("go-1") === "suspect");
    go.signal("SIGCONT");
    await one.until("believes it", () => one.stateOf("go-1") === "alive");
    two.stop();
    await go.until("declares ours dead", ({ event, name }) => event === "leave" && name === "ts-2", 20_000);
    await one.until("agrees", () => one.stateOf("ts-2") === "dead");
    await go.stop();
    await one.until("declares it dead", () => one.stateOf("go-1") === "dead", 20_000);
  });

  it("refutes when it is suspected itself, and is never declared dead", async () => {
    const [a, b] = [address(), address()];
    const go = theirs("go-1", a);
    await go.until("ready", ({ ready }) => ready === true);
    const one = await ours("ts-1", b, null);
    one.step({ kind: "join", addresses: [ipOf(a)] });
    await go.until("sees us", ({ event, name }) => event === "join" && name === "ts-1");
    one.step({ kind: "datagram", from: { address: ipOf(a), port: PORT }, bytes: accusation("ts-1") });
    await one.until("lives on", () => one.others.join() === "go-1");
    go.say("members");
    const told = await go.until("says who is there", ({ members }) => members !== undefined);
    expect([...(told.members as string[])].sort()).toEqual(["go-1", "ts-1"]);
  });

  it("is not let in with another secret, nor lets such in", async () => {
    const [a, b] = [address(), address()];
    const go = theirs("go-1", a, "-key", hexKey);
    await go.until("ready", ({ ready }) => ready === true);
    const one = await ours("ts-1", b, gossipKey("another"), { tcpTimeout: 1_000 });
    one.step({ kind: "join", addresses: [ipOf(a)] });
    const stranger = theirs("go-2", address(), "-join", `${b}:${PORT}`, "-key", hexKey);
    expect(await stranger.until("refused", ({ joined }) => joined !== undefined, 15_000)).toMatchObject({ joined: 0 });
    expect(one.others).toEqual([]);
  });
});

/** suspect{Incarnation: 1, Node: name, From: "x"}, in clear text. */
const accusation = (name: string): Uint8Array =>
  new Uint8Array([3, 0x83, ...raw("Incarnation"), 1, ...raw("Node"), ...raw(name), ...raw("From"), ...raw("x")]);
const raw = (text: string): number[] => [0xa0 | text.length, ...Buffer.from(text)];
