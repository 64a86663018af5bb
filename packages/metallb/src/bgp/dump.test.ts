import { expect, it } from "vitest";
import { decodeDump, encodeDump } from "./dump.ts";
import { encodeRouteRefresh } from "./packet/route-refresh.ts";
import { replay } from "./replay.ts";
import { storyOf } from "./story.ts";
import { address, announce, Bench, PLAIN, peerSettings, withdraw } from "./testing.ts";

const SECRET = "correct horse";

/** A session that stands, has changed and has fallen. */
function lived(ringSize = 256) {
  const bench = new Bench(() => 0.25, ringSize);
  const live: string[] = [];
  const step = bench.step.bind(bench);
  bench.step = (event) => {
    const effects = step(event);
    live.push(JSON.stringify(effects.map(comparable)));
    return effects;
  };
  const blue = { ...PLAIN, communities: [7] };
  bench.routes(announce(["198.51.100.1/32", "198.51.100.2/32", "2001:db8::1/128"], blue));
  bench.establish({ password: SECRET });
  const link = { ipv4: null, ipv6: address("2001:db8:1::10"), linkLocal: null };
  bench.step({ kind: "link", connection: bench.connection, link });
  bench.drain();
  bench.routes(withdraw(["198.51.100.1/32"]));
  bench.drain();
  bench.receive(encodeRouteRefresh("ipv4-unicast", "request"));
  bench.advance(100_000);
  return { bench, live };
}

/** Effects as they are compared: a dump has no password, and so have they not. */
const comparable = (effect: object): unknown =>
  JSON.parse(
    JSON.stringify(effect, (key, value: unknown) =>
      key === "password" ? null : typeof value === "bigint" ? `${value}` : value,
    ),
  );

it("is read again as it was written, and led to the same octets", () => {
  const { bench, live } = lived();
  const text = encodeDump(bench.engine.recent());
  expect(text).not.toContain(SECRET);
  const events = decodeDump(text);
  if (!events.ok) throw new Error(events.error);
  const again = replay(events.value);
  expect(again.exact).toBe(true);
  expect(again.steps.map(({ effects }) => JSON.stringify(effects.map(comparable)))).toEqual(live);
  expect(again.reports[0]).toEqual(bench.report);
});

it("tells people what came and what was done, line by line", () => {
  const { bench } = lived();
  const { steps } = replay(bench.engine.recent());
  const story = steps.flatMap(({ event, effects }) => storyOf(event, effects, steps[0]?.event.at ?? 0)).join("\n");
  for (const line of [
    "+0.000 s  routes of table all: +3 −0",
    "peer router at 192.0.2.1:179",
    "    open connection 2 to router",
    "connection 2 received OPEN of AS 64512, hold time 90 s, identifier 192.0.2.1",
    "    session router is Established",
    "    send on 2: UPDATE +2 −0",
    "    send on 2: End-of-RIB ipv6-unicast",
    "connection 2 received ROUTE-REFRESH",
    "    send on 2: NOTIFICATION hold timer expired",
  ])
    expect(story).toContain(line);
});

it("says that it is not the whole story where the ring had lost the beginning", () => {
  const events = decodeDump(encodeDump(lived(5).bench.engine.recent()));
  expect(events.ok && events.value).toHaveLength(5);
  expect(events.ok && replay(events.value).exact).toBe(false);
});

it("is text for people: addresses as they are written, octets in hex", () => {
  const event = {
    kind: "connected",
    connection: 2,
    local: address("192.0.2.10"),
    remote: address("2001:db8::1"),
  } as const;
  const octets = { kind: "received", connection: 2, bytes: Uint8Array.of(0, 10, 255) } as const;
  const recorded = [event, octets].map((each, i) => ({
    number: i + 1,
    at: 0.5,
    event: each,
    random: [0, 1],
    leftOut: 0,
  }));
  const text = encodeDump(recorded);
  expect(text).toContain('"local":{"ip":"192.0.2.10"},"remote":{"ip":"2001:db8::1"}');
  expect(text).toContain('"bytes":{"hex":"000aff"}');
  // A line an event.
  expect(text.trimEnd().split("\n")).toHaveLength(4);
  expect(decodeDump(text)).toEqual({ ok: true, value: recorded });
});

/** An event as it stands in a file. */
const line = (overrides: object = {}, event: object = { kind: "time" }) => ({
  number: 1,
  at: 0,
  leftOut: 0,
  random: [0.5],
  event,
  ...overrides,
});

const dump = (events: unknown, format = "metallb-bgp-dump/1") => decodeDump(JSON.stringify({ format, events }));

