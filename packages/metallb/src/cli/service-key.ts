import { visible } from "#terminal";

/** `name` means one of that name, in `default` where several have it. */
export function serviceKey(asked: string, keys: readonly string[]): string {
  if (asked.includes("/")) return asked;
  const named = keys.filter((key) => key.endsWith(`/${asked}`));
  if (named.length > 1 && !named.includes(`default/${asked}`)) {
    throw new Error(`several Services are named '${visible(asked)}': ${named.map(visible).join(", ")}`);
  }
  return named.length === 1 && named[0] !== undefined ? named[0] : `default/${asked}`;
}
