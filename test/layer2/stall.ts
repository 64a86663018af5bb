import { isMainThread } from "node:worker_threads";

// Loaded into a speaker before all else: its main thread stands still for two seconds at SIGUSR2, for ten at SIGWINCH.
const nothing = new Int32Array(new SharedArrayBuffer(4));
const stands = (milliseconds: number) => () => void Atomics.wait(nothing, 0, 0, milliseconds);

if (isMainThread) {
  process.on("SIGUSR2", stands(2_000));
  process.on("SIGWINCH", stands(10_000));
}
