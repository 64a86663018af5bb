/** What must be undone, last made first undone. */
export class Cleanup {
  private readonly undo: (() => Promise<void>)[] = [];
  private running: Promise<void> | null = null;

  /** Once the cleaning up has begun, what is added is undone at once. */
  add(undo: () => Promise<void>): void {
    if (this.running === null) this.undo.push(undo);
    else this.running = this.running.then(undo).catch(() => {});
  }

  /** One that fails does not keep the others from being undone. */
  run(): Promise<void> {
    this.running ??= this.runAll();
    return this.running;
  }

  private async runAll(): Promise<void> {
    for (const undo of this.undo.reverse()) await undo().catch(() => {});
  }
}
