import { createHash } from "node:crypto";
import { realpathSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a socket's path may be long on every system (sun_path is 104 bytes on macOS). */
const MAX_PATH = 100;

/**
 * One process per folder, by a socket that only a living process can hold: a killed one leaves nothing
 * that blocks. Returns how to let it go. @throws Error when another process holds it
 */
export async function lockFolder(folder: string): Promise<() => void> {
  const direct = join(realpathSync(folder), "lock.sock");
  const short = join(tmpdir(), `kubernetes-${createHash("sha256").update(direct).digest("hex").slice(0, 16)}.sock`);
  const path = direct.length <= MAX_PATH ? direct : short;
  let server = await hold(path);
  if (!server && !(await isHeld(path))) {
    rmSync(path, { force: true });
    server = await hold(path);
  }
  if (!server) throw new Error(`${folder} is in use by another process`);
  const held = server;
  return () => {
    held.close();
  };
}

/** The listening socket; null where the path exists. */
function hold(path: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((client) => client.destroy()).unref();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(null);
      else reject(error);
    });
    server.listen(path, () => resolve(server));
  });
}

function isHeld(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
