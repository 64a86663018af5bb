import { expect, it, vi } from "vitest";
import type { KubeClient } from "#kube";
import { findOwnPod, ownedBy } from "./own-pod.ts";
import { refused } from "./testing.ts";

/** Answers with these in turn, with the last for ever. */
function api(...answers: (object | Error)[]) {
  const client = {
    asked: 0,
    get: async () => {
      const answer = answers[Math.min(client.asked++, answers.length - 1)] ?? {};
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  return client as typeof client & Pick<KubeClient, "get">;
}

const pod = {
  metadata: { uid: "u", ownerReferences: [{ kind: "DaemonSet", name: "speaker", apiVersion: "apps/v1", uid: "d" }] },
};

function logged() {
  const lines: string[] = [];
  return { lines, log: { warn: (line: string) => void lines.push(line) } };
}

it("is found with what runs it", async () => {
  const { lines, log } = logged();
  const found = await findOwnPod(api(pod), "metallb-system", "speaker-x", log);
  expect([found, lines]).toEqual([{ name: "speaker-x", uid: "u", daemonSet: "speaker" }, []]);
  expect(ownedBy(found)).toEqual({
    ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "speaker-x", uid: "u" }],
  });
  expect(ownedBy(null)).toEqual({});
});

it("is not looked for without a name, and given up where it may not be read or is none, which is told", async () => {
  const { lines, log } = logged();
  const unasked = api(pod);
  expect([await findOwnPod(unasked, "n", "", log), unasked.asked, lines]).toEqual([null, 0, []]);
  for (const status of [403, 404]) expect(await findOwnPod(api(refused(status)), "n", "x", log)).toBe(null);
  expect(lines).toHaveLength(2);
});

it("is asked for again while the API does not answer, no sooner than it says", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  try {
    const { lines, log } = logged();
    const client = api(new Error("connection refused"), refused(429, 5_000), pod);
    const found = findOwnPod(client, "n", "x", log);
    await vi.advanceTimersByTimeAsync(500);
    expect(client.asked).toBe(2);
    await vi.advanceTimersByTimeAsync(4_400);
    expect(client.asked).toBe(2);
    await vi.advanceTimersByTimeAsync(600);
    expect([(await found)?.uid, client.asked, lines]).toEqual(["u", 3, []]);
  } finally {
    vi.useRealTimers();
  }
});
