import { formatIp } from "#net";
import { levelling, type Plan } from "#planner";
import type { PlacementReport } from "#report";

export const placementOf = (placeable: Plan["placeable"], placer: string | null): PlacementReport => ({
  placer,
  services: placeable.size,
  moves: levelling(placeable).map(({ ip, ...move }) => ({ ...move, address: formatIp(ip) })),
});