it("takes only what it wrote itself for an address or for octets", () => {
  const read = (value: object) => {
    const events = dump([line({}, { kind: "time", value })]);
    const [first] = events.ok ? events.value : [];
    return (first?.event as { value?: unknown } | undefined)?.value;
  };
  expect(read({ ip: "192.0.2.1" })).toEqual(address("192.0.2.1"));
  expect(read({ ip: "192.0.2.1", port: 179 })).toEqual({ ip: "192.0.2.1", port: 179 });
  expect(read({ ip: 7 })).toEqual({ ip: 7 });
  expect(read({ ip: "192.0.2.256" })).toBeNull();
  expect(read({ hex: "0aff" })).toEqual(Uint8Array.of(10, 255));
  expect(read({ hex: "0a", more: 1 })).toEqual({ hex: "0a", more: 1 });
  expect(read({ hex: 7 })).toEqual({ hex: 7 });
});

it("makes equal attributes one object again, and leaves different ones apart", () => {
  const route = (communities: readonly number[]) => ({ attributes: { ...PLAIN, communities } });
  const change = { table: "all", announce: [route([1]), route([1]), route([2])], withdraw: [] };
  const events = dump([line({}, { kind: "routes", change })]);
  const event = events.ok ? events.value[0]?.event : undefined;
  if (event?.kind !== "routes") throw new Error("no routes");
  const [first, second, third] = event.change.announce.map(({ attributes }) => attributes);
  expect(second).toBe(first);
  expect(third).toEqual({ ...PLAIN, communities: [2] });
});

it("takes chance from 0 to 1, and numbers alone", () => {
  for (const random of [[], [0], [1], [0, 0.25, 1]]) expect(dump([line({ random })]).ok).toBe(true);
  for (const random of [[-0.1], [1.1], ["0.5"], [null], "0.5", 0.5, null, undefined, [0, 2]])
    expect(dump([line(), line({ random })])).toEqual({ ok: false, error: "its event 2 is none" });
});

it.each([
  { number: "1" },
  { number: undefined },
  { at: null },
  { leftOut: undefined },
  { event: null },
  { event: "time" },
  { event: {} },
  { event: { kind: "toString" } },
])("is refused where an event has %j", (wrong) => {
  expect(dump([line(wrong)])).toEqual({ ok: false, error: "its event 1 is none" });
});

it.each([
  "peer-set",
  "peer-removed",
  "routes",
  "connected",
  "connect-failed",
  "accepted",
  "guarded",
  "unguarded",
  "link",
  "received",
  "closed",
  "drained",
  "time",
  "peer-down",
  "peer-up",
  "drain",
  "shutdown",
])("knows the event %s", (kind) => {
  expect(dump([line({}, { kind })]).ok).toBe(true);
});

it("is refused where an event is no object", () => {
  for (const wrong of [null, 1, "time", []])
    expect(dump([line(), wrong])).toEqual({ ok: false, error: "its event 2 is none" });
});

it("has a hundred thousand events at most", () => {
  const many = Array.from({ length: 100_001 }, () => 1);
  expect(dump(many)).toMatchObject({ error: "it has more than 100000 events" });
  expect(dump(many.slice(1))).toMatchObject({ error: "its event 1 is none" });
});

it.each([
  ["", "it is no JSON"],
  ["[]", "it is no dump"],
  ["null", "it is no dump"],
  ["7", "it is no dump"],
  ['{"format":"metallb-bgp-dump/2","events":[]}', "it is no dump"],
  ['{"format":"metallb-bgp-dump/1"}', "it is no dump"],
  ['{"format":"metallb-bgp-dump/1","events":{"length":0}}', "it is no dump"],
])("is refused where it is something else: %s", (text, error) => {
  const read = decodeDump(text);
  expect(read.ok ? "" : read.error).toContain(error);
});

it("is replayed with what chance said then, and says where something was left out", () => {
  const [chance, later] = [0, 1];
  const start = { kind: "peer-set", settings: peerSettings(), fallbackRouterId: address("192.0.2.10") } as const;
  const wakes = (random: readonly number[], leftOut = 0) => {
    const { steps, exact } = replay([{ number: 1, at: 0, event: start, random, leftOut }]);
    return [steps[0]?.effects.flatMap((effect) => (effect.kind === "wake" ? [effect.at] : [])), exact];
  };
  expect(wakes([chance])).toEqual([[7_500], true]);
  expect(wakes([later])).toEqual([[10_000], true]);
  // What was not written down is in the middle.
  expect(wakes([])).toEqual([[8_750], true]);
  expect(wakes([chance], 1)).toEqual([[7_500], false]);
});
