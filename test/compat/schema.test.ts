import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startApiServer } from "@metallb-ts/apiserver";
import { startRealControlPlane } from "@metallb-ts/lab/kubernetes";
import { createClient, type KubeClient, loadCluster, pathOf, RESOURCES } from "metallb/kube";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defineResources } from "../support/api.ts";
import { realPrograms } from "../support/cluster.ts";
import { metallbObject, NAMESPACE } from "../support/objects.ts";
import { describeWith } from "../support/parts.ts";
import { eventually } from "../support/programs.ts";
import { SCHEMA_ROWS } from "./schema-rows.ts";

const BY_KIND = new Map(Object.values(RESOURCES).map((resource) => [resource.kind, resource]));

/** Every field of every kind, right and wrong: what an API server refuses by the CRDs alone. */
function suite(kubernetes: "embedded" | "real"): void {
  const undo: (() => unknown)[] = [];
  let client: KubeClient;

  /** What the API says of the object, which it does not keep. */
  async function answer(of: string, spec: object): Promise<string> {
    const [kind = "", version] = of.split("/");
    const resource = BY_KIND.get(kind);
    if (!resource) throw new Error(`no kind ${kind}`);
    const object = {
      ...metallbObject(kind, "tried", spec),
      ...(version ? { apiVersion: `metallb.io/${version}` } : {}),
    };
    const path = pathOf({ ...resource, version: version ?? resource.version }, { namespace: NAMESPACE });
    return client.request("POST", path, { query: { dryRun: "All" }, body: object }).then(
      () => "taken",
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
  }

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), "metallb-schema-"));
    undo.push(() => rm(folder, { recursive: true, force: true }));
    let kubeconfig = join(folder, "kubeconfig");
    if (kubernetes === "real") {
      const programs = { ...(await realPrograms()), controllerManager: null };
      const plane = await startRealControlPlane({ programs, folder: join(folder, "plane") });
      undo.push(() => plane.close());
      kubeconfig = plane.kubeconfig;
    } else {
      const server = await startApiServer({ host: "127.0.0.1", port: 0, dataFolder: null });
      undo.push(() => server.close());
      await writeFile(kubeconfig, server.kubeconfig, { mode: 0o600 });
    }
    const cluster = loadCluster({ kubeconfig, env: {} });
    if (!cluster.ok) throw new Error(cluster.error);
    client = createClient(cluster.value, { userAgent: "test" });
    undo.push(() => client.close());
    await defineResources(client);
    for (const [kind, spec] of [
      ["Community", {}],
      ["BFDProfile", {}],
      ["BGPPeer", { myASN: 1 }],
      ["IPAddressPool", { addresses: [] }],
      ["L2Advertisement", {}],
      ["BGPAdvertisement", {}],
    ] as const)
      await eventually(
        () => answer(kind, spec),
        (words) => words === "taken",
        { what: `${kind} is not served` },
      );
  });

  afterAll(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  it.each(SCHEMA_ROWS)("%s %j: %s", async (kind, spec, refusal) => {
    const words = await answer(kind, spec);
    if (refusal === null) expect(words).toBe("taken");
    else expect(words).toContain(refusal);
  });
}

describe("every field on the embedded API", () => suite("embedded"));
describeWith(["kubernetes"], "every field on a real API server", () => suite("real"));
