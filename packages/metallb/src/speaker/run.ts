import { type Problem, problemsAt } from "#config";
import { createGuard, type HttpServer, reviews, serve } from "#http";
import type { Result } from "#net";
import { Planner } from "#planner";
import { MemoryKeeper, SPEAKER_FLAGS, startUp, Trouble } from "#process";
import { fallbackRouterId } from "#sys";
import { configuration, findOwnPod, type OwnPod, WatchedWorld } from "#world";
import { Announcements } from "./announcements.ts";
import { BfdSessions } from "./bfd-sessions.ts";
import { BgpSessions } from "./bgp-sessions.ts";
import { BgpStatus } from "./bgp-status.ts";
import { EngineThread } from "./engine-thread.ts";
import { Layer2 } from "./layer2.ts";
import { leavingOf } from "./leaving.ts";
import { MemberWorld } from "./member-world.ts";
import { createMetrics, kubernetesFigures } from "./metrics.ts";
import { OwnState } from "./own-state.ts";
import { placementOf } from "./placement-report.ts";
import { PlanLoop } from "./plan-loop.ts";
import { type Parts, prepare } from "./prepare.ts";
import { strictReversePaths } from "./reverse-path.ts";
import { serviceRecorder } from "./service-recorder.ts";
import { sha256 } from "./sha256.ts";
import { stateOf } from "./state.ts";
import { SPEAKER_OVERRIDES } from "./watched-service.ts";

/** Runs until a signal ends it. Exit codes: 0 ended on request, 1 cannot start or broke, 2 wrong command line. */
export async function runSpeaker(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const started = startUp("speaker", SPEAKER_FLAGS, argv, env);
  if (typeof started === "number") return started;
  const { flags, log, stop } = started;
  const prepared = await prepare(flags, env);
  if (!prepared.ok) {
    log.error(prepared.error, { op: "startup" });
    return 1;
  }
  const speaker = new Speaker({ ...prepared.value, flags, log, stop });
  const code = await speaker.run();
  log.info("MetalLB speaker stopped", { op: "shutdown", reason: String(stop.reason ?? "") });
  return code;
}

/** Joins watches, planner, engines and servers, and ends them together. */
class Speaker {
  private readonly parts: Parts;
  private readonly world: WatchedWorld;
  private readonly planner: Planner;
  private readonly thread: EngineThread;
  private readonly sessions = new BgpSessions();
  private readonly bfd = new BfdSessions();
  private readonly status: BgpStatus;
  private readonly owner: Promise<OwnPod | null>;
  private readonly state: OwnState;
  private readonly announcements: Announcements;
  private readonly layer2: Layer2;
  private readonly loop: PlanLoop;
  private readonly over = Promise.withResolvers<number>();
  private ready = false;

  constructor(parts: Parts) {
    this.parts = parts;
    const { client, namespace, node, flags, log } = parts;
    const trouble = new Trouble(log);
    const { source, overrides } = configuration({ flags });
    this.world = new WatchedWorld({
      client,
      namespace,
      kinds: ["services", "endpointslices", "nodes"],
      source,
      overrides: { ...overrides, ...SPEAKER_OVERRIDES },
      trouble: (what) => trouble.of(what),
    });
    this.planner = new Planner({
      nodeName: node,
      loadBalancerClass: flags["lb-class"] || null,
      ignoreExcludeLabel: flags["ignore-exclude-lb"],
      sha256,
    });
    this.thread = new EngineThread({
      applied: () => this.schedule(),
      report: (report) => {
        if (report.engine === "bgp") {
          this.sessions.take(report.report);
          if (report.report.kind !== "counters") this.state.look();
        }
        if (report.engine === "bfd") {
          this.bfd.take(report.report);
          if (report.report.kind !== "counters") this.state.look();
        }
        if (report.engine === "neighbor") this.layer2.takeNeighbor(report.report);
        if (report.engine === "gossip") this.layer2.takeGossip(report.report);
      },
      log: (level, engine, peer, message) => log[level](message, { op: engine || "engines", peer }),
      died: (reason) => {
        log.error("the engines' thread ended unexpectedly: exiting, to start afresh", { op: "engines", error: reason });
        this.over.resolve(1);
      },
    });
    const owner = findOwnPod(client, namespace, flags["pod-name"], log);
    this.owner = owner;
    this.status = new BgpStatus({
      client,
      namespace,
      node,
      owner,
      log,
      trouble: trouble.of("servicebgpstatuses"),
      peersOf: (service) => {
        const { bgp } = this.planner.plan.verdict(service, this.world.services.get(service));
        return bgp.announced ? bgp.peers : null;
      },
    });
    this.state = new OwnState({
      client,
      namespace,
      node,
      owner,
      log,
      trouble: (what) => trouble.of(what),
      ignoreExcludeLabel: flags["ignore-exclude-lb"],
      plan: () => this.planner.plan,
      sessions: this.sessions,
      bfd: this.bfd,
      self: () => this.world.nodes.get(node),
    });
    const recorder = serviceRecorder(client, node, log);
    this.announcements = new Announcements(node, log, recorder, this.status);
    this.layer2 = new Layer2({
      client,
      namespace,
      node,
      owner,
      settings: parts.layer2,
      engines: this.thread,
      planner: this.planner,
      services: () => this.world.services,
      isNode: (name) => this.world.nodes.has(name),
      recorder,
      log,
      trouble: (what) => trouble.of(what),
      changed: () => this.schedule(),
    });
    this.loop = new PlanLoop({
      world: new MemberWorld(this.world, this.layer2),
      layer2: this.layer2,
      planner: this.planner,
      node,
      engines: this.thread,
      announcements: this.announcements,
      log,
      fallbackRouterId: fallbackRouterId(node),
      soon: (then) => void setImmediate(then),
      onDifference: (difference) => {
        this.sessions.expect(difference);
        this.state.look();
      },
      onProblems: (problems) => this.state.tell(problems),
    });
  }

