import { expect, it } from "vitest";
import { isEligible, LAN } from "./index.ts";
import { SimulatedLan } from "./testing.ts";

// A thousand members with CI=true, which takes half a minute of a processor; a hundred otherwise.

const isWhole = process.env.CI === "true" || process.env.METALLB_SIMULATION === "full";
const MEMBERS = isWhole ? 1_000 : 100;
const PARTED = 20;
const LOST = 50;

it(`of ${MEMBERS} members one dies, a few are cut off for a while, and paths work one way only`, {
  timeout: 900_000,
}, () => {
  const on = new SimulatedLan(5);
  on.add(MEMBERS, { config: { ...LAN, enableCompression: false }, know: true });
  const isApart = (index: number): boolean => index < PARTED;
  const tellings = (from: number, of: (seer: number, seen: number) => boolean) =>
    on.nodes.flatMap(({ index, told }) =>
      told.filter(
        ({ at, report }) =>
          at >= from && report.state === "dead" && of(index, Number(report.name.slice("node-".length))),
      ),
    );
  /** Datagrams that a member sends a second while so much time passes. */
  const rateOf = (milliseconds: number): number => {
    const before = on.datagrams;
    on.run(milliseconds);
    return ((on.datagrams - before) / MEMBERS / milliseconds) * 1_000;
  };

  // Each says of itself that it is there.
  on.run(10_000);
  const quiet = rateOf(5_000);
  on.reaches = (a, b) => !(a === 4 && b === 3) && (a * 31 + b * 17) % 100 !== 0;
  const oneWay = rateOf(10_000);
  on.reaches = () => true;
  expect(tellings(0, () => true)).toEqual([]);

  const diedAt = on.now;
  on.node(LOST).dead = true;
  const death = rateOf(40_000);
  const heard = tellings(diedAt, (_, seen) => seen === LOST).map(({ at }) => at - diedAt);
  expect(heard).toHaveLength(MEMBERS - 1);
  expect(tellings(0, (_, seen) => seen !== LOST)).toEqual([]);

  on.reaches = (a, b) => isApart(a) === isApart(b);
  // Shorter than any suspicion lasts.
  const partition = rateOf(6_000);
  on.reaches = () => true;
  const healing = rateOf(40_000);
  expect(tellings(0, (_, seen) => seen !== LOST)).toEqual([]);
  const wrong = on.nodes
    .filter(({ dead }) => !dead)
    .flatMap(({ name, engine }) =>
      engine
        .members()
        .filter((member) => isEligible(member.state) === (member.name === `node-${LOST}`))
        .map((member) => `${name} takes ${member.name} for ${member.state}`),
    );
  expect(wrong).toEqual([]);

  const seconds = (milliseconds: number): string => `${(milliseconds / 1_000).toFixed(1)} s`;
  const rates = Object.entries({ quiet, oneWay, death, partition, healing })
    .map(([what, rate]) => `${what} ${rate.toFixed(1)}`)
    .join(", ");
  console.info(
    `${MEMBERS} members: a death is known to the first after ${seconds(Math.min(...heard))}, to all after ${seconds(Math.max(...heard))}; datagrams a member a second: ${rates}`,
  );
  expect(quiet).toBeLessThan(3);
  expect(Math.max(...heard)).toBeLessThan(35_000);
});
