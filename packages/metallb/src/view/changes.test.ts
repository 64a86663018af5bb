import { describe, expect, it } from "vitest";
import { changesBetween } from "./changes.ts";
import type { Picture } from "./view.ts";

const running = { running: true, title: "process 1", pid: 1, restarts: 0, lastEnding: "" };
const session = {
  peer: "router",
  established: true,
  router: "",
  speaker: "Established",
  reason: "",
  since: null,
  timer: "",
  next: null,
  holdEndsAt: null,
  holdTime: null,
  bfd: null,
  shortcomings: [],
  announcedPrefixes: 1,
};
const service = {
  key: "a/b",
  addresses: ["192.0.2.1"],
  pool: "p",
  pending: "",
  refusedBy: [],
  foreign: "",
  announcedFrom: ["one"],
  refusals: [],
};
const picture: Picture = {
  controller: { ...running, leading: true },
  nodes: [{ name: "one", address: "", cut: false, speaker: running, sessions: [session] }],
  pools: [],
  services: [service],
  layer2: [],
  configuration: [],
  problems: [],
};

describe("what changed", () => {
  it("is nothing between equal looks", () => {
    expect(changesBetween(picture, structuredClone(picture))).toEqual([]);
  });

  it("is told one sentence each", () => {
    const [node] = picture.nodes;
    if (node === undefined) throw new Error("no node");
    const down = { ...session, established: false, reason: "hold timer expired" };
    const after: Picture = {
      ...picture,
      controller: { ...running, restarts: 1, lastEnding: "signal SIGKILL", leading: true },
      nodes: [{ ...node, cut: true, sessions: [down] }],
      services: [
        { ...service, announcedFrom: ["two"] },
        { ...service, key: "a/new" },
      ],
      configuration: [{ object: "IPAddressPool p", field: "", code: "", message: "wrong" }],
    };
    expect(changesBetween(picture, after)).toEqual([
      "the controller was started again: signal SIGKILL",
      "the cable of one is cut",
      "one: the session with router is down: hold timer expired",
      "a/b is announced from two",
      "a/b is no longer announced from one",
      "a/new is there",
      "IPAddressPool p: wrong",
    ]);
    expect(changesBetween(after, picture)).toContain("no longer: IPAddressPool p: wrong");
    expect(changesBetween(picture, { ...picture, services: [{ ...service, addresses: [], pending: "full" }] })).toEqual(
      ["a/b lost its address: full"],
    );
  });

  it("is not that everything is gone, where it could not be read", () => {
    const blind: Picture = {
      ...picture,
      nodes: [],
      services: [],
      problems: ["no rights"],
      unread: ["pods", "services"],
    };
    expect(changesBetween(picture, blind)).toEqual(["no rights"]);
    expect(changesBetween(blind, picture)).toEqual(["no longer: no rights"]);
  });

  it("is bounded", () => {
    const many = Array.from({ length: 1_000 }, (_, index) => ({ ...service, key: `a/${index}` }));
    expect(changesBetween(picture, { ...picture, services: many })).toHaveLength(50);
  });
});
