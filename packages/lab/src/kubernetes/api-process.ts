/**
 * The embedded Kubernetes API as a program of its own: `api-process.ts PORT KUBECONFIG [DATA-FOLDER]`.
 * Apart from the lab, so that a request which holds the API up never holds up the lab, its cables and Ctrl-C.
 * Says one line of JSON when it serves ({@link ApiAnswer}); the kubeconfig, which holds a secret, goes to its file.
 */
import { writeFileSync } from "node:fs";
import { runEndpointSlices, startApiServer } from "@metallb-ts/apiserver";

/** What the first line of output holds. */
export type ApiAnswer =
  | { readonly url: string }
  | { readonly error: string; readonly code: string; readonly syscall: string };

const [port = "0", kubeconfig = "", dataFolder = null] = process.argv.slice(2);

const say = (answer: ApiAnswer) => console.log(JSON.stringify(answer));

try {
  const server = await startApiServer({ host: "127.0.0.1", port: Number(port), dataFolder, name: "metallb-lab" });
  const stopSlices = runEndpointSlices(server.cluster);
  writeFileSync(kubeconfig, server.kubeconfig, { mode: 0o600 });
  process.once("SIGTERM", () => {
    stopSlices();
    void server.close().then(() => process.exit(0));
  });
  say({ url: server.url });
} catch (error) {
  const { code = "", syscall = "", message } = error as NodeJS.ErrnoException;
  say({ error: message, code, syscall });
  process.exitCode = 1;
}
