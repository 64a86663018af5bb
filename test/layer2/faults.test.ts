import { execFileSync } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import { eventually, runIn, runWith } from "../support/programs.ts";
import { FaultyLan } from "./faulty-lan.ts";
import { failover, type Lan, macOf, VIP } from "./lan.ts";

/** As long as an address may take to go on at another node on a busy machine; a quiet one needs 0.3 s. */
const GOES_ON = 3_000;

describeWith(["root", "namespaces", "bird", "kubectl", "iptables", "arping"], "faults on a LAN of four nodes", () => {
  let faulty: FaultyLan;
  let lan: Lan;

  beforeAll(async () => {
    faulty = await FaultyLan.open(4);
    ({ lan } = faulty);
    await faulty.tells(await lan.settled(VIP));
  });
  afterAll(() => faulty?.close());
  afterEach(async () => {
    await faulty.mend();
    for (const name of lan.names) {
      await lan.cluster.network.heal(name);
      await nft(name, "");
    }
    await faulty.tells(await lan.settled(VIP));
  });

  const nft = (name: string, rules: string) => {
    const none = "table netdev lan\ndelete table netdev lan\n";
    const chain = 'chain in { type filter hook ingress device "eth0" priority 0;';
    const input = rules === "" ? none : `${none}table netdev lan { ${chain} ${rules} }; }\n`;
    return runWith(lan.cluster.node(name), ["nft", "-f", "-"], { input });
  };
  const sees = (name: string, count: number) =>
    eventually(
      async () => (await lan.state(name)).members.filter(({ state }) => state === "alive").length,
      (alive) => alive === count,
      { what: `${name} sees ${count} speakers` },
    );
  /** Who else answered while `act` ran. The machine may stop a speaker for longer than a node may be silent: the best of three counts. */
  const moves = async (act: (owner: string) => Promise<unknown>): Promise<readonly string[]> => {
    for (let i = 1; ; i += 1) {
      const owner = await lan.settled(VIP);
      const { turns } = await lan.asking(VIP, () => act(owner));
      const after = turns.slice(turns[0] === owner ? 1 : 0);
      if (after.length === 0 || i === 3) return after;
    }
  };

  it("the API is away: addresses stay, and go on at another node", async () => {
    let refused = 0;
    const lost = await moves(async () => {
      for (const api of faulty.apis.values()) {
        api.rule = () => {
          refused += 1;
          return { breaks: "unheard" };
        };
        api.cut();
      }
      const before = refused;
      await eventually(
        () => refused,
        (count) => count > before + 20,
        { what: "the speakers ask again and again" },
      );
    });
    expect(lost).toEqual([]);
    const owner = await lan.settled(VIP);
    const { took, by = "" } = failover(await lan.during(VIP, () => lan.cluster.network.cut(owner), GOES_ON), owner);
    expect(took).toBeLessThan(GOES_ON);
    await faulty.terminate(by, faulty.others(owner, by));
  });

  it("its main thread stands still for ten seconds: nothing moves", async () => {
    expect(
      await moves(async (owner) => {
        process.kill(faulty.pid(owner), "SIGWINCH");
        await pause(10_500);
      }),
    ).toEqual([]);
    const owner = await lan.owner(VIP);
    process.kill(faulty.pid(owner), "SIGUSR2");
    await faulty.terminate(owner);
  });

  it("it runs out of file descriptors: nothing moves, and it is heard of new Services again when it has some", async () => {
    const limit = (name: string, soft: number) =>
      execFileSync("prlimit", ["--pid", String(faulty.pid(name)), `--nofile=${soft}:`], { stdio: "pipe" });
    const scarce = async (owner: string): Promise<void> => {
      limit(owner, 10);
      // Its connections end, and it cannot make others.
      faulty.apis.get(owner)?.cut();
      await pause(2_000);
      limit(owner, 1_000);
    };
    expect(await moves(scarce)).toEqual([]);
    const owner = await lan.owner(VIP);
    await lan.serve("later", ["172.20.0.140"]);
    await eventually(
      async () => (await lan.state(owner)).services["default/later"] !== undefined,
      (does) => does,
      { what: "it sees the new Service" },
    );
    limit(owner, 10);
    faulty.apis.get(owner)?.cut();
    await faulty.terminate(owner);
    await lan.cluster.kubectl("delete", "service", "later");
  });

  it("loss of 1, 5 and 20 %, and one direction of a path that is gone: nothing moves", async () => {
    for (const loss of [1, 5, 20]) {
      await Promise.all(lan.names.map((name) => nft(name, `numgen random mod 100 < ${loss} drop;`)));
      expect(await moves(() => pause(2_000))).toEqual([]);
    }
    await faulty.terminate(await lan.owner(VIP));
    for (const name of lan.names) await nft(name, "");
    await faulty.mend();
    const deafTo = async (owner: string): Promise<void> => {
      const [deaf = ""] = faulty.others(owner);
      await nft(deaf, `ether saddr ${await macOf(lan.cluster.node(owner))} drop;`);
      await pause(2_000);
      await nft(deaf, "");
    };
    expect(await moves(deafTo)).toEqual([]);
  });

  it("the LAN parts in halves: each has an owner, and one is left when it is whole again", async () => {
    const owner = await lan.owner(VIP);
    const [first = "", ...rest] = faulty.others(owner);
    const halves = [[owner, first], rest];
    for (const [i, half] of halves.entries()) {
      const foreign = await Promise.all((halves[1 - i] ?? []).map((name) => macOf(lan.cluster.node(name))));
      for (const name of half) await nft(name, `ether saddr { ${foreign.join(", ")} } drop;`);
    }
    for (const name of lan.names) await sees(name, 2);
    for (const half of halves) expect(half).toContain(await lan.owner(VIP, half));
    const second = await lan.owner(VIP, rest);
    expect(rest.filter((name) => name !== second)).toEqual([
      await faulty.terminate(
        second,
        rest.filter((name) => name !== second),
      ),
    ]);
    // The whole LAN: as after each test.
  });

  it("a foreign host claims the address: it is told, and not fought", async () => {
    const { router } = lan.cluster.network;
    const owner = await lan.owner(VIP);
    await runIn(router, "ip", "address", "add", `${VIP}/32`, "dev", "eth0");
    const path = "jsonpath={.status.conditions[?(@.type=='metallb.io/AddressConflict')].reason}";
    const claimed = (name: string) =>
      eventually(
        async () => {
          await runIn(router, "arping", "-A", "-c", "1", "-I", "eth0", VIP).catch(() => "");
          const { neighbors } = await lan.state(name);
          return neighbors.find(({ address }) => address === VIP);
        },
        (told) => told?.state === "announced" && told.foreign != null,
        { what: `${name} hears the claim` },
      );
    await claimed(owner);
    await eventually(
      () => lan.cluster.kubectl("get", "service", "web", "-o", path),
      (reason) => reason === "AddressClaimed",
      { what: "the Service says so" },
    );
    await claimed(await faulty.terminate(owner));
    await runIn(router, "ip", "address", "delete", `${VIP}/32`, "dev", "eth0");
  });
});
