import type { EndpointSlice, Node, Service } from "#api";
import type { Config, Problem } from "#config";
import type { LeaseHolders, SpeakerLinks } from "#planner";
import type { WatchedWorld } from "#world";
import type { Layer2 } from "./layer2.ts";
import type { LoopChanges } from "./plan-loop.ts";

type Voters = Pick<Layer2, "eligible" | "speakers" | "hasMajority" | "leaseHolders" | "takeDiffers">;

/** What the planner decides from: the API's objects, and which speakers are alive. */
export class MemberWorld {
  private readonly world: WatchedWorld;
  private readonly layer2: Voters;

  constructor(world: WatchedWorld, layer2: Voters) {
    this.world = world;
    this.layer2 = layer2;
  }

  get services(): ReadonlyMap<string, Service> {
    return this.world.services;
  }

  get nodes(): ReadonlyMap<string, Node> {
    return this.world.nodes;
  }

  get config(): Config | null {
    return this.world.config;
  }

  get problems(): readonly Problem[] {
    return this.world.problems;
  }

  get members(): ReadonlySet<string> | null {
    return this.layer2.eligible;
  }

  get speakers(): ReadonlyMap<string, SpeakerLinks> | null {
    return this.layer2.speakers;
  }

  get hasMajority(): boolean {
    return this.layer2.hasMajority;
  }

  get leases(): LeaseHolders | null {
    return this.layer2.leaseHolders;
  }

  endpointSlices(service: string): Iterable<EndpointSlice> {
    return this.world.endpointSlices(service);
  }

  take(): LoopChanges {
    return { ...this.world.take(), members: this.layer2.takeDiffers() };
  }
}
