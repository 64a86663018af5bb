/** The embedded Kubernetes API in a process of its own. Prints its kubeconfig as one JSON line; ends with its input. */
import { startApiServer } from "@metallb-ts/apiserver";

const server = await startApiServer({ host: "127.0.0.1", port: 0, dataFolder: null });
process.stdout.write(`${JSON.stringify(server.kubeconfig)}\n`);
process.stdin.resume().on("end", () => process.exit(0));
