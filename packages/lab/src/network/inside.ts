/**
 * Runs inside a network namespace, as a program of its own.
 *
 *     inside.ts listen PORT         listens on 127.0.0.1:PORT, hands the socket to its parent, ends
 *     inside.ts relay SOCKET PORT   carries connections of the unix socket to 127.0.0.1:PORT
 */
import { connect, createServer } from "node:net";

const [mode, ...rest] = process.argv.slice(2);

if (mode === "listen") {
  const server = createServer();
  server.listen(Number(rest[0]), "127.0.0.1", () => process.send?.("listening", server));
  process.once("disconnect", () => process.exit());
} else {
  const [path, port] = rest;
  createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ host: "127.0.0.1", port: Number(port), allowHalfOpen: true });
    near.on("error", () => far.destroy()).pipe(far);
    far.on("error", () => near.destroy()).pipe(near);
  }).listen(path, () => console.log("listening"));
}
