import { err, type Ip, ipEquals, ok, parseIp, parsePrefix, prefixContains, type Result, unmap } from "#net";

type Env = Readonly<Record<string, string | undefined>>;

/** What a kubeconfig may name, and the environment; the latter as Go has it. */
const KUBECONFIG_SCHEMES = ["http:", "https:", "socks5:"];
const ENV_SCHEMES = [...KUBECONFIG_SCHEMES, "socks5h:"];

/**
 * The proxy on the way to a server: that of the kubeconfig, which is always gone through, else that of the environment
 * by the rules of Go's `httpproxy`, which client-go goes by. Null: none.
 */
export function proxyFor(server: string, given: string | null, env: Env): Result<string | null> {
  if (given === null) return fromEnvironment(new URL(server), env);
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(given)?.[1]?.toLowerCase() ?? "";
  if (!URL.canParse(given) || !KUBECONFIG_SCHEMES.includes(`${scheme}:`))
    return err(`clusters[].cluster.proxy-url: only http, https and socks5 proxies are supported, not "${scheme}"`);
  return ok(given);
}

function fromEnvironment(server: URL, env: Env): Result<string | null> {
  const secure = server.protocol === "https:";
  const named = secure ? first(env, "HTTPS_PROXY", "https_proxy") : first(env, "HTTP_PROXY", "http_proxy");
  if (named === "" || isExempt(server, first(env, "NO_PROXY", "no_proxy"))) return ok(null);
  // A proxy without a scheme is one for HTTP.
  const url = [named, `http://${named}`].find(
    (text) => /^[a-z][a-z0-9+.-]*:\/\/[^/]/i.test(text) && URL.canParse(text),
  );
  if (url === undefined) return ok(null);
  const { protocol } = new URL(url);
  if (ENV_SCHEMES.includes(protocol)) return ok(url);
  return err(`${secure ? "HTTPS_PROXY" : "HTTP_PROXY"}: a proxy of the kind ${protocol.slice(0, -1)} is not supported`);
}

/** The capital letters count first; what is empty does not count. */
const first = (env: Env, ...names: readonly string[]): string =>
  names.map((name) => env[name] ?? "").find((value) => value !== "") ?? "";

/**
 * `NO_PROXY`: addresses and ranges of them, names with what lies below them (`.name`: that alone), each but a range
 * with a port or without, and `*`. This machine itself is never asked through a proxy.
 */
function isExempt(server: URL, list: string): boolean {
  const host = server.hostname.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  const port = server.port || (server.protocol === "https:" ? "443" : "80");
  const address = addressOf(host);
  if (host === "localhost" || (address !== null && isLoopback(address))) return true;
  const entries = list.split(",").map((each) => each.trim().toLowerCase());
  return entries.includes("*") || entries.some((entry) => matches(entry, host, address, port));
}

function matches(entry: string, host: string, address: Ip | null, port: string): boolean {
  if (entry.includes("/")) {
    const prefix = parsePrefix(entry);
    if (prefix.ok) return address !== null && prefixContains(prefix.value, address);
  }
  const split = splitPort(entry);
  if (split.host === "" || (split.port !== "" && split.port !== port)) return false;
  const exact = addressOf(split.host);
  if (exact !== null) return address !== null && ipEquals(exact, address);
  const name = split.host.replace(/^\*\./, ".");
  return name.startsWith(".") ? host.endsWith(name) : host === name || host.endsWith(`.${name}`);
}

/** `host:port` and `[address]:port`; all else is a host. */
function splitPort(entry: string): { readonly host: string; readonly port: string } {
  const found = /^(?:\[([^\]]*)\]|([^:]*)):([^:]*)$/.exec(entry);
  return found ? { host: found[1] ?? found[2] ?? "", port: found[3] ?? "" } : { host: entry, port: "" };
}

function addressOf(text: string): Ip | null {
  const parsed = parseIp(text);
  return parsed.ok ? unmap(parsed.value) : null;
}

const isLoopback = ({ family, value }: Ip): boolean => (family === 4 ? value >> 24n === 127n : value === 1n);
