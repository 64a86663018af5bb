import { createGuard, type HttpServer, reviews, serve } from "#http";
import { createClient, EventRecorder, type KubeClient, loadCluster, RESOURCES } from "#kube";
import { err, ok, type Result } from "#net";
import { Planner } from "#planner";
import { type FlagValues, type Logger, ownNamespace, SPEAKER_FLAGS, startUp, Trouble } from "#process";
import { fallbackRouterId } from "#sys";
import { ConfigurationStateWriter, findOwnPod, ProblemLog, WatchedWorld } from "#world";
import { Announcements } from "./announcements.ts";
import { BgpStatus } from "./bgp-status.ts";
import { EngineThread } from "./engine-thread.ts";
import { createMetrics } from "./metrics.ts";
import { stateOf } from "./state.ts";

/** How long events of announcements may wait at the start, milliseconds. */
const RECALL_LIMIT = 5_000;

type Flags = FlagValues<typeof SPEAKER_FLAGS>;

/** Runs until a signal ends it. Exit codes: 0 ended on request, 1 cannot start or broke, 2 wrong command line. */
export async function runSpeaker(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const started = startUp("speaker", SPEAKER_FLAGS, argv, env);
  if (typeof started === "number") return started;
  const { flags, log, stop } = started;
  const prepared = prepare(flags, env);
  if (!prepared.ok) {
    log.error(prepared.error, { op: "startup" });
    return 1;
  }
  const speaker = new Speaker({ ...prepared.value, flags, log, stop });
  const code = await speaker.run();
  log.info("MetalLB speaker stopped", { op: "shutdown", reason: String(stop.reason ?? "") });
  return code;
}

function prepare(
  flags: Flags,
  env: NodeJS.ProcessEnv,
): Result<{ client: KubeClient; namespace: string; node: string }> {
  const node = flags["node-name"];
  if (node === "") return err("the name of the node is missing: set --node-name or METALLB_NODE_NAME");
  const namespace = ownNamespace(flags.namespace);
  if (!namespace.ok) return namespace;
  const cluster = loadCluster({ kubeconfig: flags.kubeconfig, env });
  if (!cluster.ok) return err(`cannot reach Kubernetes: ${cluster.error}`);
  return ok({
    client: createClient(cluster.value, { userAgent: "metallb-speaker" }),
    namespace: namespace.value,
    node,
  });
}

interface Parts {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly node: string;
  readonly flags: Flags;
  readonly log: Logger;
  readonly stop: AbortSignal;
}

