/** A ConfigMap as the first MetalLBs were configured by it. */
export interface ConfigText {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Value of its key `config`; null: it has none. */
  readonly text: string | null;
}

type Fields = Readonly<Record<string, unknown>>;

export function projectConfigText(object: unknown): ConfigText | null {
  const { metadata, data } = (object ?? {}) as { readonly metadata?: Fields | null; readonly data?: Fields | null };
  const text = (value: unknown): string => (typeof value === "string" ? value : "");
  const name = text(metadata?.name);
  if (name === "") return null;
  const config = data?.config;
  return {
    namespace: text(metadata?.namespace),
    name,
    uid: text(metadata?.uid),
    text: typeof config === "string" ? config : null,
  };
}

export const sameConfigText = (a: ConfigText, b: ConfigText): boolean => a.text === b.text && a.uid === b.uid;
