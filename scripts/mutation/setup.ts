import fc from "fast-check";
import { beforeEach, vi } from "vitest";

const RUNS = 30;

// The same examples for each mutant, so that the same mutants are noticed each time; fewer of them, since there are
// thousands of mutants.
fc.configureGlobal({ seed: 1, numRuns: RUNS });

// Also where a property names a number of its own.
vi.mock(import("fast-check"), async (original) => {
  const real = await original();
  const assert = (property: Parameters<typeof real.assert>[0], parameters?: Parameters<typeof real.assert>[1]) =>
    real.assert(property, { ...parameters, numRuns: Math.min(parameters?.numRuns ?? RUNS, RUNS) });
  return { ...real, default: { ...real.default, assert: assert as typeof real.assert } };
});

// What is broken runs slowly and beside other work: that something took long notices no mutant.
performance.now = () => 0;

/** Tests of scale, which cost seconds and notice what smaller ones notice too. */
const OF_SCALE =
  /two hundred that start at once|a fifth of loss|65,000 prefixes|after any faults|\b(10|50|100)000 prefixes/;

beforeEach(({ task, skip }) => skip(OF_SCALE.test(task.name)));
