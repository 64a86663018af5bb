import { Allocator } from "#allocator";
import { type HttpServer, WebhookFigures } from "#http";
import { LeaseElection } from "#kube";
import type { Result } from "#net";
import { Trouble } from "#process";
import { ConfigurationStateWriter, configuration, findOwnPod, POOL_KINDS, ProblemLog, WatchedWorld } from "#world";
import { Allocation } from "./allocation.ts";
import { Announced } from "./announced.ts";
import { type Outside, outsideOf } from "./ipam/outside.ts";
import { KeptStore } from "./kept/store.ts";
import { eventRecorder, keptApi, poolApi, serviceApi } from "./kubernetes.ts";
import { listen } from "./listen.ts";
import { ensureMemberlistSecret } from "./memberlist-secret.ts";
import type { Parts } from "./parts.ts";
import { PoolStatusWriter } from "./pool-status.ts";
import { ServiceWriter } from "./service-writer.ts";
import { stateOf } from "./state.ts";
import { OVERRIDES } from "./watched-service.ts";
import { Webhooks } from "./webhooks.ts";

/** How a life of the controller ended: it could not begin, was asked to end, or lost the lead. */
export type Ending = "failed" | "asked" | "lost";

const LEASE = "metallb-controller";

/** How long what is decided already may take to be written at the end, milliseconds. */
const DRAIN = 3_000;

/** Joins watches, allocation, writers and servers, and ends them together. */
export class Controller {
  private readonly parts: Parts;
  private readonly trouble: Trouble;
  private readonly end = new AbortController();
  private readonly world: WatchedWorld;
  private readonly problems: ProblemLog;
  private configurationState: ConfigurationStateWriter | null = null;
  private readonly writer: ServiceWriter;
  private readonly poolStatus: PoolStatusWriter;
  private readonly recorder: ReturnType<typeof eventRecorder>;
  private readonly webhookFigures = new WebhookFigures();
  private readonly webhooks: Webhooks | null;
  private readonly allocation: Allocation;
  private readonly outside: Outside | null;
  private readonly kept: KeptStore;
  private readonly announced: Announced;
  private readonly election: LeaseElection;
  private readonly won = Promise.withResolvers<void>();
  private readonly over = Promise.withResolvers<Ending>();
  private ready = false;

  constructor(parts: Parts) {
    this.parts = parts;
    const { client, namespace, flags, log } = parts;
    const trouble = new Trouble(log);
    this.trouble = trouble;
    const { source, overrides } = configuration({
      flags,
      kinds: POOL_KINDS,
      isStrictAtStart: true,
      onRefused: (map, reason) => {
        if (this.election.isLeader()) this.recorder.refuse(map, reason);
      },
    });
    this.world = new WatchedWorld({
      client,
      namespace,
      kinds: ["services"],
      source,
      overrides: { ...OVERRIDES, ...overrides },
      trouble: (what) => trouble.of(what),
    });
    this.problems = new ProblemLog(log);
    const lead = { mayWrite: () => this.election.isLeader() };
    this.writer = new ServiceWriter(serviceApi(client), log, lead);
    this.poolStatus = new PoolStatusWriter(poolApi(client, namespace), log, lead);
    this.recorder = eventRecorder(client, log);
    const isWebhook = flags["webhook-mode"] !== "disabled";
    this.webhooks = isWebhook ? new Webhooks({ ...parts, figures: this.webhookFigures }) : null;
    this.outside = outsideOf(parts, {
      services: this.world.services,
      lbClass: flags["lb-class"],
      ...lead,
      mayShow: (address) => this.writer.mayShow(address),
      onChange: (keys) => this.allocation.servicesChanged(keys),
      log,
    });
    const addresses = this.outside?.ipam ?? new Allocator(flags["lb-class"]);
    this.kept = new KeptStore({ ...lead, api: keptApi(client, namespace), kept: addresses.kept, log });
    this.allocation = new Allocation({
      services: this.world.services,
      source: addresses,
      kept: this.kept,
      now: () => performance.now(),
      writer: this.writer,
      recorder: this.recorder,
      poolStatus: this.poolStatus,
      log,
    });
    const { services } = this.world;
    this.announced = new Announced({ ...parts, ...lead, services, trouble: (what) => trouble.of(what) });
    this.writer.onWritten = (...written) => {
      this.allocation.wrote(...written);
      this.outside?.ipam.wrote();
    };
    this.election = new LeaseElection(client, {
      namespace,
      name: LEASE,
      identity: parts.identity,
      deployment: flags.deployment,
      onStarted: () => this.won.resolve(),
      onStopped: (why) => {
        log.error("no longer leading: beginning anew, so that the next decision is made on a fresh view", {
          op: "election",
          error: why,
        });
        // Whoever holds the Lease now may write already.
        void this.endWrites();
        this.over.resolve("lost");
      },
      onTrouble: trouble.of("leases", "leader election"),
    });
  }

