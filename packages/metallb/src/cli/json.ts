/** Reading what comes from outside: a field of the wrong type is read as absent. */
export const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
export const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
