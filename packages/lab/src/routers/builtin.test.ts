import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { decodeNotification, ERROR, encodeKeepalive, encodeOpen, Framer, MESSAGE } from "metallb/bgp";
import { ip } from "metallb/net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePort, until } from "#base";
import { startBuiltin } from "./builtin.ts";
import { type Router, type RouterDescription, RouterUnavailable } from "./router.ts";

const ROUTER = "127.77.251.1";
const SPEAKER = "127.77.251.11";
const place = { name: "router", address: ROUTER, address6: null, command: (argv: readonly string[]) => argv };

/** ORIGIN IGP, AS_PATH 64500, NEXT_HOP 127.77.251.11, COMMUNITIES 65000:100, LARGE_COMMUNITIES 1:2:3. */
const ATTRIBUTES = "40010100 4002060201 0000fbf4 400304 7f4dfb0b c00804 fde80064 c0200c 000000010000000200000003";

/** An UPDATE with these withdrawn prefixes, attributes and announced prefixes, all in hex. */
function update(withdrawn: string, attributes: string, announced: string): Buffer {
  const parts = [withdrawn, attributes, announced].map((text) => Buffer.from(text.replaceAll(" ", ""), "hex"));
  const [gone = Buffer.of(), attribute = Buffer.of(), nlri = Buffer.of()] = parts;
  const header = Buffer.alloc(23, 0xff);
  header.writeUInt16BE(23 + gone.length + attribute.length + nlri.length, 16);
  header.writeUInt8(MESSAGE.update, 18);
  header.writeUInt16BE(gone.length, 19);
  const message = Buffer.concat([header.subarray(0, 21), gone, Buffer.alloc(2), attribute, nlri]);
  message.writeUInt16BE(attribute.length, 21 + gone.length);
  return message;
}

describe("the built-in router", () => {
  let router: Router;
  let description: RouterDescription;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    description = {
      asn: 64512,
      routerId: ROUTER,
      port: await freePort(),
      listen: [ROUTER],
      neighbours: [
        {
          name: "node-1",
          address: SPEAKER,
          asn: 64500,
          holdTime: 3,
          families: ["ipv4-unicast", "ipv6-unicast"],
          password: null,
        },
      ],
      installRoutes: false,
    };
    router = await startBuiltin(place, description, "");
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await router.close();
  });

  /** A speaker by hand. `heard` are the types of all messages so far. */
  async function speak(asn = 64500) {
    const socket = connect({ port: description.port, host: ROUTER, localAddress: SPEAKER });
    sockets.push(socket);
    socket.on("error", () => {});
    const heard: number[] = [];
    const codes: number[] = [];
    const framer = new Framer();
    socket.on("data", (bytes: Uint8Array) => {
      for (const frame of framer.push(bytes)) {
        if (!frame.ok) continue;
        heard.push(frame.value.type);
        if (frame.value.type === MESSAGE.notification) codes.push(decodeNotification(frame.value.body).code);
      }
    });
    await once(socket, "connect");
    const capabilities = {
      families: ["ipv4-unicast"] as const,
      routeRefresh: false,
      enhancedRouteRefresh: false,
      extendedMessage: false,
      extendedNextHop: false,
      fourOctetAs: asn,
      gracefulRestart: null,
    };
    socket.write(encodeOpen({ as: asn, holdTime: 90, identifier: ip(4, 1n), capabilities }));
    return { socket, heard, codes };
  }

  const established = () =>
    until(async () => ((await router.sessions())[0]?.established === true ? true : null), {
      limit: 2_000,
      late: () => "not established",
    });
  const routes = (count: number) =>
    until(
      async () => {
        const known = await router.routes();
        return known.length === count ? known : null;
      },
      { limit: 5_000, late: () => `not ${count} routes` },
    );

  it("learns and forgets what a speaker says", async () => {
    const { socket } = await speak();
    socket.write(encodeKeepalive());
    await established();
    socket.write(update("", ATTRIBUTES, "20cb007101 20cb007102"));
    expect(await routes(2)).toContainEqual({
      prefix: "203.0.113.1/32",
      paths: [
        {
          from: "node-1",
          nextHop: SPEAKER,
          asPath: [64500],
          localPref: null,
          med: null,
          communities: ["65000:100"],
          largeCommunities: ["1:2:3"],
        },
      ],
    });
    socket.write(update("20cb007101", "", ""));
    expect((await routes(1))[0]?.prefix).toBe("203.0.113.2/32");
    socket.destroy();
    await routes(0);
    expect((await router.sessions())[0]).toMatchObject({ established: false, state: "Active" });
  });

  it("finds a silent speaker at the hold time, which is the smaller of both", async () => {
    const { socket, heard, codes } = await speak();
    socket.write(encodeKeepalive());
    await established();
    socket.write(update("", ATTRIBUTES, "20cb007101"));
    await routes(1);
    const silentSince = performance.now();
    await routes(0);
    expect(performance.now() - silentSince).toBeGreaterThan(2_500);
    await until(() => (codes.length > 0 ? true : null), { limit: 1_000, late: () => "no NOTIFICATION" });
    expect(codes).toEqual([ERROR.holdTimer]);
    // One a second, and one for the OPEN.
    expect(heard.filter((type) => type === MESSAGE.keepalive).length).toBeGreaterThanOrEqual(3);
  });

  it("refuses another AS than it was told of, and strangers", async () => {
    const { socket, codes } = await speak(64999);
    await once(socket, "close");
    expect(codes).toEqual([ERROR.open]);
    const stranger = connect({ port: description.port, host: ROUTER, localAddress: "127.77.251.99" });
    sockets.push(stranger);
    stranger.on("error", () => {});
    stranger.resume();
    await once(stranger, "close");
  });

  it("stays with the session that is established", async () => {
    const first = await speak();
    first.socket.write(encodeKeepalive());
    await established();
    const second = await speak();
    await once(second.socket, "close");
    expect(second.codes).toEqual([ERROR.cease]);
    expect((await router.sessions())[0]?.established).toBe(true);
  });

  it("answers garbage with a NOTIFICATION and goes on", async () => {
    const { socket, codes } = await speak();
    socket.write(Buffer.alloc(64, 7));
    await once(socket, "close");
    expect(codes).toEqual([ERROR.header]);
    const next = await speak();
    next.socket.write(encodeKeepalive());
    await established();
  });

  it("says what it cannot do, and that its port is taken", async () => {
    await expect(startBuiltin(place, { ...description, installRoutes: true }, "")).rejects.toThrow(RouterUnavailable);
    await expect(startBuiltin(place, description, "")).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});
