import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Bench, capabilities, peerOpen } from "../testing.ts";
import type { Capabilities } from "./capabilities.ts";
import { type Frame, Framer } from "./framer.ts";
import { encodeKeepalive } from "./keepalive.ts";
import { decodeNotification, encodeNotification, notification, shutdown } from "./notification.ts";
import { describeNotification } from "./notification-text.ts";
import { decodeOpen, encodeOpen } from "./open.ts";
import { decodeRouteRefresh, encodeRouteRefresh } from "./route-refresh.ts";
import { decodeUpdate } from "./update.ts";

const octets = (maxLength = 200) => fc.uint8Array({ maxLength });

/** Octets that look like attributes: known types, plausible flags and lengths. */
const attributeLike = fc
  .array(
    fc.tuple(
      fc.constantFrom(0x40, 0x80, 0xc0, 0xd0, 0x50),
      fc.constantFrom(1, 2, 3, 4, 5, 6, 7, 8, 14, 15, 16, 17, 18, 32, 99),
      octets(40),
    ),
    { maxLength: 8 },
  )
  .map((list) =>
    list.flatMap(([flags, type, value]) => [
      flags,
      type,
      ...((flags & 0x10) !== 0 ? [value.length >> 8, value.length & 255] : [value.length]),
      ...value,
    ]),
  );

const updateLike = fc.tuple(octets(20), attributeLike, octets(20)).map(([gone, list, nlri]) => {
  const length = (n: number): number[] => [n >> 8, n & 255];
  return Uint8Array.from([...length(gone.length), ...gone, ...length(list.length), ...list, ...nlri]);
});

const message = fc.oneof(
  fc.constant(encodeKeepalive()),
  fc.constant(encodeOpen(peerOpen())),
  fc.constant(encodeRouteRefresh("ipv6-unicast", "request")),
  octets(2000).map((data) => encodeNotification(notification(6, 2, data))),
);

const family = fc.constantFrom("ipv4-unicast" as const, "ipv6-unicast" as const);

const anyCapabilities: fc.Arbitrary<Capabilities> = fc.record({
  families: fc.uniqueArray(family),
  extendedNextHop: fc.boolean(),
  routeRefresh: fc.boolean(),
  enhancedRouteRefresh: fc.boolean(),
  extendedMessage: fc.boolean(),
  fourOctetAs: fc.option(fc.nat(0xffffffff)),
  gracefulRestart: fc.option(
    fc.record({
      restarting: fc.boolean(),
      notification: fc.boolean(),
      restartTime: fc.nat(4095),
      families: fc.uniqueArray(fc.record({ family, forwarding: fc.boolean() }), { selector: (each) => each.family }),
    }),
  ),
});

function frames(pieces: readonly Uint8Array[], extended = false) {
  const framer = new Framer();
  framer.extended = extended;
  const all: (Frame | string)[] = [];
  for (const piece of pieces)
    for (const frame of framer.push(piece))
      all.push(
        frame.ok
          ? { type: frame.value.type, body: frame.value.body.slice() }
          : `${frame.error.code}/${frame.error.subcode}`,
      );
  return all;
}

const join = (parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));

function cut(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const length of lengths) {
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return [...pieces, bytes.subarray(at)];
}

