/**
 * Loaded into a process before its own code (`node --import`): its clocks go as a file says that may change at any
 * time. `jump` moves the clock on the wall, in every thread, as an administrator or a time server does. `speed`
 * is how many milliseconds of the main thread pass in a real one, by its timers and the clock that never goes back;
 * other threads, and what the kernel keeps time for, go on as they are.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { isMainThread, threadId } from "node:worker_threads";

const file = process.env.METALLB_TEST_CLOCK ?? "";
const POLL = 10;

const real = {
  now: performance.now.bind(performance),
  date: Date.now.bind(Date),
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
};

let text = "";
let jump = 0;
let speed = 1;
/** Where the warped clock and the real one were when the speed last changed. */
let anchor = { virtual: real.now(), real: real.now() };
const virtual = (): number => anchor.virtual + (real.now() - anchor.real) * speed;

performance.now = virtual;
const RealDate = Date;
const wallClock = (): number => Math.round(real.date() + jump + virtual() - real.now());
globalThis.Date = class extends RealDate {
  constructor(...args: readonly unknown[]) {
    if (args.length === 0) super(wallClock());
    else super(...(args as [number]));
  }
  static override now(): number {
    return wallClock();
  }
} as DateConstructor;

type Call = (...args: never[]) => void;

/** A timer of the warped clock; when the speed changes it is set anew. */
class Timer {
  private readonly call: () => void;
  private readonly delay: number;
  private readonly repeats: boolean;
  private due = 0;
  private handle: NodeJS.Timeout | null = null;
  private holds = true;

  constructor(call: () => void, delay: number, repeats: boolean) {
    this.call = call;
    this.delay = delay;
    this.repeats = repeats;
    this.refresh();
  }
  refresh(): this {
    this.due = virtual() + this.delay;
    this.set();
    return this;
  }
  set(): void {
    if (this.handle) real.clearTimeout(this.handle);
    this.handle = real.setTimeout(() => this.fire(), Math.max(0, (this.due - virtual()) / speed));
    if (!this.holds) this.handle.unref();
    timers.add(this);
  }
  close(): this {
    if (this.handle) real.clearTimeout(this.handle);
    this.handle = null;
    timers.delete(this);
    return this;
  }
  ref(): this {
    this.holds = true;
    this.handle?.ref();
    return this;
  }
  unref(): this {
    this.holds = false;
    this.handle?.unref();
    return this;
  }
  hasRef(): boolean {
    return this.holds;
  }
  [Symbol.dispose](): void {
    this.close();
  }
  private fire(): void {
    this.close();
    if (this.repeats) this.refresh();
    this.call();
  }
}
const timers = new Set<Timer>();

if (isMainThread) {
  const timer =
    (repeats: boolean) =>
    (call: Call, delay: number | undefined, ...args: never[]) =>
      new Timer(() => call(...args), Math.max(1, delay ?? 1), repeats);
  const clear = (found: unknown): void => {
    if (found instanceof Timer) found.close();
    else real.clearTimeout(found as NodeJS.Timeout);
  };
  Object.assign(globalThis, {
    setTimeout: timer(false),
    setInterval: timer(true),
    clearTimeout: clear,
    clearInterval: clear,
  });
  AbortSignal.timeout = (delay) => {
    const controller = new AbortController();
    const abort = () => controller.abort(new DOMException("The operation was aborted due to timeout", "TimeoutError"));
    setTimeout(abort, delay).unref();
    return controller.signal;
  };
}

function look(): void {
  let now: string;
  try {
    now = readFileSync(file, "utf8");
  } catch {
    return;
  }
  if (now === text || !now.endsWith("\n")) return;
  text = now;
  const wanted = JSON.parse(now) as { readonly jump: number; readonly speed: number };
  jump = wanted.jump;
  if (isMainThread) {
    anchor = { virtual: virtual(), real: real.now() };
    speed = wanted.speed;
    for (const timer of [...timers]) timer.set();
  }
  writeFileSync(`${file}.${threadId}`, now);
}
look();
real.setInterval(look, POLL).unref();
