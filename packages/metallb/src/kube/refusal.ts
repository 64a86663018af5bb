import type { Resource } from "./resources.ts";

/** `bgppeers.metallb.io`, as a Role and kubectl name it. */
export const nameOf = ({ group, plural }: Resource): string => (group === "" ? plural : `${plural}.${group}`);

/**
 * Why a kind cannot be read, as an operator can act on it: the right that is missing with the line that grants it, as
 * he would write it into a Role, or a kind that is not served. Other messages stay as they are.
 */
export function refusalText(
  resource: Resource,
  namespace: string | undefined,
  { status, verb, message }: { readonly status: number; readonly verb: string; readonly message: string },
): string {
  const what = `${verb} ${nameOf(resource)} ${namespace === undefined ? "at cluster scope" : `in namespace ${namespace}`}`;
  if (status === 401) return `the API does not accept the credentials, to ${what}: ${message}`;
  if (status === 403) {
    const grant = grantOf(resource, namespace, message);
    return `missing right: ${what}: ${message}${grant === null ? "" : `; this grants it: ${grant}`}`;
  }
  return status === 404 ? notServed(resource) : message;
}

/** The server has neither the kind nor this version of it: a list of a kind that it has is at most empty. */
export function notServed(resource: Resource): string {
  const what = `the cluster does not serve ${nameOf(resource)} in version ${resource.version}`;
  return resource.group.endsWith("metallb.io")
    ? `${what}: its CRD is missing or of another version of MetalLB`
    : `${what}: it is too old, or this is not the API server of a cluster`;
}

/** The line that grants whoever was refused this to list and watch the kind; null: the refusal names nobody. */
function grantOf(resource: Resource, namespace: string | undefined, message: string): string | null {
  const user = /User "([^"]+)"/.exec(message)?.[1];
  if (user === undefined) return null;
  const [, home, account] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user) ?? [];
  const who =
    account === undefined ? `--user='${user.replaceAll("'", "'\\''")}'` : `--serviceaccount=${home}:${account}`;
  const name = `metallb-${account === undefined ? "" : `${account}-`}reads-${resource.plural}`;
  const [kubectl, role] = namespace === undefined ? ["kubectl", "clusterrole"] : [`kubectl -n ${namespace}`, "role"];
  return `${kubectl} create ${role} ${name} --verb=get,list,watch --resource=${nameOf(resource)} && ${kubectl} create ${role}binding ${name} --${role}=${name} ${who}`;
}
