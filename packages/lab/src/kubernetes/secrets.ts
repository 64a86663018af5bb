import { generateKeyPairSync, randomBytes } from "node:crypto";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeCertificates } from "./certificates.ts";

/** PEM texts and the bearer token of the administrator. */
export interface Secrets {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly token: string;
}

/** Made once per folder, so that data of an earlier run is still readable with them. */
export async function writeSecrets(folder: string): Promise<Secrets> {
  const read = async (name: string) => await readFile(join(folder, name), "utf8");
  const write = async (name: string, text: string) => {
    await writeFile(join(folder, name), text, { mode: 0o600 });
    await chmod(join(folder, name), 0o600);
  };
  try {
    const [ca, cert, key, tokens] = await Promise.all(["ca.crt", "tls.crt", "tls.key", "tokens.csv"].map(read));
    const token = tokens?.split(",")[0];
    if (ca && cert && key && token) return { ca, cert, key, token };
  } catch {
    // The first run.
  }
  const certificates = await makeCertificates();
  const token = randomBytes(24).toString("hex");
  const account = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  await write("ca.crt", certificates.ca);
  await write("tls.crt", certificates.cert);
  await write("tls.key", certificates.key);
  await write("service-account.key", account.export({ type: "sec1", format: "pem" }).toString());
  await write("tokens.csv", `${token},admin,admin,"system:masters"\n`);
  return { ...certificates, token };
}

export function kubeconfigText(url: string, { ca, token }: Secrets): string {
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "metallb-lab",
    clusters: [
      {
        name: "metallb-lab",
        cluster: { server: url, "certificate-authority-data": Buffer.from(ca).toString("base64") },
      },
    ],
    users: [{ name: "admin", user: { token } }],
    contexts: [{ name: "metallb-lab", context: { cluster: "metallb-lab", user: "admin" } }],
  };
  // JSON is YAML.
  return `${JSON.stringify(config, null, 2)}\n`;
}
