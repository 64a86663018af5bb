import { existsSync } from "node:fs";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { eventually, projectFile } from "./programs.ts";

/** The clocks of a process that is started with `env`: see `warped-clock.ts`. */
export class Warp {
  readonly env: Readonly<Record<string, string>>;
  private readonly folder: string;
  private readonly file: string;
  private state = { jump: 0, speed: 1 };

  static async open(): Promise<Warp> {
    const warp = new Warp(await mkdtemp(join(tmpdir(), "metallb-clock-")));
    await warp.set(warp.state);
    return warp;
  }

  private constructor(folder: string) {
    this.folder = folder;
    this.file = join(folder, "clock");
    const preload = pathToFileURL(projectFile("test/support/warped-clock.ts")).href;
    this.env = {
      METALLB_TEST_CLOCK: this.file,
      NODE_OPTIONS: [process.env.NODE_OPTIONS ?? "", `--import=${preload}`].join(" ").trim(),
    };
  }

  /** Puts the clock on the wall so many milliseconds off; resolves when the main thread sees it. */
  jump(milliseconds: number): Promise<void> {
    return this.set({ ...this.state, jump: milliseconds });
  }

  /** Milliseconds of the main thread that pass in a real one. */
  speed(factor: number): Promise<void> {
    return this.set({ ...this.state, speed: factor });
  }

  /** Resolves when so many milliseconds of the main thread have passed, at the speed that is set. */
  pass(milliseconds: number): Promise<void> {
    return pause(milliseconds / this.state.speed);
  }

  close(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }

  private async set(state: { readonly jump: number; readonly speed: number }): Promise<void> {
    this.state = state;
    const text = `${JSON.stringify(state)}\n`;
    await writeFile(`${this.file}.new`, text);
    await rename(`${this.file}.new`, this.file);
    // A process that starts later, or is about to, reads it first of all.
    if (!existsSync(`${this.file}.0`)) return;
    await eventually(
      () => readFile(`${this.file}.0`, "utf8"),
      (seen) => seen === text,
      { what: "the process does not look at its clock" },
    );
  }
}
