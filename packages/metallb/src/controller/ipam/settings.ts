import { err, ok, type Result } from "#net";
import type { IpamSettings } from "./client.ts";

export interface IpamFlags {
  readonly "ipam-url": string;
  readonly "ipam-cluster": string;
  readonly "ipam-token-file": string;
  readonly "ipam-ca-file": string;
}

/** Two clusters of one name would give each other's addresses back, so a name must be given. */
const CLUSTER = /^[a-zA-Z0-9]([-._a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$/;

/** Where the IPAM is, as the command line says; null: there is none. */
export function readIpamSettings(flags: IpamFlags): Result<IpamSettings | null> {
  const { "ipam-url": text, "ipam-cluster": cluster, "ipam-token-file": token, "ipam-ca-file": ca } = flags;
  if (text === "") return ok(null);
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    return err("--ipam-url is no URL that begins with https:// or http://");
  if (url.username !== "" || url.password !== "")
    return err("--ipam-url must not hold a password: see --ipam-token-file");
  if (!CLUSTER.test(cluster))
    return err("--ipam-url needs --ipam-cluster, a name of letters, digits, dots and dashes that no other cluster has");
  return ok({ url, cluster, tokenFile: token || null, caFile: ca || null });
}
