import { accessSync, constants, statSync } from "node:fs";
import { mkdir } from "node:fs/promises";

/** Makes the folder of `--data` where it is missing. Rejects, naming the path and the cause, when it cannot be used. */
export async function prepareDataFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Error(`--data ${folder}: ${causeOf(error)}`, { cause: error });
  }
  if (!statSync(folder).isDirectory()) throw new Error(`--data ${folder}: it is not a folder`);
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new Error(`--data ${folder}: ${causeOf(error)}`, { cause: error });
  }
}

function causeOf(error: unknown): string {
  const { code, message, path } = error as NodeJS.ErrnoException;
  switch (code) {
    case "EEXIST":
    case "ENOTDIR":
      return `${path ?? "it"} is a file, not a folder`;
    case "EACCES":
    case "EPERM":
      return "you may not write there: choose another folder, or change its owner";
    case "EROFS":
      return "the file system is read-only";
    case "ENOSPC":
      return "the disk is full";
    default:
      return message;
  }
}
