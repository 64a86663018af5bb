import { createWriteStream } from "node:fs";
import type { ProcessView } from "metallb/view";
import { type Child, startChild } from "#base";

export interface SupervisedOptions {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Where its output goes; begun anew when it has grown to LOG_BYTES. */
  readonly logFile: string;
  /** Told after each start and each ending. */
  readonly onChange: () => void;
}

const LOG_BYTES = 10 * 1024 * 1024;
/** Milliseconds until a program that ended is started again: doubled each time it does not last. */
const FIRST_PAUSE = 1_000;
const LAST_PAUSE = 10_000;

/** A program that is started again whenever it ends by itself, as a kubelet would. */
export class Supervised {
  readonly name: string;
  private readonly options: SupervisedOptions;
  private child: Child | null = null;
  private restarts = 0;
  private lastEnding = "";
  private pause = FIRST_PAUSE;
  private timer: NodeJS.Timeout | null = null;
  private stopping = false;

  constructor(options: SupervisedOptions) {
    this.name = options.name;
    this.options = options;
  }

  /** Rejects when it cannot be started at all. */
  async start(): Promise<void> {
    const { name, argv, env, logFile, onChange } = this.options;
    let log = createWriteStream(logFile, { mode: 0o600 });
    let written = 0;
    const child = await startChild({
      name,
      argv,
      env,
      grace: 5_000,
      onLine: (line) => {
        written += line.length + 1;
        if (written > LOG_BYTES) {
          log.end();
          log = createWriteStream(logFile, { mode: 0o600 });
          written = 0;
        }
        log.write(`${line}\n`);
      },
    });
    const startedAt = performance.now();
    this.child = child;
    void child.ended.then((ending) => {
      log.end();
      if (this.stopping) return;
      this.lastEnding = ending;
      const lasted = performance.now() - startedAt > LAST_PAUSE;
      this.pause = lasted ? FIRST_PAUSE : Math.min(this.pause * 2, LAST_PAUSE);
      this.timer = setTimeout(() => this.again(), lasted || this.restarts === 0 ? FIRST_PAUSE : this.pause);
      onChange();
    });
    if (this.stopping) await child.stop();
    onChange();
  }

  private again(): void {
    this.restarts++;
    this.start().catch((error: unknown) => {
      this.lastEnding = error instanceof Error ? error.message : String(error);
      this.options.onChange();
    });
  }

  get view(): ProcessView {
    const running = this.child !== null && this.child.ending() === null;
    const pid = running ? (this.child?.pid ?? null) : null;
    return {
      running,
      title: pid === null ? "" : `process ${pid}`,
      pid,
      restarts: this.restarts,
      lastEnding: this.lastEnding,
    };
  }

  /** The last lines that it wrote. */
  tail(): readonly string[] {
    return this.child?.tail() ?? [];
  }

  async stop(): Promise<void> {
    this.stopping = true;
    if (this.timer !== null) clearTimeout(this.timer);
    await this.child?.stop();
  }
}
