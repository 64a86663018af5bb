import { fileURLToPath } from "node:url";

export interface ClientBundle {
  readonly script: string;
  readonly style: string;
}

let bundle: Promise<ClientBundle> | null = null;

/** The page's script and style, bundled in memory when they are first asked for. */
export function bundleClient(): Promise<ClientBundle> {
  bundle ??= build();
  return bundle;
}

async function build(): Promise<ClientBundle> {
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
    logLevel: "silent",
  });
  await esbuild.stop();
  const text = (extension: string) => outputFiles.find((file) => file.path.endsWith(extension))?.text ?? "";
  return { script: text(".js"), style: text(".css") };
}
