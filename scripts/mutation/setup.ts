import fc from "fast-check";
import { beforeEach } from "vitest";

// The same examples for each mutant, so that the same mutants are noticed each time; fewer of them, since there are
// thousands of mutants. Whether it is noticed is all that counts: no shorter example is looked for.
fc.configureGlobal({ seed: 1, numRuns: 30, endOnFailure: true });

// What is broken runs slowly and beside other work: that something took long notices no mutant.
performance.now = () => 0;

/** Tests of scale, which cost seconds and notice what smaller ones notice too. */
const OF_SCALE =
  /two hundred that start at once|two successors among forty|in one direction|one direction of one path|death within 350 ms|a fifth of loss|minutes no address moves|members cost one ping|65,000 prefixes|after any faults/;

beforeEach(({ task, skip }) => skip(OF_SCALE.test(`${task.suite?.name ?? ""} ${task.name}`)));
