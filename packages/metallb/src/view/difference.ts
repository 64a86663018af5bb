import type { View } from "./view.ts";

/** Lists of a view that are long, and what tells their items apart. */
const KEYS = {
  services: (item: Item) => item.key,
  nodes: (item: Item) => item.name,
  pools: (item: Item) => item.name,
  layer2: (item: Item) => `${String(item.service)} ${String(item.address)} ${String(item.node)}`,
  routes: (item: Item) => item.prefix,
} as const satisfies Readonly<Record<string, (item: Item) => unknown>>;

type Item = Readonly<Record<string, unknown>>;
type ListName = keyof typeof KEYS;
type Fields = Readonly<Record<string, unknown>>;

const LISTS = Object.keys(KEYS) as readonly ListName[];
const isList = (name: string): name is ListName => Object.hasOwn(KEYS, name);

/** What differs between two views: enough to make the one of the other. */
export interface ViewDifference {
  /** Fields that are not lists, or that are told whole. */
  readonly fields: Fields;
  /** Items of lists: those that are gone, and those that are new or differ, each behind another; null: at the front. */
  readonly lists: Readonly<Record<string, ListDifference>>;
}

export interface ListDifference {
  readonly gone: readonly string[];
  readonly put: readonly { readonly after: string | null; readonly item: unknown }[];
}

/** A view with the text of each part, so that the next one is compared without writing this one again. */
export interface Written {
  readonly view: View;
  readonly fields: ReadonlyMap<string, string>;
  readonly lists: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export function written(view: View): Written {
  const fields = new Map<string, string>();
  const lists = new Map<string, ReadonlyMap<string, string>>();
  for (const [name, value] of Object.entries(view)) {
    const items = isList(name) ? textsOf(name, value as readonly Item[]) : null;
    if (items === null) fields.set(name, JSON.stringify(value));
    else lists.set(name, items);
  }
  return { view, fields, lists };
}

/** Null where two items have one key: then nothing tells them apart, and the list is told whole. */
function textsOf(name: ListName, items: readonly Item[]): ReadonlyMap<string, string> | null {
  const texts = new Map(items.map((item) => [String(KEYS[name](item)), JSON.stringify(item)]));
  return texts.size === items.length ? texts : null;
}

/** Null: nothing differs. A view of another kind, or one that lacks what the other has, is told whole by the caller. */
export function differenceOf(before: Written, after: Written): ViewDifference | null {
  const fields: Record<string, unknown> = {};
  const lists: Record<string, ListDifference> = {};
  const whole = after.view as unknown as Fields;
  for (const [name, text] of after.fields) if (before.fields.get(name) !== text) fields[name] = whole[name];
  for (const [name, texts] of after.lists) {
    const was = before.lists.get(name);
    const difference = was === undefined ? null : listDifference(was, texts, whole[name] as readonly unknown[]);
    if (difference === null) fields[name] = whole[name];
    else if (difference.gone.length + difference.put.length > 0) lists[name] = difference;
  }
  return Object.keys(fields).length + Object.keys(lists).length === 0 ? null : { fields, lists };
}

/** Null: those that stay are in another order. */
function listDifference(
  was: ReadonlyMap<string, string>,
  is: ReadonlyMap<string, string>,
  items: readonly unknown[],
): ListDifference | null {
  const stay = [...was.keys()].filter((key) => is.has(key));
  let place = 0;
  let after: string | null = null;
  const put: ListDifference["put"][number][] = [];
  let index = 0;
  for (const [key, text] of is) {
    const item = items[index++];
    if (!was.has(key)) put.push({ after, item });
    else {
      if (stay[place++] !== key) return null;
      if (was.get(key) !== text) put.push({ after, item });
    }
    after = key;
  }
  return { gone: [...was.keys()].filter((key) => !is.has(key)), put };
}

/** The later view. What does not differ is the same object as before. */
export function withDifference(view: View, { fields, lists }: ViewDifference): View {
  const changed: Record<string, unknown> = { ...fields };
  const before = view as unknown as Fields;
  for (const name of LISTS) {
    const difference = lists[name];
    if (difference !== undefined) changed[name] = applied(name, before[name] as readonly Item[], difference);
  }
  return { ...view, ...changed };
}

function applied(name: ListName, before: readonly Item[], { gone, put }: ListDifference): readonly unknown[] {
  const keyOf = (item: unknown): string => String(KEYS[name](item as Item));
  const left = new Set([...gone, ...put.map(({ item }) => keyOf(item))]);
  const behind = new Map<string | null, unknown>(put.map(({ after, item }) => [after, item]));
  const items: unknown[] = [];
  /** What is put behind this one, and behind that, and so on. */
  const follow = (key: string | null): void => {
    for (let at = behind.get(key); at !== undefined; at = behind.get(keyOf(at))) items.push(at);
  };
  follow(null);
  for (const item of before) {
    const key = keyOf(item);
    if (left.has(key)) continue;
    items.push(item);
    follow(key);
  }
  return items;
}
