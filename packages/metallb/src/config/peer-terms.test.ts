import { expect, it } from "vitest";
import { bgpPeer, compiled } from "./testing.ts";

const told = (annotations: Readonly<Record<string, string>>, spec: object = {}) => {
  const { config, problems } = compiled({ peers: [{ ...bgpPeer("p", spec), annotations }] });
  const [peer] = config.peers;
  return { peer, problems: problems.map(({ code, path, message }) => `${code} ${path}: ${message}`) };
};

it("says by annotation that a peer is passive, and how long its routes are kept", () => {
  expect(told({}).peer).toMatchObject({ passive: false, restartTime: null });
  const both = told({ "metallb.io/passive": "true", "metallb.io/graceful-restart-time": "3m" });
  expect(both.peer).toMatchObject({ passive: true, restartTime: 180, frozen: false });
  expect(both.problems).toEqual([]);
});

it("names an annotation that says nothing, and leaves the rest of the peer", () => {
  for (const [annotation, value, spec] of [
    ["metallb.io/passive", "yes", {}],
    ["metallb.io/passive", "true", { peerAddress: undefined, interface: "eth0" }],
    ["metallb.io/graceful-restart-time", "0s", {}],
    ["metallb.io/graceful-restart-time", "4096s", {}],
    ["metallb.io/graceful-restart-time", "1500ms", {}],
    ["metallb.io/graceful-restart-time", "soon", {}],
  ] as const) {
    const { peer, problems } = told({ [annotation]: value }, spec);
    expect(problems).toEqual([expect.stringContaining(`invalidAnnotation metadata.annotations[${annotation}]: `)]);
    expect(peer).toMatchObject({ passive: false, restartTime: null });
  }
});
