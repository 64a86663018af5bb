import { ensure, equal, type JsonObject, number } from "../base/json.ts";

/** What the strategies of several kinds have in common. */

export const setGeneration = (value: JsonObject) => {
  ensure(value, "metadata").generation = 1;
};

/** Counts a change of anything but metadata and status. */
export function bumpGeneration(value: JsonObject, old: JsonObject): void {
  const before = number(old, "metadata", "generation") ?? 0;
  const { metadata: _, status: __, ...rest } = value;
  const { metadata: ___, status: ____, ...oldRest } = old;
  ensure(value, "metadata").generation = equal(rest, oldRest) ? before : before + 1;
}

export const keepStatus = (value: JsonObject, old: JsonObject) => {
  if (old.status === undefined) delete value.status;
  else value.status = old.status;
};

export const keepSpec = (value: JsonObject, old: JsonObject) => {
  if (old.spec === undefined) delete value.spec;
  else value.spec = old.spec;
};
