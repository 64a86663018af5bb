import { isObject, type Json, own } from "../base/json.ts";

/** Reads a printer column's path: `.spec.x`, `.metadata.labels.a\.b`, `.status.conditions[?(@.type=="Ready")].status`, `.a[0].b`, `.a[*].b`. */
export function compileJsonPath(path: string): ((value: Json) => Json[]) | null {
  const steps: ((values: Json[]) => Json[])[] = [];
  let rest = path.replace(/^\{(.*)\}$/, "$1").replace(/^\$/, "");
  while (rest !== "") {
    const field = /^\.((?:\\.|[^.[\\])+)/.exec(rest);
    const filter = /^\[\?\(@\.([\w./-]+)\s*(==|!=)\s*(?:"([^"]*)"|'([^']*)'|([\w.-]+))\)\]/.exec(rest);
    const index = /^\[(-?\d+|\*)\]/.exec(rest);
    const quoted = /^\[(?:'([^']*)'|"([^"]*)")\]/.exec(rest);
    const found = field ?? filter ?? index ?? quoted;
    if (!found) return rest === "." ? (value) => [value] : null;
    if (field) steps.push(member((field[1] ?? "").replaceAll(/\\(.)/g, "$1")));
    else if (filter) steps.push(where(filter[1] ?? "", filter[2] === "==", filter[3] ?? filter[4] ?? filter[5] ?? ""));
    else if (index) steps.push(at(index[1] ?? "*"));
    else steps.push(member(quoted?.[1] ?? quoted?.[2] ?? ""));
    rest = rest.slice(found[0].length);
  }
  return (value) => steps.reduce((values, step) => step(values), [value]);
}

const member =
  (name: string) =>
  (values: Json[]): Json[] =>
    values.flatMap((value) => {
      if (!isObject(value)) return [];
      if (name === "*") return Object.values(value);
      return Object.hasOwn(value, name) ? [value[name] as Json] : [];
    });

const at =
  (index: string) =>
  (values: Json[]): Json[] =>
    values.flatMap((value) => {
      if (!Array.isArray(value)) return [];
      if (index === "*") return value;
      const item = value.at(Number(index));
      return item === undefined ? [] : [item];
    });

const where =
  (name: string, equal: boolean, wanted: string) =>
  (values: Json[]): Json[] =>
    values
      .flatMap((value) => (Array.isArray(value) ? value : []))
      .filter((item) => {
        const found = name
          .split(".")
          .reduce<Json | undefined>((at, step) => (isObject(at) ? own(at, step) : undefined), item);
        return (
          found !== undefined && ((typeof found === "string" ? found : JSON.stringify(found)) === wanted) === equal
        );
      });
