import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** What the sink counted on one session; times in milliseconds of CLOCK_MONOTONIC. */
export interface SinkSession {
  readonly remote: string;
  readonly established: number;
  readonly last: number;
  readonly updates: number;
  readonly updateBytes: number;
  readonly announced: number;
  readonly withdrawn: number;
}

type Report =
  | { readonly kind: "listening"; readonly port: number }
  | { readonly kind: "expecting" | "dropped" }
  | { readonly kind: "established" | "closed"; readonly remote: string; readonly at?: number }
  | { readonly kind: "reached"; readonly sessions: readonly SinkSession[] };

/** The measuring peer in a process of its own; see `sink.ts`. */
export class Sink {
  private readonly child: ChildProcess;
  private readonly waiting: { readonly kind: Report["kind"]; readonly resolve: (report: Report) => void }[] = [];
  private readonly unread: Report[] = [];

  constructor(options: { readonly host: string; readonly port: number; readonly asn: number }) {
    const arguments_ = [`${import.meta.dirname}/sink.ts`, options.host, String(options.port), String(options.asn)];
    this.child = spawn(process.execPath, arguments_, { stdio: ["pipe", "pipe", "inherit"] });
    if (this.child.stdout)
      createInterface({ input: this.child.stdout }).on("line", (line) => this.take(JSON.parse(line)));
  }

  private take(report: Report): void {
    const index = this.waiting.findIndex((entry) => entry.kind === report.kind);
    if (index >= 0) this.waiting.splice(index, 1)[0]?.resolve(report);
    else this.unread.push(report);
  }

  private next<K extends Report["kind"]>(kind: K, seconds: number): Promise<Extract<Report, { kind: K }>> {
    const index = this.unread.findIndex((report) => report.kind === kind);
    if (index >= 0) return Promise.resolve(this.unread.splice(index, 1)[0] as Extract<Report, { kind: K }>);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the sink saw no "${kind}" in ${seconds} s`)), seconds * 1000);
      this.waiting.push({
        kind,
        resolve: (report) => {
          clearTimeout(timer);
          resolve(report as Extract<Report, { kind: K }>);
        },
      });
    });
  }

  private tell(command: string): void {
    this.child.stdin?.write(`${command}\n`);
  }

  async listen(): Promise<number> {
    this.tell("listen");
    return (await this.next("listening", 5)).port;
  }

  /** Counts from zero; resolves `reached` once so many sessions have each read so many prefixes. */
  async expect(prefixes: number, sessions = 1): Promise<void> {
    this.tell(`expect ${prefixes} ${sessions}`);
    await this.next("expecting", 5);
  }

  async reached(seconds: number): Promise<readonly SinkSession[]> {
    return (await this.next("reached", seconds)).sessions;
  }

  async established(seconds: number): Promise<void> {
    await this.next("established", seconds);
  }

  /** Stops listening and resets every connection. */
  async drop(): Promise<void> {
    this.tell("drop");
    await this.next("dropped", 5);
    this.unread.length = 0;
  }

  async close(): Promise<void> {
    this.child.stdin?.end();
    if (this.child.exitCode === null) await new Promise((resolve) => this.child.once("exit", resolve));
  }
}

/** Milliseconds of CLOCK_MONOTONIC, the clock that the sink reports in. */
export const monotonic = (): number => Number(process.hrtime.bigint()) / 1e6;
