/**
 * The embedded Kubernetes API as a program of its own: `api-process.ts PORT KUBECONFIG PODS [DATA-FOLDER]`.
 * Apart from the lab, so that a request which holds the API up never holds up the lab, its cables and Ctrl-C.
 * Says one line of JSON when it serves ({@link ApiAnswer}); the kubeconfig, which holds a secret, goes to its file.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { type PodBackends, runEndpointSlices, startApiServer } from "@metallb-ts/apiserver";

/** What the first line of output holds. */
export type ApiAnswer =
  | { readonly url: string }
  | { readonly error: string; readonly code: string; readonly syscall: string };

const [port = "0", kubeconfig = "", podsFile = "", dataFolder = null] = process.argv.slice(2);

/** The lab's processes behind its Pods, by `namespace/name`, as their file says now. */
export type PodFile = Readonly<Record<string, { readonly port: number; readonly log: string }>>;

function podsOf(file: string): PodBackends {
  const find = (pod: string) => {
    try {
      return (JSON.parse(readFileSync(file, "utf8")) as PodFile)[pod] ?? null;
    } catch {
      return null;
    }
  };
  return {
    address: (pod) => {
      const found = find(pod);
      return found === null ? null : { host: "127.0.0.1", port: found.port };
    },
    log: (pod) => find(pod)?.log ?? null,
    insteadOfExec: "the Pods of a lab are processes of this machine; see 'metallb lab exec --help'",
  };
}

const say = (answer: ApiAnswer) => console.log(JSON.stringify(answer));

try {
  const server = await startApiServer({
    host: "127.0.0.1",
    port: Number(port),
    dataFolder,
    name: "metallb-lab",
    pods: podsOf(podsFile),
  });
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
