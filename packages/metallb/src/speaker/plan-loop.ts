import { type Problem, problemsAt } from "#config";
import type { Ip } from "#net";
import type { Changes, PlanDifference, Planner, World } from "#planner";
import type { Logger } from "#process";
import { ProblemLog } from "#world";
import type { Announcements } from "./announcements.ts";
import { bgpParts } from "./bgp-difference.ts";
import { Drain } from "./drain.ts";
import type { EngineThread } from "./engine-thread.ts";

/** What differs, and whether the problems of the configuration do. */
export type LoopChanges = Changes & { readonly problems: boolean };

export interface PlanLoopParts {
  readonly world: World & { readonly problems: readonly Problem[]; take(): LoopChanges };
  readonly planner: Planner;
  /** The name of this node: problems of objects that do not select it are not told here. */
  readonly node: string;
  readonly engines: Pick<EngineThread, "hasRoom" | "send">;
  readonly announcements: Pick<Announcements, "tell">;
  readonly layer2: {
    apply(difference: PlanDifference, applied: () => void): void;
    tell(services: readonly string[]): void;
  };
  readonly log: Logger;
  /** BGP Identifier where neither settings nor the session's own address give one. */
  readonly fallbackRouterId: Ip;
  /** Calls back when what is under way in this turn is done. */
  readonly soon: (then: () => void) => void;
  /** A difference is on its way to the engines. */
  readonly onDifference: (difference: PlanDifference) => void;
  /** The problems differ from those told before. */
  readonly onProblems: (problems: readonly Problem[]) => void;
}

/**
 * From changed keys to engines, and from their acknowledgement to what people are told. Plans once a
 * turn, and not while parts of the last difference still wait to be sent: what changes meanwhile is
 * planned together.
 */
export class PlanLoop {
  readonly drain: Drain;
  private readonly parts: PlanLoopParts;
  private readonly problems: ProblemLog;
  private peerProblems: ReadonlySet<string> = new Set();
  /** Services whose latest verdict waits for the engines, with the number of the plan that gave it. */
  private readonly untold = new Map<string, number>();
  private plans = 0;
  /** Changes of Services, of Nodes and of the configuration that were planned. */
  handled = 0;
  /** Configurations that had problems of this node. */
  failed = 0;
  private scheduled = false;

  constructor(parts: PlanLoopParts) {
    this.parts = parts;
    this.problems = new ProblemLog(parts.log);
    this.drain = new Drain({ ...parts, changed: () => this.schedule() });
  }

  /** Something differs, or the engines have room again. */
  schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.parts.soon(() => {
      this.scheduled = false;
      if (this.parts.engines.hasRoom) this.plan();
    });
  }

  /** Plans what differs now. */
  plan(): void {
    const { drain } = this;
    const { world, planner, engines, layer2, fallbackRouterId, onDifference } = this.parts;
    drain.look(world.nodes.get(this.parts.node));
    const changes = world.take();
    const difference = planner.update(world, changes, drain.phase);
    const number = ++this.plans;
    this.handled += changes.services.size + changes.nodes.size + (changes.config ? 1 : 0);
    for (const key of difference.verdicts) this.untold.set(key, number);
    onDifference(difference);
    layer2.apply(difference, () => layer2.tell(difference.verdicts));
    engines.send("bgp", bgpParts(difference, fallbackRouterId, drain.farewell), () => {
      this.tell(difference.verdicts, number);
      drain.planned(planner.isLast);
    });
    this.tellProblems(changes);
  }

  /** Whether the latest verdict of the Service has reached the engines. */
  isApplied(service: string): boolean {
    return !this.untold.has(service);
  }

  /** The engines have it. What was planned anew meanwhile is told later. */
  private tell(verdicts: readonly string[], number: number): void {
    const { announcements, planner, world } = this.parts;
    const current = verdicts.filter((key) => this.untold.get(key) === number);
    for (const key of current) this.untold.delete(key);
    announcements.tell(current, planner.plan, world.services);
  }

  /** Each problem once, as long as it lasts. */
  private tellProblems({ config, problems, nodes }: LoopChanges): void {
    const { log, world, planner, node, onProblems } = this.parts;
    const now = new Set<string>();
    for (const { peer, message } of planner.peerProblems) {
      const text = `${peer} ${message}`;
      now.add(text);
      if (!this.peerProblems.has(text)) log.warn(message, { op: "configuration", kind: "BGPPeer", name: peer });
    }
    this.peerProblems = now;
    if (!config && !problems && !nodes.has(node)) return;
    const own = problemsAt(world.problems, world.nodes.get(node)?.labels);
    if (own.length > 0) this.failed++;
    this.problems.tell(own);
    onProblems(own);
  }
}
