import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { findProgram } from "#base";

let command: string | null = null;

/**
 * What to type for `metallb lab` in a second shell, from any folder: `npx metallb` would ask a registry for a
 * foreign package wherever this one is not installed. A lab that sudo started is root's, and so is its second shell.
 */
export function ownCommand(): string {
  command ??= `${process.env.SUDO_UID && process.getuid?.() === 0 ? "sudo " : ""}${quoted(program())} lab`;
  return command;
}

function program(): string {
  const own = fileURLToPath(new URL("bin/metallb", import.meta.resolve("metallb/package.json")));
  const known = findProgram("metallb");
  return known !== null && realpathSync(known) === realpathSync(own) ? "metallb" : own;
}

const quoted = (path: string): string => (/^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`);
