import { readFileSync } from "node:fs";
import { err, ok, type Result } from "#net";

const SERVICE_ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The namespace of MetalLB's own objects: the flag (or its variable), else the Pod's service account. */
export function ownNamespace(flag: string, folder = SERVICE_ACCOUNT_FOLDER): Result<string> {
  if (flag !== "") return ok(flag);
  try {
    const text = readFileSync(`${folder}/namespace`, "utf8").trim();
    if (text !== "") return ok(text);
  } catch {
    // Not in a Pod: told below.
  }
  return err("no namespace: give --namespace or METALLB_NAMESPACE (there is no service account to read it from)");
}
