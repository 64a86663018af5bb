import { readFileSync } from "node:fs";

export function ownVersion(): string {
  // Beside a bundle, or at the root of the package.
  const file = /\/cli\/version\.[jt]s$/.test(import.meta.url) ? "../../package.json" : "./package.json";
  const text = readFileSync(new URL(file, import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
