import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startApiServer } from "@metallb-ts/apiserver";
import { afterAll, beforeAll, describe } from "vitest";
import { parse } from "yaml";
import { realPrograms, startPlane } from "../support/cluster.ts";
import { describeWith } from "../support/parts.ts";
import { eventually } from "../support/programs.ts";
import { type Api, Requests } from "./contract/api.ts";
import { customResources } from "./contract/custom.ts";
import { reads } from "./contract/reads.ts";
import { reviews } from "./contract/reviews.ts";
import { webhooks } from "./contract/webhooks.ts";
import { writes } from "./contract/writes.ts";

interface Started {
  readonly api: Api;
  close(): Promise<void>;
}

async function embedded(): Promise<Started> {
  const server = await startApiServer({ host: "127.0.0.1", port: 0, dataFolder: null });
  return { api: server, close: () => server.close() };
}

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: { server: string; "certificate-authority-data": string } }[];
  readonly users: readonly { readonly user: { token: string } }[];
}

async function real(): Promise<Started> {
  const folder = await mkdtemp(join(tmpdir(), "metallb-contract-"));
  const plane = await startPlane(await realPrograms(), folder);
  const { clusters, users } = parse(await readFile(plane.kubeconfig, "utf8")) as Kubeconfig;
  const { server, "certificate-authority-data": ca } = clusters[0]?.cluster ?? {};
  const close = async () => {
    await plane.closePlane();
    await rm(folder, { recursive: true, force: true });
  };
  return {
    api: { url: server ?? "", caPem: Buffer.from(ca ?? "", "base64").toString(), token: users[0]?.user.token ?? "" },
    close,
  };
}

/** What a Kubernetes API promises. The embedded one may stand in for a real one where both hold it. */
function contract(start: () => Promise<Started>): void {
  let started: Started;
  const suite = (name: string) => new Requests(() => started.api, name);
  const SUITES = { reads, writes, webhooks, custom: customResources, reviews };

  beforeAll(async () => {
    started = await start();
    const api = suite("default");
    await eventually(
      () => api.send("GET", "/api/v1/namespaces/default"),
      ({ code }) => code === 200,
      { what: "no namespace default" },
    );
    for (const name of Object.keys(SUITES))
      await api.ok("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  });
  afterAll(() => started?.close());

  for (const [name, tests] of Object.entries(SUITES)) describe(name, () => tests(suite(name)));
}

describe("the embedded API", () => contract(embedded));
describeWith(["kubernetes"], "a real kube-apiserver", () => contract(real));