  async run(): Promise<Ending> {
    const { stop } = this.parts;
    const servers = await this.listen();
    if (!servers.ok) {
      this.parts.log.error(servers.error, { op: "startup" });
      return "failed";
    }
    stop.addEventListener("abort", () => this.over.resolve("asked"), { once: true });
    if (stop.aborted) this.over.resolve("asked");
    this.webhooks?.start();
    this.parts.memory.begin();
    if (this.parts.flags["webhook-mode"] === "onlywebhook") this.onlyWebhook();
    else void this.lead();
    const ending = await this.over.promise;
    this.end.abort();
    this.world.stop();
    this.configurationState?.stop();
    // A write that was not answered may arrive yet: the Lease is not handed over then, but runs out.
    const clean = !this.election.isLeader() || (await this.drain());
    await Promise.all([this.endWrites(), this.recorder.drain(DRAIN)]);
    await this.election.stop(!clean);
    for (const server of servers.value) await server.close();
    await this.webhooks?.stop();
    this.outside?.close();
    this.parts.client.close();
    return ending;
  }

  /** Another process allocates: this one neither reads Services nor asks for the lead. */
  private onlyWebhook(): void {
    this.ready = true;
    // With every server turned off nothing else would keep the process until it is told to end.
    const hold = setInterval(() => {}, 2 ** 30);
    void this.over.promise.finally(() => clearInterval(hold));
    this.parts.log.info("webhook-mode is onlywebhook: no Service is handled here", { op: "startup" });
  }

  private async drain(): Promise<boolean> {
    const all = [this.writer, this.kept, this.outside?.ipam].map(async (each) => (await each?.drain(DRAIN)) ?? true);
    const [clean] = await Promise.all([Promise.all(all), this.poolStatus.drain(DRAIN)]);
    return clean.every((each) => each);
  }

  private endWrites(): Promise<unknown> {
    const writers = [this.writer, this.poolStatus, this.kept, this.announced, this.outside?.ipam];
    return Promise.all(writers.map(async (each) => each?.stop()));
  }

  /**
   * Reads the configuration at once, so that a standby can tell what it would do; reads the Services
   * when it leads, and then decides. What others wrote before is in what is read.
   */
  private async lead(): Promise<void> {
    const { log } = this.parts;
    this.world.onChange = () => this.look();
    void this.world.start(this.world.configurationKinds);
    this.election.start();
    void this.makeSecret();
    await this.won.promise;
    if (this.end.signal.aborted) return;
    const started = performance.now();
    this.world.onDifference("ipaddresspools", (keys) => {
      for (const key of keys) this.poolStatus.recheck(key.slice(key.indexOf("/") + 1));
    });
    void this.tellState();
    await this.world.start();
    this.take();
    if (this.world.config?.pools.some(({ terms }) => terms?.keepFor)) await this.kept.recall(this.end.signal);
    this.allocation.start();
    this.outside?.ipam.start();
    void this.announced.start();
    this.ready = true;
    log.info("initial sync complete, allocating", {
      op: "sync",
      services: this.world.services.size,
      pools: this.world.config?.pools.length ?? 0,
      milliseconds: Math.round(performance.now() - started),
    });
    this.parts.memory.begin();
  }

  /** Speakers wait for it before they start, so no replica waits for the lead. */
  private makeSecret(): Promise<void> {
    const { "ml-secret-name": name, deployment } = this.parts.flags;
    return ensureMemberlistSecret({ ...this.parts, name, deployment, signal: this.end.signal });
  }

  /** A burst of changes is taken once. */
  private look(): void {
    setImmediate(() => this.take());
  }

  private take(): void {
    if (this.end.signal.aborted) return;
    const { services, config, problems } = this.world.take();
    if (services.size > 0) for (const each of [this.allocation, this.announced]) each.servicesChanged(services);
    if (config) this.allocation.poolsChanged(this.world.config?.pools ?? []);
    if (!problems) return;
    this.problems.tell(this.world.problems);
    this.configurationState?.tell(this.world.problems);
  }

  /** The leader tells in the API whether the configuration is valid. */
  private async tellState(): Promise<void> {
    const { client, namespace, flags, log } = this.parts;
    const owner = await findOwnPod(client, namespace, flags["pod-name"], log);
    if (this.end.signal.aborted) return;
    this.configurationState = new ConfigurationStateWriter({
      client,
      namespace,
      identity: {
        name: "controller",
        component: "controller",
        node: null,
        owner,
        fieldManager: "poolReconciler",
        conditionType: "poolReconcilerValid",
      },
      allowed: () => this.election.isLeader(),
      trouble: this.trouble.of("configurationstates"),
    });
    this.configurationState.start();
    if (this.world.config !== null) this.configurationState.tell(this.world.problems);
  }

  private listen(): Promise<Result<readonly HttpServer[]>> {
    const { allocation, world, writer, poolStatus, election, webhookFigures, outside } = this;
    return listen({
      ...this.parts,
      allocation,
      world,
      writer,
      poolStatus,
      election,
      webhookFigures,
      outside,
      lease: LEASE,
      ready: () => this.isReady(),
      state: () => this.state(),
    });
  }

  /** A replica that waits for the lead is ready when it could take over: it can read, and it can ask for the Lease. */
  private isReady(): boolean {
    if (this.parts.flags["webhook-mode"] === "onlywebhook") return this.webhooks?.isServing === true;
    if (this.election.isLeader()) return this.ready;
    return this.election.standsBy && this.world.hasRead(this.world.configurationKinds);
  }

  private state() {
    return stateOf({
      outcomes: this.allocation.outcomes,
      usage: this.allocation.usage(),
      problems: this.world.problems,
      leading: this.election.isLeader(),
      ready: this.ready,
    });
  }
}
