import { describe, expect, it } from "vitest";
import { refusalText } from "./refusal.ts";
import { RESOURCES } from "./resources.ts";

const refused = (user: string): string => `403 nodes is forbidden: User "${user}" cannot list resource "nodes"`;

describe("what is said where a kind cannot be read", () => {
  it("names the right at cluster scope, and the line that grants it to the account", () => {
    const message = refused("system:serviceaccount:metallb-system:speaker");
    expect(refusalText(RESOURCES.nodes, undefined, { status: 403, verb: "list", message })).toBe(
      `missing right: list nodes at cluster scope: ${message}; this grants it: kubectl create clusterrole metallb-speaker-reads-nodes --verb=get,list,watch --resource=nodes && kubectl create clusterrolebinding metallb-speaker-reads-nodes --clusterrole=metallb-speaker-reads-nodes --serviceaccount=metallb-system:speaker`,
    );
  });

  it("names the right in a namespace, for a person", () => {
    const text = refusalText(RESOURCES.bgppeers, "lb", { status: 403, verb: "watch", message: refused("o'hara") });
    expect(text).toContain("missing right: watch bgppeers.metallb.io in namespace lb: ");
    expect(text).toContain(
      "kubectl -n lb create role metallb-reads-bgppeers --verb=get,list,watch --resource=bgppeers.metallb.io && kubectl -n lb create rolebinding metallb-reads-bgppeers --role=metallb-reads-bgppeers --user='o'\\''hara'",
    );
  });

  it("grants nothing to nobody", () => {
    const told = { status: 403, verb: "list", message: "a proxy says no" };
    expect(refusalText(RESOURCES.nodes, undefined, told)).toBe(
      "missing right: list nodes at cluster scope: a proxy says no",
    );
  });

  it("says what is not served", () => {
    const told = { status: 404, verb: "list", message: "GET /apis: 404 404 page not found" };
    expect(refusalText(RESOURCES.bgppeers, "lb", told)).toBe(
      "the cluster does not serve bgppeers.metallb.io in version v1beta2: its CRD is missing or of another version of MetalLB",
    );
    expect(refusalText(RESOURCES.endpointslices, undefined, told)).toContain("endpointslices.discovery.k8s.io");
  });

  it("leaves other messages as they are", () => {
    const told = { status: 500, verb: "list", message: "conversion webhook failed" };
    expect(refusalText(RESOURCES.bgppeers, "lb", told)).toBe("conversion webhook failed");
  });
});
