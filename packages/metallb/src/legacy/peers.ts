import { join, present, quoted, type Reader } from "./reader.ts";

const ASN = [0, 0xffffffff] as const;
const PEER = [
  "my-asn",
  "peer-asn",
  "peer-address",
  "source-address",
  "peer-port",
  "hold-time",
  "keepalive-time",
  "router-id",
  "node-selectors",
  "password",
  "bfd-profile",
  "ebgp-multihop",
] as const;

/** `spec` of the BGPPeer (v1beta2) that a peer of the ConfigMap is. */
export function readPeer(reader: Reader, value: unknown, path: string): object {
  const peer = reader.fields(value, path, PEER);
  const at = (key: string): string => join(path, key);
  const required = <T>(key: string, read: T | undefined): T | undefined => {
    if (read === undefined && (peer[key] ?? "") === "") reader.error(at(key), "is missing");
    return read;
  };
  const password = reader.text(peer.password, at("password"));
  if (password !== undefined)
    reader.note(at("password"), "stays readable in the BGPPeer; a Secret named by spec.passwordSecret hides it");
  const selectors = reader
    .list(peer["node-selectors"], at("node-selectors"))
    .map((each, i) => readSelector(reader, each, `${at("node-selectors")}[${i}]`));
  return present({
    myASN: required("my-asn", reader.whole(peer["my-asn"], at("my-asn"), ASN)),
    peerASN: required("peer-asn", reader.whole(peer["peer-asn"], at("peer-asn"), ASN)),
    peerAddress: required("peer-address", reader.text(peer["peer-address"], at("peer-address"))),
    sourceAddress: reader.text(peer["source-address"], at("source-address")),
    peerPort: reader.whole(peer["peer-port"], at("peer-port"), [0, 65535]) || undefined,
    holdTime: readDuration(reader, peer["hold-time"], at("hold-time")),
    keepaliveTime: readDuration(reader, peer["keepalive-time"], at("keepalive-time")),
    routerID: reader.text(peer["router-id"], at("router-id")),
    nodeSelectors: selectors.length > 0 ? selectors : undefined,
    password,
    bfdProfile: reader.text(peer["bfd-profile"], at("bfd-profile")),
    ebgpMultiHop: reader.flag(peer["ebgp-multihop"], at("ebgp-multihop")),
  });
}

/** A duration in Go's words; the first versions took a bare number, which were seconds. */
function readDuration(reader: Reader, value: unknown, path: string): string | undefined {
  if (typeof value === "number") {
    const seconds = reader.whole(value, path, [0, 65535]);
    return seconds === undefined ? undefined : `${seconds}s`;
  }
  const text = reader.text(value, path);
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return `${text}s`;
  if (text.length <= 40 && /^\+?(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return text;
  reader.error(path, `${quoted(text)} is not a duration such as 90s`);
  return undefined;
}

function readSelector(reader: Reader, value: unknown, path: string): object {
  const selector = reader.fields(value, path, ["match-labels", "match-expressions"]);
  const labels = reader.mapping(selector["match-labels"], join(path, "match-labels")).flatMap(([key, label]) => {
    const text = label === "" ? "" : reader.text(label, join(path, `match-labels.${key}`));
    return text === undefined ? [] : [[key, text] as const];
  });
  const expressions = reader
    .list(selector["match-expressions"], join(path, "match-expressions"))
    .map((each, i) => readExpression(reader, each, `${join(path, "match-expressions")}[${i}]`));
  return present({
    matchLabels: labels.length > 0 ? Object.fromEntries(labels) : undefined,
    matchExpressions: expressions.length > 0 ? expressions : undefined,
  });
}

function readExpression(reader: Reader, value: unknown, path: string): object {
  const expression = reader.fields(value, path, ["key", "operator", "values"]);
  const values = reader.texts(expression.values, join(path, "values"));
  return present({
    key: reader.text(expression.key, join(path, "key")) ?? "",
    operator: reader.text(expression.operator, join(path, "operator")) ?? "",
    values: values.length > 0 ? values : undefined,
  });
}

const PROFILE = [
  "name",
  "receive-interval",
  "transmit-interval",
  "detect-multiplier",
  "echo-interval",
  "echo-mode",
  "passive-mode",
  "minimum-ttl",
] as const;

/** Name and `spec` of the BFDProfile that a profile of the ConfigMap is. */
export function readProfile(
  reader: Reader,
  value: unknown,
  path: string,
): { readonly name: string; readonly spec: object } {
  const profile = reader.fields(value, path, PROFILE);
  const number = (key: (typeof PROFILE)[number]) => reader.whole(profile[key], join(path, key), [0, 0xffffffff]);
  const flag = (key: (typeof PROFILE)[number]) => reader.flag(profile[key], join(path, key));
  const name = reader.text(profile.name, join(path, "name"));
  if (name === undefined) reader.error(join(path, "name"), "is missing");
  return {
    name: name ?? "",
    spec: present({
      receiveInterval: number("receive-interval"),
      transmitInterval: number("transmit-interval"),
      detectMultiplier: number("detect-multiplier"),
      echoInterval: number("echo-interval"),
      echoMode: flag("echo-mode"),
      passiveMode: flag("passive-mode"),
      minimumTtl: number("minimum-ttl"),
    }),
  };
}