/** Joins watches, planner, engines and servers, and ends them together. */
class Speaker {
  readonly #parts: Parts;
  readonly #trouble: Trouble;
  readonly #world: WatchedWorld;
  readonly #problems: ProblemLog;
  readonly #planner: Planner;
  readonly #thread: EngineThread;
  readonly #over = Promise.withResolvers<number>();
  #announcements: Announcements | null = null;
  #status: BgpStatus | null = null;
  #state: ConfigurationStateWriter | null = null;
  #told: ReadonlySet<string> = new Set();
  #scheduled = false;
  #ready = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { client, namespace, node, flags, log } = parts;
    this.#trouble = new Trouble(log);
    this.#world = new WatchedWorld({
      client,
      namespace,
      kinds: ["services", "endpointslices", "nodes"],
      trouble: (what) => this.#trouble.of(what),
    });
    this.#problems = new ProblemLog(log);
    this.#planner = new Planner({
      nodeName: node,
      loadBalancerClass: flags["lb-class"] || null,
      ignoreExcludeLabel: flags["ignore-exclude-lb"],
    });
    this.#thread = new EngineThread(
      {
        applied: () => this.#schedule(),
        session: () => {},
        log: (level, peer, message) => log[level](message, { op: "bgp", peer }),
        died: (reason) => {
          log.error("the engines' thread ended: ending, so that the process starts afresh", {
            op: "engines",
            error: reason,
          });
          this.#over.resolve(1);
        },
      },
      fallbackRouterId(node),
    );
  }

  async run(): Promise<number> {
    const { stop, log } = this.#parts;
    const servers = await this.#listen();
    if (!servers.ok) {
      log.error(servers.error, { op: "startup" });
      this.#over.resolve(1);
    } else {
      stop.addEventListener("abort", () => this.#over.resolve(0), { once: true });
      if (stop.aborted) this.#over.resolve(0);
      void this.#work();
    }
    const code = await this.#over.promise;
    await this.#thread.stop("the speaker is shut down");
    this.#world.stop();
    this.#status?.stop();
    this.#state?.stop();
    if (servers.ok) for (const server of servers.value) await server.close();
    this.#parts.client.close();
    return code;
  }

  async #work(): Promise<void> {
    const { client, namespace, node, flags, log } = this.#parts;
    const started = performance.now();
    const synced = this.#world.start();
    const owner = await findOwnPod(client, namespace, flags["pod-name"], log);
    const common = { client, namespace, node, owner };
    this.#status = new BgpStatus({ ...common, log, trouble: this.#trouble.of("servicebgpstatuses") });
    this.#state = new ConfigurationStateWriter({
      client,
      namespace,
      identity: {
        name: `speaker-${node}`,
        component: "speaker",
        node,
        owner,
        fieldManager: "configReconciler",
        conditionType: "configReconcilerValid",
      },
      trouble: this.#trouble.of("configurationstates"),
    });
    this.#state.start();
    const events = new EventRecorder(client, {
      component: "metallb-speaker",
      host: node,
      onTrouble: (message) => log.warn(message, { op: "event" }),
    });
    const recorder = {
      event: (
        service: { namespace: string; name: string; uid: string },
        type: "Normal" | "Warning",
        reason: string,
        message: string,
      ) => events.event({ resource: RESOURCES.services, ...pick(service) }, type, reason, message),
    };
    this.#announcements = new Announcements(node, log, recorder, this.#status);
    // Routes do not wait for the status objects: those are for people.
    await synced;
    void this.#recall(this.#status.start());
    this.#world.onChange = () => this.#schedule();
    this.#ready = true;
    this.#plan();
    log.info("reading is done, announcing", {
      op: "sync",
      services: this.#world.services.size,
      peers: this.#planner.plan.peers.size,
      milliseconds: Math.round(performance.now() - started),
    });
    if (!this.#world.nodes.has(node))
      log.warn("the API does not know this node: nothing is announced until it does", { op: "sync", node });
  }

  /** Events wait for what stood before the start, but not for an API that does not tell it. */
  async #recall(known: Promise<void>): Promise<void> {
    await Promise.race([known, new Promise((resolve) => setTimeout(resolve, RECALL_LIMIT).unref())]);
    this.#announcements?.recall(this.#planner.plan, this.#world.services);
  }

  /** Plans once a turn, and not while the engines are behind: what changes meanwhile is planned together. */
  #schedule(): void {
    if (this.#scheduled || !this.#ready) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#thread.hasRoom) this.#plan();
    });
  }

  #plan(): void {
    const changes = this.#world.take();
    const difference = this.#planner.update(this.#world, changes);
    this.#thread.apply(difference);
    this.#announcements?.tell(difference.verdicts, this.#planner.plan, this.#world.services);
    if (changes.config || changes.problems) this.#tellProblems();
  }

  /** Each problem once, as long as it lasts. */
  #tellProblems(): void {
    const { log } = this.#parts;
    const now = new Set<string>();
    this.#problems.tell(this.#world.problems);
    for (const { peer, message } of this.#planner.peerProblems) {
      const text = `peer ${peer} ${message}`;
      now.add(text);
      if (!this.#told.has(text)) log.warn(message, { op: "configuration", kind: "BGPPeer", name: peer });
    }
    this.#told = now;
    this.#state?.tell(this.#world.problems);
  }

  #listen(): Promise<Result<readonly HttpServer[]>> {
    const { flags, client, log, node } = this.#parts;
    return serve({
      health: {
        host: "127.0.0.1",
        port: flags["health-probe-port"],
        ready: () => this.#ready,
        routes: {
          "/state": () => stateOf(node, this.#world, this.#planner.plan, this.#thread, this.#planner.peerProblems),
        },
      },
      metrics: {
        host: "0.0.0.0",
        port: flags.port,
        certFolder: flags["metrics-cert-dir"],
        registry: createMetrics(node, this.#world, () => this.#planner.plan, this.#thread),
        guard: createGuard(reviews(client)),
        log,
      },
    });
  }
}

const pick = ({ namespace, name, uid }: { namespace: string; name: string; uid: string }) => ({ namespace, name, uid });
