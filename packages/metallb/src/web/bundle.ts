import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

export interface ClientBundle {
  readonly script: string;
  readonly style: string;
}

let bundle: Promise<ClientBundle> | null = null;

/** Whether this file is the source, and not what an installed copy has of it. */
const IS_SOURCE = import.meta.url.endsWith(".ts");

/** The page's script and style: as they were packed, or bundled in memory when they are first asked for. */
export function bundleClient(): Promise<ClientBundle> {
  bundle ??= IS_SOURCE ? buildClient() : readClient();
  return bundle;
}

async function readClient(): Promise<ClientBundle> {
  const client = (name: string) => readFile(new URL(`client/${name}`, import.meta.url), "utf8");
  const [script, style] = await Promise.all([client("client.js"), client("client.css")]);
  return { script, style };
}

/** Bundles the page from its source. */
export async function buildClient(): Promise<ClientBundle> {
  // Loaded here, so that a lab at which nobody looks never pays for it.
  const esbuild = await import("esbuild");
  const client = (name: string) => fileURLToPath(new URL(`client/${name}`, import.meta.url));
  const { outputFiles } = await esbuild.build({
    entryPoints: [client("client.tsx"), client("client.css")],
    outdir: "/",
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    conditions: ["metallb-source"],
    logLevel: "silent",
  });
  await esbuild.stop();
  const text = (extension: string) => outputFiles.find((file) => file.path.endsWith(extension))?.text ?? "";
  return { script: text(".js"), style: text(".css") };
}