describe("any octets", () => {
  it("are read without an exception by every decoder", () => {
    fc.assert(
      fc.property(fc.oneof(octets(), updateLike), fc.boolean(), (bytes, fourOctetAs) => {
        decodeOpen(bytes);
        decodeOpen(Uint8Array.of(4, ...bytes));
        decodeOpen(Uint8Array.of(4, 0, 1, 0, 90, 1, 2, 3, 4, bytes.length, ...bytes));
        decodeUpdate(bytes, { fourOctetAs, internal: true });
        decodeRouteRefresh(bytes, true);
        describeNotification(decodeNotification(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  it("as a stream end a session at most, in every state", () => {
    const start = [
      (bench: Bench) => {
        bench.set();
        bench.connected();
      },
      (bench: Bench) => {
        bench.set();
        bench.connected();
        bench.receive(encodeOpen(peerOpen()));
      },
      (bench: Bench) => {
        bench.establish();
      },
    ] as const;
    const garbage = fc.oneof(
      octets(100),
      fc.tuple(fc.constantFrom(1, 2, 3, 4, 5), fc.oneof(octets(60), updateLike)).map(([type, body]) => {
        const bytes = new Uint8Array(19 + body.length).fill(255, 0, 16);
        bytes.set([bytes.length >> 8, bytes.length & 255, type], 16);
        bytes.set(body, 19);
        return bytes;
      }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...start), fc.array(garbage, { maxLength: 5 }), (begin, stream) => {
        const bench = new Bench();
        begin(bench);
        for (const bytes of stream) bench.receive(bytes);
        bench.advance(200_000);
        expect(bench.engine.reports()).toHaveLength(1);
      }),
      { numRuns: 500 },
    );
  });
});

describe("framing", () => {
  it("does not depend on how the octets come", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), fc.array(fc.nat(60), { maxLength: 40 }), (messages, lengths) => {
        const whole = join(messages);
        const expected = frames([whole]);
        expect(expected).toHaveLength(messages.length);
        expect(frames(cut(whole, lengths))).toEqual(expected);
        expect(frames([...whole].map((octet) => Uint8Array.of(octet)))).toEqual(expected);
      }),
    );
  });

  it("does not depend on it when the octets are wrong either", () => {
    fc.assert(
      fc.property(message, octets(60), fc.array(fc.nat(9), { maxLength: 40 }), (first, rest, lengths) => {
        const whole = join([first, rest]);
        expect(frames(cut(whole, lengths))).toEqual(frames([whole]));
      }),
    );
  });

  const header = (length: number, type: number): Uint8Array =>
    Uint8Array.from([...Array.from({ length: 16 }, () => 255), length >> 8, length & 255, type]);

  const cases: readonly [string, Uint8Array, boolean, string][] = [
    ["18 octets", header(18, 4), false, "1/2"],
    ["a type that nobody knows", header(19, 6), false, "1/3"],
    ["type 0", header(19, 0), false, "1/3"],
    ["KEEPALIVE of 20 octets", header(20, 4), false, "1/2"],
    ["OPEN of 28 octets", header(28, 1), false, "1/2"],
    ["UPDATE of 22 octets", header(22, 2), false, "1/2"],
    ["NOTIFICATION of 20 octets", header(20, 3), false, "1/2"],
    ["ROUTE-REFRESH of 22 octets", header(22, 5), false, "1/2"],
    ["UPDATE of 4,097 octets", header(4097, 2), false, "1/2"],
    ["OPEN of 4,097 octets though long messages were agreed", header(4097, 1), true, "1/2"],
    ["a marker that is not ones", Uint8Array.of(0xfe, ...header(19, 4).subarray(1)), false, "1/1"],
  ];
  for (const [name, bytes, extended, error] of cases)
    it(`refuses ${name} with ${error}, once`, () => {
      expect(frames([bytes, encodeKeepalive()], extended)).toEqual([error]);
    });

  it("takes what has the greatest length", () => {
    for (const [length, extended] of [
      [4096, false],
      [65535, true],
    ] as const)
      expect(frames([header(length, 2), new Uint8Array(length - 19)], extended)).toHaveLength(1);
  });
});

describe("what is written is read again", () => {
  it("OPEN", () => {
    fc.assert(
      fc.property(anyCapabilities, fc.nat(0xffff), fc.nat(0xffff), (offered, as, holdTime) => {
        const open = peerOpen({ as, holdTime, capabilities: capabilities(offered) });
        expect(decodeOpen(encodeOpen(open).subarray(19))).toEqual({ ok: true, value: open });
      }),
    );
  });

  it("a shutdown text, cut at a whole character within 255 octets", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "é", "€", "😀"), maxLength: 300 });
    fc.assert(
      fc.property(text, (given) => {
        const { data } = decodeNotification(encodeNotification(shutdown(2, given)).subarray(19));
        const carried = new TextDecoder("utf-8", { fatal: true }).decode(data.subarray(1));
        expect(data[0]).toBe(data.length - 1);
        expect(given.startsWith(carried)).toBe(true);
        // As much as fits: the next character is at most four octets.
        if (carried !== given) expect(data[0]).toBeGreaterThan(255 - 4);
      }),
    );
  });
});

