import { closeSync, openSync, writeSync } from "node:fs";

const LIMIT = 20 * 1024 * 1024;

/** Keeps lines in a file; begun anew when it has grown to 20 MB. A full disk loses lines, nothing else. */
export function logTo(file: string): (line: string) => void {
  let descriptor = openSync(file, "w", 0o600);
  let written = 0;
  return (line) => {
    try {
      if (written > LIMIT) {
        closeSync(descriptor);
        descriptor = openSync(file, "w", 0o600);
        written = 0;
      }
      written += writeSync(descriptor, `${line}\n`);
    } catch {
      // Told above.
    }
  };
}
