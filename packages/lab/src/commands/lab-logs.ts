import { open } from "node:fs/promises";
import { visible } from "metallb/terminal";
import { controlsOf } from "#processes";
import { findLab } from "./lab-remote.ts";

export interface LogOptions {
  readonly follow: boolean;
  /** How many of the last lines. */
  readonly tail: number;
}

const PERIOD = 300;
const PIECE = 64 * 1024;

/** Prints what the controller or a node's speaker has written; with `follow`, until Ctrl-C. */
export async function showLogs(name: string | null, of: string, { follow, tail }: LogOptions): Promise<void> {
  const lab = await findLab(name);
  const path = await controlsOf(lab.folder).logOf(of);
  const file = await open(path, "r");
  try {
    let text = await file.readFile("utf8");
    let position = Buffer.byteLength(text);
    const lines = text.split("\n");
    let rest = lines.pop() ?? "";
    for (const line of lines.slice(-tail)) console.log(visible(line));
    while (follow) {
      await new Promise((resolve) => setTimeout(resolve, PERIOD));
      // Begun anew when it has grown too large, and when its process was started again.
      if ((await file.stat()).size < position) position = 0;
      const { bytesRead, buffer } = await file.read(Buffer.alloc(PIECE), 0, PIECE, position);
      position += bytesRead;
      text = rest + buffer.toString("utf8", 0, bytesRead);
      const fresh = text.split("\n");
      rest = fresh.pop() ?? "";
      for (const line of fresh) console.log(visible(line));
    }
  } finally {
    await file.close();
  }
}
