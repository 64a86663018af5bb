import { expect, it } from "vitest";
import { decodeDump, encodeDump } from "./dump.ts";
import { encodeRouteRefresh } from "./packet/route-refresh.ts";
import { replay } from "./replay.ts";
import { storyOf } from "./story.ts";
import { address, announce, Bench, PLAIN, withdraw } from "./testing.ts";

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

it.each([
  ["", "no JSON"],
  ["[]", "no dump"],
  ['{"format":"metallb-bgp-dump/1","events":[{}]}', "event 1 is none"],
  [
    '{"format":"metallb-bgp-dump/1","events":[{"number":1,"at":0,"leftOut":0,"random":[2],"event":{"kind":"time"}}]}',
    "1",
  ],
  [
    '{"format":"metallb-bgp-dump/1","events":[{"number":1,"at":0,"leftOut":0,"random":[],"event":{"kind":"toString"}}]}',
    "1",
  ],
])("is refused where it is something else: %s", (text, error) => {
  const read = decodeDump(text);
  expect(read.ok ? "" : read.error).toContain(error);
});
