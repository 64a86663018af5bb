import { createWriteStream } from "node:fs";
import { backoff } from "metallb/net";
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
/** Until a program that ended is started again: longer each time it does not last. */
const PAUSE = { first: 1_000, max: 10_000 };

/** A program that is started again whenever it ends by itself, as a kubelet would. */
export class Supervised {
  readonly name: string;
  private readonly options: SupervisedOptions;
  private child: Child | null = null;
  private restarts = 0;
  private lastEnding = "";
  /** Endings in a row that came too soon. */
  private failures = 0;
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
      this.failures = performance.now() - startedAt > PAUSE.max ? 1 : this.failures + 1;
      this.timer = setTimeout(() => this.again(), backoff(PAUSE, this.failures, Math.random()));
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
