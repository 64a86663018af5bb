import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildClient } from "metallb/web";

/** Bundles the script and the style of the page into `folder`, where an installed copy looks for them. */
export async function bundlePage(folder: string): Promise<void> {
  const { script, style } = await buildClient();
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "client.js"), script);
  await writeFile(join(folder, "client.css"), style);
}
