import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import { main } from "./main.ts";

export interface Said {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in a folder with these files, and hears what it says. */
export async function run(args: readonly string[], files: Readonly<Record<string, string>> = {}): Promise<Said> {
  const folder = await mkdtemp(join(tmpdir(), "metallb-cli-"));
  const out: string[] = [];
  const errors: string[] = [];
  const spies = [
    vi.spyOn(process.stdout, "write").mockImplementation((text) => out.push(String(text)) > 0),
    vi.spyOn(console, "log").mockImplementation((text: unknown) => void out.push(`${String(text)}\n`)),
    vi.spyOn(console, "error").mockImplementation((text: unknown) => void errors.push(`${String(text)}\n`)),
  ];
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    const exitCode = await main(args.map((arg) => (arg in files ? join(folder, arg) : arg)));
    const plain = (texts: readonly string[]): string => texts.join("").replaceAll(`${folder}/`, "");
    return { exitCode, stdout: plain(out), stderr: plain(errors) };
  } finally {
    for (const spy of spies) spy.mockRestore();
    await rm(folder, { recursive: true, force: true });
  }
}
