import fc from "fast-check";

// The same examples for each mutant, so that the same mutants are noticed each time; fewer of them, since there are
// thousands of mutants.
fc.configureGlobal({ seed: 1, numRuns: 30 });