  async run(): Promise<number> {
    const { stop, log } = this.parts;
    const servers = await this.listen();
    if (!servers.ok) {
      log.error(servers.error, { op: "startup" });
      this.over.resolve(1);
    } else {
      stop.addEventListener("abort", () => this.over.resolve(0), { once: true });
      if (stop.aborted) this.over.resolve(0);
      void this.work();
    }
    const code = await this.over.promise;
    const graceful = [...this.planner.plan.peers.values()].some(({ gracefulRestart }) => gracefulRestart);
    const leaving = leavingOf({ ...this.parts, owner: this.owner, graceful });
    const [routes] = await Promise.all([leaving, this.layer2.handOver()]);
    await this.thread.stop("the speaker is shut down", routes);
    this.world.stop();
    await this.layer2.stop();
    await this.status.stop();
    await this.state.stop();
    if (servers.ok) for (const server of servers.value) await server.close();
    this.parts.client.close();
    return code;
  }

  private async work(): Promise<void> {
    const { node, log } = this.parts;
    const started = performance.now();
    // Routes wait for nothing but what they are planned from: status objects are for people.
    await this.world.start();
    void this.recall(this.status.start());
    this.world.onChange = () => this.schedule();
    this.ready = true;
    this.layer2.start();
    this.loop.plan();
    this.state.begin();
    log.info("initial sync complete, announcing", {
      op: "sync",
      services: this.world.services.size,
      peers: this.planner.plan.peers.size,
      milliseconds: Math.round(performance.now() - started),
    });
    new MemoryKeeper().begin();
    if (!this.world.nodes.has(node))
      log.warn("the API does not know this node: nothing is announced until it does", { op: "sync", node });
  }

  /** What is wrong with the configuration, as far as it concerns this node. */
  private problems(): readonly Problem[] {
    return problemsAt(this.world.problems, this.world.nodes.get(this.parts.node)?.labels);
  }

  private schedule(): void {
    if (this.ready) this.loop.schedule();
  }

  /** Events wait for what stood before the start, but only five seconds for an API that does not tell it. */
  private async recall(known: Promise<void>): Promise<void> {
    await Promise.race([known, new Promise((resolve) => setTimeout(resolve, 5_000).unref())]);
    this.announcements.recall(this.planner.plan, this.world.services);
  }

  private listen(): Promise<Result<readonly HttpServer[]>> {
    const { flags, client, log, node, tls } = this.parts;
    return serve({
      profiler: flags["pprof-bind-address"],
      health: {
        host: "127.0.0.1",
        port: flags["health-probe-port"],
        ready: () => this.ready,
        why: () => this.world.troubles,
        texts: { "/dump": () => this.thread.dump() },
        routes: {
          "/placement": () => placementOf(this.planner.plan.placeable, this.layer2.placer.node),
          "/state": () =>
            stateOf({
              node,
              world: this.world,
              plan: this.planner.plan,
              sequence: this.thread.sequence,
              sessions: this.sessions,
              bfd: this.bfd,
              layer2: this.layer2,
              drain: this.loop.drain,
              peerProblems: this.planner.peerProblems,
              strictReversePaths: strictReversePaths(),
              isApplied: (service) => this.loop.isApplied(service),
            }),
        },
      },
      metrics: {
        host: "",
        port: flags.port,
        certFolder: flags["metrics-cert-dir"],
        tls,
        registry: createMetrics(
          node,
          kubernetesFigures(this.parts, this.world, this.loop, () => this.problems().length > 0),
          this.announcements,
          { plan: () => this.planner.plan, sessions: this.sessions, bfd: this.bfd, vrfLabels: this.parts.vrfLabels },
          this.layer2,
        ),
        guard: createGuard(reviews(client)),
        log,
      },
    });
  }
}
