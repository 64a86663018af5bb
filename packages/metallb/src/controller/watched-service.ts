import { ALLOCATED_FROM_POOL, decodeService, type Service } from "#api";
import { leanService, type Overrides } from "#world";

/** The type of the condition that says whether a Service has its addresses, and why not. */
export const ALLOCATED = "metallb.io/Allocated";
/** The type of the condition that says by whom it is announced, or why not. */
export const ANNOUNCED = "metallb.io/Announced";

export interface ConditionText {
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
}

/** A Service as the controller sees it: also what it wrote into it, and who else did. */
export interface WatchedService extends Service {
  /** Our condition as it stands; absent: there is none. */
  readonly condition?: ConditionText;
  /** The condition {@link ANNOUNCED} as it stands, and since when its status is what it is. */
  readonly announced?: ConditionText & { readonly since: string };
  /** An entry of the ingress has `ports`, which we never write. */
  readonly hasPorts?: true;
  /** Who last wrote `status.loadBalancer`, as managedFields name it. */
  readonly statusWriter?: string;
}

type Fields = Readonly<Record<string, unknown>>;
const fields = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {});
const list = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.map(fields) : []);
const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** The controller's projection of a Service; of one that is and was no LoadBalancer only the name is kept. */
export function watchedService(object: unknown): WatchedService | null {
  const service = decodeService(object);
  if (service === null) return null;
  const status = fields(fields(object).status);
  const condition = conditionOf(status, ALLOCATED);
  const announced = conditionOf(status, ANNOUNCED);
  const marked =
    service.ingress.length > 0 ||
    service.annotations[ALLOCATED_FROM_POOL] !== undefined ||
    condition !== null ||
    announced !== null;
  if (service.type !== "LoadBalancer" && !marked) return leanService(service);
  const hasPorts = list(fields(status.loadBalancer).ingress).some(({ ports }) => Array.isArray(ports));
  const statusWriter = writerOf(fields(object).metadata);
  return {
    ...service,
    ...(condition ? { condition: textOf(condition) } : {}),
    ...(announced ? { announced: { ...textOf(announced), since: text(announced.lastTransitionTime) } } : {}),
    ...(hasPorts ? { hasPorts } : {}),
    ...(statusWriter === null ? {} : { statusWriter }),
  };
}

const conditionOf = (status: Fields, of: string): Fields | null =>
  list(status.conditions).find(({ type }) => type === of) ?? null;

const textOf = ({ status, reason, message }: Fields): ConditionText => ({
  status: status === "True" ? "True" : "False",
  reason: text(reason),
  message: text(message),
});

/** The manager with the latest entry that owns `status.loadBalancer`. */
function writerOf(metadata: unknown): string | null {
  let latest: { readonly manager: string; readonly time: string } | null = null;
  for (const { manager, time, fieldsV1 } of list(fields(metadata).managedFields)) {
    if (!("f:loadBalancer" in fields(fields(fieldsV1)["f:status"]))) continue;
    if (latest === null || text(time) > latest.time) latest = { manager: text(manager), time: text(time) };
  }
  return latest?.manager.slice(0, 128) ?? null;
}

/**
 * A write is made on the version that was decided on, so each version of a Service is looked at; and of
 * a pool, since somebody else may have written its counters.
 */
export const OVERRIDES: Overrides = {
  services: { project: watchedService, same: (a, b) => a.resourceVersion === b.resourceVersion },
  ipaddresspools: {
    same: (a, b) => "good" in a && "good" in b && a.good.resourceVersion === b.good.resourceVersion,
  },
};
