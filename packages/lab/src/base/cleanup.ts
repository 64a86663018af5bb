/** What must be undone, last made first undone. */
export class Cleanup {
  readonly #undo: (() => Promise<void>)[] = [];
  #running: Promise<void> | null = null;

  /** Once the cleaning up has begun, what is added is undone at once. */
  add(undo: () => Promise<void>): void {
    if (this.#running === null) this.#undo.push(undo);
    else this.#running = this.#running.then(undo).catch(() => {});
  }

  /** One that fails does not keep the others from being undone. */
  run(): Promise<void> {
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    for (const undo of this.#undo.reverse()) await undo().catch(() => {});
  }
}
