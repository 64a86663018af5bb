import fc from "fast-check";
import { beforeEach, vi } from "vitest";

const RUNS = 30;

// The same examples for each mutant, so that the same mutants are noticed each time; fewer of them, since there are
// thousands of mutants. Whether it is noticed is all that counts: no shorter example is looked for.
fc.configureGlobal({ seed: 1, numRuns: RUNS, endOnFailure: true });

// Also where a property names a number of its own: a sixth of a small one, since then each example is long.
vi.mock(import("fast-check"), async (original) => {
  const real = await original();
  const assert = (property: Parameters<typeof real.assert>[0], parameters?: Parameters<typeof real.assert>[1]) =>
    real.assert(property, { ...parameters, numRuns: Math.min(Math.ceil((parameters?.numRuns ?? 6 * RUNS) / 6), RUNS) });
  return { ...real, default: { ...real.default, assert: assert as typeof real.assert } };
});

// What is broken runs slowly and beside other work: that something took long notices no mutant.
performance.now = () => 0;

/** Tests of scale, which cost seconds and notice what smaller ones notice too. */
const OF_SCALE =
  /two hundred that start at once|two successors among forty|in one direction|one direction of one path|death within 350 ms|a fifth of loss|minutes no address moves|members cost one ping|65,000 prefixes|after any faults|many come and go in any order|\b(10|50|100)000 prefixes/;

beforeEach(({ task, skip }) => skip(OF_SCALE.test(`${task.suite?.name ?? ""} ${task.name}`)));
