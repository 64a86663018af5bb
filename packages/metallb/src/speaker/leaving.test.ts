import { expect, it } from "vitest";
import { ApiError, type KubeObject } from "#kube";
import { leavingOf } from "./leaving.ts";

const NODE: KubeObject = { status: { conditions: [{ type: "Ready", status: "True", message: "kubelet is ready" }] } };
const DAEMON_SET: KubeObject = { metadata: { name: "speaker" } };
const gone = () => Promise.reject(new ApiError(404, "NotFound", "not found"));
const refused = (code: number) => () => Promise.reject(new ApiError(code, "Refused", "no"));
const found = (object: KubeObject) => () => Promise.resolve(object);

/** What becomes of the routes, and what the log says of it. */
async function leave(
  node: () => Promise<KubeObject>,
  daemonSet: () => Promise<KubeObject>,
  more: { readonly graceful?: boolean; readonly daemonSet?: string | null; readonly limit?: number } = {},
) {
  const said: string[] = [];
  const asked: string[] = [];
  const say = (message: string) => void said.push(message);
  const routes = await leavingOf({
    client: {
      get: ({ plural }) => {
        asked.push(plural);
        return plural === "nodes" ? node() : daemonSet();
      },
    },
    namespace: "metallb-system",
    node: "node-1",
    owner: Promise.resolve({ name: "speaker-x", uid: "1", daemonSet: "speaker", ...more }),
    graceful: more.graceful ?? true,
    log: { info: say, warn: say },
    limit: more.limit ?? 20,
  });
  return { routes, said: said.join("; "), asked };
}

it("keeps the routes where the speaker is expected back: a rolling update, a crash of the process", async () => {
  const { routes, said, asked } = await leave(found(NODE), found(DAEMON_SET));
  expect(routes).toBe("keep");
  expect(said).toContain("expected back");
  expect(asked).toEqual(["nodes", "daemonsets"]);
});

it.each([
  ["the node is gone", gone, found(DAEMON_SET)],
  [
    "the node shuts down",
    found({ status: { conditions: [{ type: "Ready", status: "False", message: "node is shutting down" }] } }),
    found(DAEMON_SET),
  ],
  ["the DaemonSet is deleted", found(NODE), gone],
  ["the DaemonSet is deleted", found(NODE), found({ metadata: { deletionTimestamp: "2026-11-24T00:00:00Z" } })],
  ["its rights were taken away, as when MetalLB is uninstalled", refused(403), refused(403)],
  ["its rights were taken away, as when MetalLB is uninstalled", refused(401), refused(401)],
])("withdraws them, and says why: %s", async (why, node, daemonSet) => {
  const { routes, said } = await leave(node, daemonSet);
  expect(routes).toBe("withdraw");
  expect(said).toBe(`shutting down: ${why}, so every route is withdrawn`);
});

it("takes an end that it cannot find out about for a restart: no right, no answer in time", async () => {
  expect((await leave(found(NODE), refused(403))).routes).toBe("keep");
  const silent = () => new Promise<never>(() => {});
  expect((await leave(silent, silent)).routes).toBe("keep");
  // A node that is not ready for another reason may come back with its forwarding intact.
  const sick = { status: { conditions: [{ type: "Ready", status: "Unknown", message: "no heartbeat" }] } };
  expect((await leave(found(sick), found(DAEMON_SET))).routes).toBe("keep");
});

it("asks again where the rights go one after the other, and where the API stumbles", async () => {
  const inTurn = (...answers: readonly (() => Promise<KubeObject>)[]) => {
    let turn = 0;
    return () => (answers[Math.min(turn++, answers.length - 1)] ?? gone)();
  };
  const rights = await leave(inTurn(found(NODE), found(NODE), refused(403)), refused(403), { limit: 5_000 });
  expect(rights.routes).toBe("withdraw");
  expect(rights.said).toContain("its rights were taken away");
  const stumbling = await leave(found(NODE), inTurn(refused(500), gone), { limit: 5_000 });
  expect(stumbling.routes).toBe("withdraw");
  expect(stumbling.said).toContain("the DaemonSet is deleted");
  // A restart is not held up by it.
  const sure = await leave(found(NODE), found(DAEMON_SET), { limit: 60_000 });
  expect([sure.routes, sure.asked]).toEqual(["keep", ["nodes", "daemonsets"]]);
});

it("asks nothing where no peer keeps routes, or no DaemonSet runs it", async () => {
  expect(await leave(gone, gone, { graceful: false })).toMatchObject({ routes: "withdraw", asked: [] });
  expect(await leave(found(NODE), gone, { daemonSet: null })).toMatchObject({ routes: "keep", asked: ["nodes"] });
});
