import { type FieldError, forbidden, invalid } from "../base/errors.ts";
import { equal, type JsonObject, object } from "../base/json.ts";
import { CONFIG_KEY_TEXT, isConfigKey } from "../base/names.ts";

/** What ConfigMaps and Secrets have in common. */

export function dataErrors(value: JsonObject, member: string): FieldError[] {
  return Object.keys(object(value, member)).flatMap((key) =>
    isConfigKey(key) ? [] : [invalid(`${member}[${key}]`, key, CONFIG_KEY_TEXT)],
  );
}

export function immutableErrors(value: JsonObject, old: JsonObject | null, members: readonly string[]): FieldError[] {
  if (old?.immutable !== true) return [];
  const why = "field is immutable when `immutable` is set";
  const errors = members.flatMap((member) =>
    equal(value[member] ?? {}, old[member] ?? {}) ? [] : [forbidden(member, why)],
  );
  return value.immutable === true ? errors : [forbidden("immutable", why), ...errors];
}
