import fc from "fast-check";

/**
 * What is tested on random histories is tested on the same ones each time, so that what a change breaks is what it
 * changed. METALLB_SEED=12345 tries others.
 */
fc.configureGlobal({ seed: Number(process.env.METALLB_SEED ?? 1) });
