import type { Environment } from "@marcbachmann/cel-js";

/** A URL as Go's `url.ParseRequestURI` takes it apart. */
class RequestUrl {
  readonly scheme: string;
  /** With the port. */
  readonly host: string;
  readonly path: string;
  readonly query: string;
  constructor(scheme: string, host: string, path: string, query: string) {
    this.scheme = scheme;
    this.host = host;
    this.path = path;
    this.query = query;
  }
}

const HOST = /^(?:\[[0-9A-Fa-f:.%]+\]|[^\s[\]<>"\\^`{|}:]*)(?::[0-9]*)?$/;

/** Null for what is neither an absolute URL nor an absolute path. */
function parseUrl(text: string): RequestUrl | null {
  // Control characters: Go refuses them.
  if (/\p{Cc}/u.test(text)) return null;
  const [, scheme = "", rest = ""] = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(.*)$/.exec(text) ?? [];
  const at = rest.indexOf("?");
  const [before, query] = at < 0 ? [rest, ""] : [rest.slice(0, at), rest.slice(at + 1)];
  if (/%(?![0-9A-Fa-f]{2})/.test(before)) return null;
  if (!before.startsWith("/")) return scheme === "" ? null : new RequestUrl(scheme.toLowerCase(), "", "", query);
  if (scheme === "" || !before.startsWith("//")) return new RequestUrl(scheme.toLowerCase(), "", before, query);
  const [, authority = "", path = ""] = /^\/\/([^/]*)(.*)$/.exec(before) ?? [];
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  return HOST.test(host) ? new RequestUrl(scheme.toLowerCase(), host, path, query) : null;
}

function urlOf(text: string): RequestUrl {
  const url = parseUrl(text);
  if (url === null)
    throw new Error(`URL parse error during conversion from string: parse "${text}": invalid URI for request`);
  return url;
}

const portOf = ({ host }: RequestUrl): string => /:([0-9]*)$/.exec(host)?.[1] ?? "";
const hostnameOf = ({ host }: RequestUrl): string => host.replace(/:[0-9]*$/, "").replace(/^\[(.*)\]$/, "$1");
const escapedPathOf = ({ path }: RequestUrl): string =>
  path.replaceAll(/[^A-Za-z0-9\-_.~!$&'()*+,;=:@/%[\]]/gu, (each) => encodeURIComponent(each));

function queryOf({ query }: RequestUrl): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(query)) values.set(name, [...(values.get(name) ?? []), value]);
  return values;
}

/** Kubernetes' library `url`. */
export function addUrls(environment: Environment): void {
  environment
    .registerType("URL", RequestUrl)
    .registerFunction("url(string): URL", urlOf)
    .registerFunction("isURL(string): bool", (text: string) => parseUrl(text) !== null)
    .registerFunction("URL.getScheme(): string", ({ scheme }: RequestUrl) => scheme)
    .registerFunction("URL.getHost(): string", ({ host }: RequestUrl) => host)
    .registerFunction("URL.getHostname(): string", hostnameOf)
    .registerFunction("URL.getPort(): string", portOf)
    .registerFunction("URL.getEscapedPath(): string", escapedPathOf)
    .registerFunction("URL.getQuery(): map<string, list<string>>", queryOf);
}
