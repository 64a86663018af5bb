import { readFileSync, statSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { createSecureContext } from "node:tls";
import { parse } from "yaml";
import { err, ok, type Result } from "#net";
import type { Cluster } from "./cluster-access.ts";
import { certificateProblem, type FileKind, fixedText, type RereadFile, rereadFile } from "./credential-files.ts";
import { type ExecPlugin, execPlugin, type Fields } from "./exec-credential.ts";
import { proxyFor } from "./proxy.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** An entry of a list, and the folder that its paths are meant from. */
interface Found {
  readonly fields: Fields;
  readonly folder: string;
}

/**
 * The cluster of the current context, as client-go reads it; of several files the first that names a
 * thing counts. What cannot be honoured is refused by name: nothing is silently ignored.
 */
export function fromKubeconfig(files: readonly string[], env: Env, wanted?: string): Result<Cluster> {
  const named = files.filter((file) => file !== "");
  const present = named.filter((file) => statSync(file, { throwIfNoEntry: false }));
  if (present.length === 0) return err(`kubeconfig ${named.join(", ")} cannot be read: there is no such file`);
  const configs: (Found & { readonly file: string })[] = [];
  for (const file of present) {
    const config = readConfig(file);
    if (!config.ok) return config;
    configs.push({ file, fields: config.value, folder: dirname(file) });
  }
  const label = `kubeconfig ${present.join(", ")}`;
  const problem = (what: string) => err(`${label}: ${what}`);
  const find = (list: string, item: string, name: string): Found | undefined => {
    for (const { fields, folder } of configs) {
      const entries = Array.isArray(fields[list]) ? (fields[list] as (Fields | null)[]) : [];
      const entry = entries.find((each) => each?.name === name)?.[item];
      if (isFields(entry)) return { fields: entry, folder };
    }
    return undefined;
  };
  const current =
    wanted ?? configs.map(({ fields }) => text(fields["current-context"])).find((name) => name !== null) ?? null;
  if (current === null) return problem("current-context is not set");
  const context = find("contexts", "context", current)?.fields;
  if (!context) {
    const which = wanted === undefined ? "current-context" : "context";
    return problem(`${which} "${current}" is not among contexts`);
  }
  const clusterName = text(context.cluster) ?? "";
  const cluster = find("clusters", "cluster", clusterName);
  if (!cluster) return problem(`cluster "${clusterName}" is not among clusters`);
  const userName = text(context.user);
  const user = userName === null ? undefined : find("users", "user", userName);
  if (userName !== null && !user && !configs.some(({ fields }) => hasName(fields.users, userName)))
    return problem(`user "${userName}" is not among users`);
  const read = assemble(cluster, user ?? { fields: {}, folder: cluster.folder }, clusterName, env);
  if (!read.ok) return problem(read.error);
  return ok({
    ...read.value,
    namespace: text(context.namespace),
    get tls() {
      return read.value.tls;
    },
  });
}

function assemble(cluster: Found, user: Found, clusterName: string, env: Env): Result<Omit<Cluster, "namespace">> {
  const server = text(cluster.fields.server);
  if (server === null || !URL.canParse(server) || !/^https?:/.test(server))
    return err(`clusters[${clusterName}].cluster.server is not a URL`);
  const ca = material(cluster, "certificate-authority", "certificates");
  if (!ca.ok) return ca;
  const insecure = cluster.fields["insecure-skip-tls-verify"] === true;
  if (insecure && ca.value) return err("insecure-skip-tls-verify and a certificate-authority exclude each other");
  const cert = material(user, "client-certificate", "certificates");
  if (!cert.ok) return cert;
  const key = material(user, "client-key", "text");
  if (!key.ok) return key;
  const pair = pairProblem(cert.value, key.value);
  if (pair !== null) return err(pair);
  const proxy = proxyFor(server, text(cluster.fields["proxy-url"]), env);
  if (!proxy.ok) return proxy;
  const headers = headersOf(user.fields);
  if (!headers.ok) return headers;
  if (user.fields["auth-provider"] !== undefined)
    return err("users[].user.auth-provider is no longer supported; use exec");
  const plugin = isFields(user.fields.exec)
    ? execPlugin(user.fields.exec, user.folder, clusterInfo(cluster, ca.value))
    : ok(null);
  if (!plugin.ok) return plugin;
  const token = tokenOf(user, plugin.value);
  if (!token.ok) return token;
  const servername = text(cluster.fields["tls-server-name"]);
  return ok({
    server: server.replace(/\/$/, ""),
    get tls() {
      const given = plugin.value?.last;
      return {
        ...(ca.value === null ? {} : { ca: ca.value.text }),
        ...(given?.cert && given.key ? { cert: given.cert, key: given.key } : {}),
        ...(cert.value && key.value ? { cert: cert.value.text, key: key.value.text } : {}),
        ...(servername === null ? {} : { servername }),
        ...(insecure ? { rejectUnauthorized: false } : {}),
      };
    },
    headers: headers.value,
    proxy: proxy.value,
    token: token.value.token,
    refused: () => {
      token.value.refused?.();
      for (const file of [cert.value, key.value]) file?.forget();
    },
    distrusted: () => ca.value?.forget(),
  });
}

/** In this order, as client-go has it: a token file, a token, a plugin. */
function tokenOf(user: Found, plugin: ExecPlugin | null): Result<Pick<Cluster, "token" | "refused">> {
  const path = text(user.fields.tokenFile);
  if (path !== null) {
    const file = rereadFile(isAbsolute(path) ? path : join(user.folder, path), "tokenFile", "text");
    if (!file.ok) return file;
    return ok({ token: async () => file.value.text.trim(), refused: () => file.value.forget() });
  }
  const token = text(user.fields.token);
  if (token !== null) return ok({ token: async () => token });
  if (plugin === null) return ok({ token: async () => null });
  return ok({ token: async () => (await plugin.credential()).token, refused: () => plugin.forget() });
}

/** A password, and on whose behalf requests are made. */
function headersOf(user: Fields): Result<Record<string, string | readonly string[]>> {
  const headers: Record<string, string | readonly string[]> = {};
  const [username, password] = [text(user.username), text(user.password)];
  if (username !== null || password !== null) {
    if (text(user.token) !== null || text(user.tokenFile) !== null)
      return err("users[].user has a token and a password: only one may be given");
    headers.authorization = `Basic ${Buffer.from(`${username ?? ""}:${password ?? ""}`).toString("base64")}`;
  }
  const [as, uid, groups, extra] = [text(user.as), text(user["as-uid"]), user["as-groups"], user["as-user-extra"]];
  if (as === null && (uid !== null || groups !== undefined || extra !== undefined))
    return err("users[].user.as-uid, as-groups and as-user-extra need users[].user.as");
  if (as !== null) headers["impersonate-user"] = as;
  if (uid !== null) headers["impersonate-uid"] = uid;
  if (groups !== undefined && groups !== null) {
    if (!isTexts(groups)) return err("users[].user.as-groups must be a list of texts");
    headers["impersonate-group"] = groups;
  }
  if (extra === undefined || extra === null) return ok(headers);
  if (!isFields(extra)) return err("users[].user.as-user-extra must map names to lists of texts");
  for (const [name, values] of Object.entries(extra)) {
    if (!isTexts(values)) return err("users[].user.as-user-extra must map names to lists of texts");
    headers[`impersonate-extra-${encodeURIComponent(name.toLowerCase())}`] = values;
  }
  return ok(headers);
}

/** A file that is named, or what stands in `…-data`; the latter counts. Null without either. */
function material({ fields, folder }: Found, name: string, kind: FileKind): Result<RereadFile | null> {
  const inline = text(fields[`${name}-data`]);
  if (inline !== null) {
    const content = Buffer.from(inline, "base64").toString("utf8");
    const problem = kind === "certificates" ? certificateProblem(content) : null;
    return problem === null ? ok(fixedText(content)) : err(`${name}-data: ${problem}`);
  }
  const path = text(fields[name]);
  return path === null ? ok(null) : rereadFile(isAbsolute(path) ? path : join(folder, path), name, kind);
}

function pairProblem(cert: RereadFile | null, key: RereadFile | null): string | null {
  if (cert === null && key === null) return null;
  if (cert === null) return "users[].user has a client-key without a client-certificate";
  if (key === null) return "users[].user has a client-certificate without a client-key";
  try {
    createSecureContext({ cert: cert.text, key: key.text });
    return null;
  } catch (error) {
    return `client-certificate and client-key cannot be used together: ${(error as Error).message}`;
  }
}

/** What a plugin is told of the cluster, where it asks for that. */
function clusterInfo({ fields }: Found, ca: RereadFile | null): Fields {
  const extensions = Array.isArray(fields.extensions) ? (fields.extensions as (Fields | null)[]) : [];
  const config = extensions.find((each) => each?.name === "client.authentication.k8s.io/exec")?.extension;
  return {
    server: fields.server,
    ...(ca === null ? {} : { "certificate-authority-data": Buffer.from(ca.text).toString("base64") }),
    ...(fields["tls-server-name"] === undefined ? {} : { "tls-server-name": fields["tls-server-name"] }),
    ...(fields["insecure-skip-tls-verify"] === true ? { "insecure-skip-tls-verify": true } : {}),
    ...(fields["proxy-url"] === undefined ? {} : { "proxy-url": fields["proxy-url"] }),
    ...(config === undefined ? {} : { config }),
  };
}

function readConfig(file: string): Result<Fields> {
  try {
    const config: unknown = parse(readFileSync(file, "utf8")) ?? {};
    return isFields(config) ? ok(config) : err(`kubeconfig ${file} is not a kubeconfig`);
  } catch (error) {
    const [first] = (error as Error).message.split("\n");
    const isSystem = (error as NodeJS.ErrnoException).code?.startsWith("E") === true;
    return err(`kubeconfig ${file} ${isSystem ? "cannot be read" : "is not YAML"}: ${first}`);
  }
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((each) => typeof each === "string");
const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);
const hasName = (list: unknown, name: string): boolean =>
  Array.isArray(list) && (list as readonly (Fields | null)[]).some((entry) => entry?.name === name);
