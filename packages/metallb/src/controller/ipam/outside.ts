import type { Parts } from "../parts.ts";
import { IpamClient } from "./client.ts";
import { Ipam, type IpamParts } from "./ipam.ts";
import { IpamFigures, type IpamSource } from "./metrics.ts";

/** The IPAM of a controller, and the figures that its metrics show. */
export interface Outside extends IpamSource {
  readonly ipam: Ipam;
  readonly close: () => void;
}

/** Null: the command line names none. */
export function outsideOf({ ipam: settings }: Pick<Parts, "ipam">, parts: Omit<IpamParts, "api">): Outside | null {
  if (settings === null) return null;
  const figures = new IpamFigures();
  const api = new IpamClient(settings, figures.count);
  return { figures, ipam: new Ipam({ ...parts, api }), close: () => api.close() };
}
