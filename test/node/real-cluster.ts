import { execFileSync, spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goTool } from "../support/go-tools.ts";
import { realKubernetes } from "../support/probes.ts";
import { projectFile, type Where } from "../support/programs.ts";

/** A Kubernetes with two real nodes (kubelet, containerd, runc), a router with BIRD and a client behind it. */
export interface RealCluster {
  kubectl(args: readonly string[], input?: string): string;
  helm(...args: readonly string[]): string;
  /** Runs our command line against the cluster; its exit code says how the cluster is, and is not looked at. */
  metallb(...args: readonly string[]): string;
  /** Runs a program at the client, which reaches the nodes through the router alone. */
  client(...argv: readonly string[]): string;
  readonly clientPlace: Where;
  router(...argv: readonly string[]): string;
  /** How many sessions the router has. */
  established(): number;
  /** Asks `url` once after the other from the client until it is told to stop; counts answers and failures. */
  /** `codes`: what curl said of each request that failed; 28 is the time that was up, 7 a refusal, 56 a reset. */
  traffic(url: string): {
    stop(): Promise<{ readonly answered: number; readonly failed: number; readonly codes: readonly number[] }>;
  };
  /** Writes down what the speakers log until it is told to stop. */
  speakerLogs(): { stop(): Promise<string> };
  /** Writes down what changes in the router's kernel until it is told to stop. */
  routeChanges(): { stop(): Promise<string> };
  /** The last lines of all logs, for the words of a failure. */
  logs(): string;
  close(): void;
}

const script = projectFile("test/node/cluster.sh");

/** Builds the images from Debian's packages alone, and starts the cluster. */
export function startRealCluster(): RealCluster {
  const folder = mkdtempSync(join(tmpdir(), "metallb-node-"));
  const prefix = `mlb${process.pid}`;
  const programs = realKubernetes() ?? "";
  const env = { ...process.env, FOLDER: folder, PREFIX: prefix, PROGRAMS: programs, NODE_OPTIONS: "" };
  const kubeconfig = join(folder, "admin.kubeconfig");
  const options = { encoding: "utf8" as const, stdio: "pipe" as const, maxBuffer: 64 * 1024 * 1024 };
  const place = (name: string) => ["ip", "netns", "exec", `${prefix}-${name}`] as const;
  const run = (argv: readonly string[], input = ""): string =>
    execFileSync(argv[0] ?? "", argv.slice(1), { ...options, input, env: { ...env, KUBECONFIG: kubeconfig } });
  const close = () => {
    execFileSync(script, ["down"], { env, stdio: "ignore" });
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    makeImages(folder);
    execFileSync(script, ["up"], { env, stdio: ["ignore", "ignore", "inherit"], timeout: 180_000 });
  } catch (error) {
    close();
    throw error;
  }
  return {
    kubectl: (args, input) => run([...place("cp"), join(programs, "kubectl"), ...args], input),
    helm: (...args) => run([...place("cp"), goTool("helm"), ...args]),
    metallb(...args) {
      const [program, ...rest] = [...place("cp"), projectFile("packages/metallb/bin/metallb"), ...args] as const;
      return spawnSync(program, rest, { ...options, env: { ...env, KUBECONFIG: kubeconfig } }).stdout;
    },
    clientPlace: { command: (argv) => [...place("c"), ...argv] },
    client: (...argv) => run([...place("c"), ...argv]),
    router: (...argv) => run([...place("r"), ...argv]),
    established: () =>
      (run([...place("r"), "birdc", "-s", join(folder, "bird.ctl"), "show", "protocols"]).match(/Established/g) ?? [])
        .length,
    traffic(url) {
      const loop = `n=0; codes=; trap 'echo "$n$codes"; exit' TERM
        while :; do curl -sf -m 2 -o /dev/null ${url} && n=$((n+1)) || codes="$codes $?"; done`;
      const running = until([...place("c"), "bash", "-c", loop]);
      return {
        async stop() {
          const [answered = 0, ...codes] = (await running.stop()).trim().split(" ").map(Number);
          return { answered, failed: codes.length, codes };
        },
      };
    },
    speakerLogs: () => {
      const select = ["-n", "metallb-system", "-l", "app.kubernetes.io/component=speaker", "--prefix"];
      const kubectl = [join(programs, "kubectl"), "--kubeconfig", kubeconfig];
      return until([...place("cp"), ...kubectl, "logs", "-f", "--tail=0", ...select]);
    },
    routeChanges: () => until([...place("r"), "ip", "monitor", "route"]),
    logs() {
      const files = ["apiserver.log", "controller-manager.log", "n1/node.log", "n1/containerd.log", "n1/kubelet.log"];
      return files
        .map((file) => join(folder, file))
        .filter((file) => existsSync(file))
        .map((file) => `== ${file}\n${readFileSync(file, "utf8").split("\n").slice(-15).join("\n")}`)
        .join("\n");
    },
    close,
  };
}

/** Runs a program until it is stopped, which gives what it wrote. */
function until([program = "", ...args]: readonly string[]): { stop(): Promise<string> } {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  return {
    async stop() {
      const { promise, resolve } = Promise.withResolvers<void>();
      child.once("close", () => resolve());
      child.kill("SIGTERM");
      await promise;
      return text;
    },
  };
}

/** Ours, a pause and a web server: nothing is pulled. */
function makeImages(folder: string): void {
  const images = join(folder, "images");
  mkdirSync(images);
  const storage = [
    "--root",
    join(folder, "buildah"),
    "--runroot",
    join(folder, "buildah-run"),
    "--storage-driver",
    "vfs",
  ];
  const build = (name: string, context: string, file: string) => {
    const tag = `localhost/${name}:test`;
    const quiet = { cwd: context, stdio: "pipe" } as const;
    execFileSync(
      "buildah",
      [...storage, "bud", "--isolation", "chroot", "--timestamp", "0", "-f", file, "-t", tag, "."],
      quiet,
    );
    execFileSync("buildah", [...storage, "push", tag, `oci-archive:${join(images, `${name}.tar`)}:${tag}`], quiet);
  };
  const ours = join(folder, "ours");
  mkdirSync(ours);
  execFileSync(process.execPath, [projectFile("scripts/image-root.ts"), join(ours, "rootfs")], { stdio: "pipe" });
  build("metallb-ts", ours, projectFile("deploy/image/Containerfile.rootfs"));
  const small = join(folder, "small");
  mkdirSync(join(small, "www"), { recursive: true });
  cpSync("/usr/bin/busybox", join(small, "busybox"), { dereference: true });
  writeFileSync(join(small, "www/index.html"), "hello\n");
  for (const [name, command] of [
    ["pause", ["sleep", "2147483647"]],
    ["web", ["httpd", "-f", "-p", "8080", "-h", "/www"]],
  ] as const) {
    const lines = [
      "FROM scratch",
      "COPY busybox /busybox",
      "COPY www /www",
      `ENTRYPOINT ${JSON.stringify(["/busybox", ...command])}`,
    ];
    writeFileSync(join(small, name), `${lines.join("\n")}\n`);
    build(name, small, join(small, name));
  }
  for (const path of [ours, small, join(folder, "buildah"), join(folder, "buildah-run")])
    rmSync(path, { recursive: true, force: true });
}
