import type { BGPPeer, Secret } from "#api";
import type { BfdAuthentication } from "./config.ts";
import { type ProblemList, quoted } from "./problems.ts";

/** What annotations of a BGPPeer say, beyond upstream's fields. */
const TYPE = "metallb.io/bfd-authentication";
const SECRET = "metallb.io/bfd-authentication-secret";
const KEY_ID = "metallb.io/bfd-authentication-key-id";

/** Octets of a key at most: RFC 5880 sections 4.2 to 4.4. */
const LONGEST: Readonly<Record<BfdAuthentication["type"], number>> = {
  simple: 16,
  "keyed-md5": 16,
  "meticulous-keyed-md5": 16,
  "keyed-sha1": 20,
  "meticulous-keyed-sha1": 20,
};

/** The Secret that holds the key, by `namespace/name`; null: none is named. */
export function bfdSecretOf({ annotations, namespace }: Pick<BGPPeer, "annotations" | "namespace">): string | null {
  const name = annotations[SECRET];
  return name ? `${namespace}/${name}` : null;
}

/** `wrong`: it is asked for and cannot be had, and then the path must not be watched without it. */
export function readBfdAuthentication(
  { annotations, namespace, spec }: BGPPeer,
  secrets: ReadonlyMap<string, Secret>,
  problems: ProblemList,
): BfdAuthentication | "wrong" | null {
  const [type, secret, keyId = "1"] = [annotations[TYPE], annotations[SECRET], annotations[KEY_ID]];
  if (type === undefined && secret === undefined && annotations[KEY_ID] === undefined) return null;
  const wrong = (
    annotation: string,
    message: string,
    code: "invalidAnnotation" | "invalidPassword",
    transient = false,
  ) => {
    problems.add(code, `metadata.annotations[${annotation}]`, message, transient);
    return "wrong" as const;
  };
  if (!isType(type))
    return wrong(TYPE, `${quoted(type ?? "")} is none of ${Object.keys(LONGEST).join(", ")}`, "invalidAnnotation");
  if (!spec.bfdProfile)
    return wrong(TYPE, "the peer names no bfdProfile, so nothing is to be authenticated", "invalidAnnotation");
  if (!/^\d{1,3}$/.test(keyId) || Number(keyId) > 255)
    return wrong(KEY_ID, `${quoted(keyId)} is not a number from 0 to 255`, "invalidAnnotation");
  const key = bfdSecretOf({ annotations, namespace });
  if (key === null) return wrong(SECRET, "the Secret that holds the key is not named", "invalidAnnotation");
  const found = secrets.get(key);
  if (!found) return wrong(SECRET, `Secret ${quoted(key)} is not there`, "invalidPassword", true);
  if (found.type !== "kubernetes.io/basic-auth")
    return wrong(SECRET, `Secret ${quoted(key)} is not of the type kubernetes.io/basic-auth`, "invalidPassword", true);
  const octets = new TextEncoder().encode(found.password ?? "").length;
  if (!found.password || octets > LONGEST[type])
    return wrong(
      SECRET,
      `the password of Secret ${quoted(key)} must be 1 to ${LONGEST[type]} octets`,
      "invalidPassword",
      true,
    );
  return { type, keyId: Number(keyId), key: found.password };
}

const isType = (text: string | undefined): text is BfdAuthentication["type"] =>
  text !== undefined && Object.hasOwn(LONGEST, text);