describe("a shutdown text (RFC 9003)", () => {
  const carried = (text: string) => {
    const { data } = shutdown(2, text);
    return [data[0], new TextDecoder("utf-8", { fatal: true }).decode(data.subarray(1))];
  };

  it("has at most 255 octets, and ends with a whole character", () => {
    expect(carried("")).toEqual([0, ""]);
    expect(carried("a".repeat(255))).toEqual([255, "a".repeat(255)]);
    expect(carried("a".repeat(256))).toEqual([255, "a".repeat(255)]);
    expect(carried("é".repeat(127))).toEqual([254, "é".repeat(127)]);
    expect(carried("é".repeat(128))).toEqual([254, "é".repeat(127)]);
    expect(carried("€".repeat(86))).toEqual([255, "€".repeat(85)]);
    expect(carried("😀".repeat(64))).toEqual([252, "😀".repeat(63)]);
    expect(carried(`${"a".repeat(252)}😀`)).toEqual([252, "a".repeat(252)]);
  });
});

describe("a notification in words", () => {
  it("shows the peer's text without control characters", () => {
    const text = describeNotification(shutdown(2, 'bye\n\u001b[31m"now"\u202e'));
    expect(text).toBe('cease: administrative shutdown ("bye\ufffd\ufffd[31m\ufffdnow\ufffd\ufffd")');
  });

  it("survives octets that are no text, and lengths that are wrong", () => {
    expect(describeNotification(notification(6, 2, Uint8Array.of(2, 0xff, 0xfe)))).toContain("\ufffd");
    expect(describeNotification(notification(6, 2, Uint8Array.of(9, 65)))).toBe("cease: administrative shutdown");
    expect(describeNotification(notification(99, 7))).toBe("code 99: subcode 7");
  });

  it("shows text of a shutdown and a reset alone, and only what is whole", () => {
    const said = (code: number, subcode: number, ...data: readonly number[]) =>
      describeNotification(notification(code, subcode, Uint8Array.from(data)));
    expect(said(6, 4, 1, 65)).toBe('cease: administrative reset ("A")');
    // What stands behind the text is not of it.
    expect(said(6, 2, 1, 65, 66)).toBe('cease: administrative shutdown ("A")');
    expect(said(6, 2, 2, 65)).toBe("cease: administrative shutdown");
    expect(said(6, 2, 3, 65)).toBe("cease: administrative shutdown");
    expect(said(6, 2, 0, 65)).toBe("cease: administrative shutdown");
    expect(said(6, 2)).toBe("cease: administrative shutdown");
    expect(said(6, 6, 1, 65)).toBe("cease: other configuration change");
    expect(said(2, 2, 1, 65)).toBe("OPEN message error: bad peer AS");
    expect(said(2, 4, 1, 65)).toBe("OPEN message error: unsupported optional parameter");
    expect(said(4, 0)).toBe("hold timer expired");
    expect(said(1, 9)).toBe("message header error: subcode 9");
  });

  it("unwraps a hard reset (RFC 8538)", () => {
    const hard = (...data: readonly number[]) => describeNotification(notification(6, 9, Uint8Array.from(data)));
    expect(hard(6, 4)).toBe("cease: hard reset (cease: administrative reset)");
    expect(hard(4, 0)).toBe("cease: hard reset (hold timer expired)");
    expect(hard(5, 9)).toBe("cease: hard reset (finite state machine error: subcode 9)");
    expect(hard(6)).toBe("cease: hard reset");
    expect(hard()).toBe("cease: hard reset");

    const inner = Uint8Array.of(6, 9, ...shutdown(2, "x").data);
    expect(describeNotification(notification(6, 9, Uint8Array.of(6, 2, 1, 120)))).toBe(
      'cease: hard reset (cease: administrative shutdown ("x"))',
    );
    expect(describeNotification(notification(6, 9, inner))).toBe("cease: hard reset");
  });
});
