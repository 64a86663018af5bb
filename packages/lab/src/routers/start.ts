import { findProgram, run } from "#base";
import type { Place } from "#network";
import { startBird } from "./bird.ts";
import { startFrr } from "./frr.ts";
import { startGobgp } from "./gobgp.ts";
import {
  ROUTER_KINDS,
  type Router,
  type RouterDescription,
  type RouterKind,
  RouterUnavailable,
  type StartRouter,
} from "./router.ts";

const STARTERS: Readonly<Record<RouterKind, StartRouter>> = {
  bird: startBird,
  frr: startFrr,
  gobgp: startGobgp,
  // Loaded only when it is wanted: it brings the whole codec.
  builtin: async (...how) => (await import("./builtin.ts")).startBuiltin(...how),
};

export interface StartedRouter {
  readonly router: Router;
  /** With `auto`: why the makes before it were passed over. */
  readonly passedOver: readonly string[];
}

/**
 * Starts a router of the given make in `place`, or with `auto` the first that can be had, and waits
 * until it answers. Its files live in `folder`, which it makes and removes.
 * Rejects with `RouterUnavailable` where the make is not installed or cannot do what is asked.
 */
export async function startRouter(
  kind: RouterKind | "auto",
  place: Place,
  description: RouterDescription,
  folder: string,
): Promise<StartedRouter> {
  if (description.installRoutes) await spreadByConnection(place);
  if (kind !== "auto") return { router: await STARTERS[kind](place, description, folder), passedOver: [] };
  const passedOver: string[] = [];
  for (const candidate of ROUTER_KINDS) {
    try {
      return { router: await STARTERS[candidate](place, description, folder), passedOver };
    } catch (error) {
      passedOver.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new RouterUnavailable(`no router could be started: ${passedOver.join("; ")}`);
}

/** Without this the kernel chooses among equal routes by addresses alone: one client, one node. */
async function spreadByConnection(place: Place): Promise<void> {
  const sysctl = findProgram("sysctl") ?? "sysctl";
  for (const family of ["ipv4", "ipv6"]) {
    await run(place.command([sysctl, "-qw", `net.${family}.fib_multipath_hash_policy=1`]));
  }
}
