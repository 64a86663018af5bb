import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { decodeService, type Service } from "#api";
import { createGuard, type HttpServer, reviews, serve } from "#http";
import { createClient, type KubeClient, LeaseElection, loadCluster, RESOURCES, type Reflector, watch } from "#kube";
import { err, ok, type Result } from "#net";
import { CONTROLLER_FLAGS, type FlagValues, type Logger, ownNamespace, startUp, Trouble } from "#process";
import { Allocation } from "./allocation.ts";
import { Configuration } from "./configuration.ts";
import { eventRecorder, poolApi, serviceApi } from "./kubernetes.ts";
import { createMetrics } from "./metrics.ts";
import { PoolStatusWriter } from "./pool-status.ts";
import { ServiceWriter } from "./service-writer.ts";
import { stateOf } from "./state.ts";

type Flags = FlagValues<typeof CONTROLLER_FLAGS>;

/** Runs until a signal ends it. Exit codes: 0 ended on request, 1 cannot start or lost the lead, 2 wrong command line. */
export async function runController(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const started = startUp("controller", CONTROLLER_FLAGS, argv, env);
  if (typeof started === "number") return started;
  const { flags, log, stop } = started;
  const prepared = prepare(flags, env);
  if (!prepared.ok) {
    log.error(prepared.error, { op: "startup" });
    return 1;
  }
  const controller = new Controller({ ...prepared.value, flags, log, stop });
  const code = await controller.run();
  log.info("MetalLB controller stopped", { op: "shutdown", reason: String(stop.reason ?? "") });
  return code;
}

function prepare(flags: Flags, env: NodeJS.ProcessEnv): Result<{ client: KubeClient; namespace: string }> {
  const namespace = ownNamespace(flags.namespace);
  if (!namespace.ok) return namespace;
  const cluster = loadCluster({ kubeconfig: flags.kubeconfig, env });
  if (!cluster.ok) return err(`cannot reach Kubernetes: ${cluster.error}`);
  const client = createClient(cluster.value, { userAgent: "metallb-controller" });
  return ok({ client, namespace: namespace.value });
}

interface Parts {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly flags: Flags;
  readonly log: Logger;
  readonly stop: AbortSignal;
}

/** Joins watches, allocation, writers and servers, and ends them together. */
class Controller {
  readonly #parts: Parts;
  /** Aborts at the end, whatever ends it. */
  readonly #end = new AbortController();
  readonly #services: Reflector<Service>;
  readonly #configuration: Configuration;
  readonly #writer: ServiceWriter;
  readonly #poolStatus: PoolStatusWriter;
  readonly #allocation: Allocation;
  readonly #election: LeaseElection;
  readonly #won = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<number>();
  #ready = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { client, namespace, flags, log } = parts;
    const trouble = new Trouble(log);
    this.#services = watch(client, RESOURCES.services, { project: decodeService, onTrouble: trouble.of("services") });
    this.#configuration = new Configuration(client, namespace, log, (what) => trouble.of(what));
    this.#writer = new ServiceWriter(
      serviceApi(client, () => this.#election.isLeader()),
      log,
      this.#end.signal,
    );
    this.#poolStatus = new PoolStatusWriter(poolApi(client, namespace), log, this.#end.signal);
    this.#allocation = new Allocation({
      services: this.#services.store,
      lbClass: flags["lb-class"],
      writer: this.#writer,
      recorder: eventRecorder(client, log),
      poolStatus: this.#poolStatus,
      log,
    });
    this.#election = new LeaseElection(client, {
      namespace,
      name: "metallb-controller",
      // A container that restarts in its Pod takes its own lease up again at once.
      identity: flags["pod-name"] || `${hostname()}_${randomUUID()}`,
      onStarted: () => this.#won.resolve(),
      onStopped: (why) => {
        log.error("no longer leading: ending, so that a fresh start decides on a fresh view", {
          op: "election",
          error: why,
        });
        this.#over.resolve(1);
      },
      onTrouble: trouble.of("leases", "leader election"),
    });
  }

  async run(): Promise<number> {
    const { stop } = this.#parts;
    const servers = await this.#listen();
    if (!servers.ok) {
      this.#parts.log.error(servers.error, { op: "startup" });
      return 1;
    }
    stop.addEventListener("abort", () => this.#over.resolve(0), { once: true });
    if (stop.aborted) this.#over.resolve(0);
    void this.#lead();
    const code = await this.#over.promise;
    this.#end.abort();
    this.#services.stop();
    this.#configuration.stop();
    await this.#election.stop();
    for (const server of servers.value) await server.close();
    this.#parts.client.close();
    return code;
  }

  /** Waits for the lead, reads everything once, then decides. What others wrote before is in what is read. */
  async #lead(): Promise<void> {
    const { log } = this.#parts;
    this.#election.start();
    await this.#won.promise;
    if (this.#end.signal.aborted) return;
    const started = performance.now();
    this.#services.onChange((keys) => this.#allocation.servicesChanged(keys));
    const configured = this.#configuration.start(
      ({ config }) => this.#allocation.poolsChanged(config.pools),
      (name) => this.#poolStatus.recheck(name),
    );
    this.#services.start();
    await Promise.all([this.#services.synced, configured]);
    this.#allocation.start();
    this.#ready = true;
    log.info("reading is done, deciding", {
      op: "sync",
      services: this.#services.store.size,
      pools: this.#configuration.compilation?.config.pools.length ?? 0,
      milliseconds: Math.round(performance.now() - started),
    });
  }

  #listen(): Promise<Result<readonly HttpServer[]>> {
    const { flags, client, log } = this.#parts;
    return serve({
      health: {
        host: "",
        port: flags["health-probe-port"],
        // A replica that waits for the lead is as ready as it can be.
        ready: () => this.#ready || !this.#election.isLeader(),
        routes: { "/state": () => this.#state() },
      },
      metrics: {
        host: "0.0.0.0",
        port: flags.port,
        certFolder: flags["metrics-cert-dir"],
        registry: createMetrics({
          allocation: this.#allocation,
          writes: this.#writer.counters,
          config: () => ({
            loaded: this.#configuration.compilation !== null,
            stale: this.#configuration.problems.length > 0,
          }),
        }),
        guard: createGuard(reviews(client)),
        log,
      },
    });
  }

  #state() {
    return stateOf({
      outcomes: this.#allocation.outcomes,
      usage: this.#allocation.usage(),
      problems: this.#configuration.problems,
      leading: this.#election.isLeader(),
      ready: this.#ready,
    });
  }
}
