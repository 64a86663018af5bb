import type { Instant } from "#net";

/** Milliseconds of the machine's clock that never goes back, the same in all threads of a process. */
export const machineClock = (): Instant => Number(process.hrtime.bigint() / 1_000n) / 1_000;
