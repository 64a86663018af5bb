import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import { eventually, type Program, runIn, startProgram } from "../support/programs.ts";
import { MatrixBench, ROUTER, SPEAKER } from "./matrix/bench.ts";
import type { RunningRouter } from "./matrix/make.ts";
import { MAKES } from "./matrix/makes.ts";

const BIRD = MAKES.find(({ part }) => part === "bird");
const V4 = "198.51.100.7/32";
const V6 = "2001:db8:51::7/128";

/** What tshark makes of the octets that the speaker sent: one line a packet. */
describeWith(["root", "namespaces", "bird", "tcpdump", "tshark"], "tshark, as a second opinion", () => {
  let bench: MatrixBench | undefined;
  let router: RunningRouter | undefined;
  let capture: Program | undefined;
  afterEach(async () => {
    await capture?.stop();
    await bench?.stopSpeaker();
    await router?.stop();
    await bench?.close();
  });

  it("reads every kind of message that we send, and finds nothing malformed", async () => {
    if (!BIRD) throw new Error("no BIRD");
    bench = await MatrixBench.open();
    const at = bench;
    const file = join(bench.folder, "bgp.pcap");
    capture = await startProgram(bench.router, [
      "tcpdump",
      "-i",
      "x0",
      "-U",
      "--immediate-mode",
      "-w",
      file,
      "tcp port 179",
    ]);
    const started = capture;
    await eventually(
      () => started.output(),
      (text) => text.includes("listening on"),
      { what: "tcpdump does not start" },
    );
    router = await BIRD.start(bench, { over: "four", families: ["ipv4", "ipv6"], graceful: true });
    const running = router;
    const attributes = {
      communities: [64500 * 65536 + 100],
      largeCommunities: [[64500, 1, 2] as const],
      med: 50,
      asPathPrepend: 2,
      linkBandwidth: 125_000,
    };
    bench.startSpeaker(
      { announce: [V4, V6], attributes },
      {
        peer: {
          address: ROUTER.four,
          families: ["ipv4-unicast", "ipv6-unicast"],
          gracefulRestart: true,
          holdTime: 3,
        },
      },
    );
    await bench.established();
    for (const route of [V4, V6])
      await eventually(
        () => running.route(route),
        (text) => text !== "",
        { what: `no route ${route}` },
      );
    await running.refresh?.();
    await eventually(
      () => at.counters("bgp"),
      (counted) => (counted?.routeRefreshesReceived ?? 0) > 0 && (counted?.keepalivesSent ?? 0) > 1,
      { what: "no refresh, or no keepalive" },
    );
    bench.say({ withdraw: [V4, V6] });
    for (const route of [V4, V6])
      await eventually(
        () => running.route(route),
        (text) => text === "",
        { what: `${route} stays` },
      );
    await bench.stopSpeaker("goodbye", "withdraw");
    const read = (filter: string, ...fields: readonly string[]) =>
      runIn(
        at.router,
        ...["tshark", "-r", file, "-Y", `ip.src == ${SPEAKER.four} && (${filter})`, "-T", "fields"],
        ...fields.flatMap((field) => ["-e", field]),
      );
    const types = await eventually(
      async () => new Set((await read("bgp", "bgp.type")).trim().split(/[\s,]+/)),
      (found) => found.has("3"),
      { what: "the goodbye was not captured", limit: 10_000 },
    );
    expect([...types].sort()).toEqual(["1", "2", "3", "4", "5"]);
    expect(await read("_ws.malformed || _ws.expert.severity == error", "_ws.expert.message")).toBe("");
    const open = await read("bgp.type == 1", "bgp.open.myas", "bgp.cap.type", "bgp.cap.4as");
    expect(open).toContain("64500");
    for (const capability of ["1", "2", "6", "64", "65", "70"])
      expect(open.split(/[\s,]+/), `capability ${capability}`).toContain(capability);
    const update = await read(
      "bgp.type == 2",
      ...["bgp.update.path_attribute.multi_exit_disc", "bgp.update.path_attribute.as_path_segment.as4"],
      "bgp.update.path_attribute.community_value",
      ...["bgp.update.path_attribute.next_hop", "bgp.update.path_attribute.mp_reach_nlri.next_hop.ipv6"],
    );
    for (const value of ["50", "64500,64500,64500", SPEAKER.four]) expect(update).toContain(value);
    // The marks of an enhanced refresh (RFC 7313) around the routes of each family.
    const refresh = await read("bgp.type == 5", "bgp.route_refresh.subtype");
    expect(refresh.trim().split(/[\s,]+/)).toEqual(["1", "2", "1", "2"]);
    const goodbye = await read("bgp.type == 3", "bgp.notify.major_error", "bgp.notify.minor_error_cease");
    expect(goodbye.trim().split(/\s+/)[0]).toBe("6");
  });
});
