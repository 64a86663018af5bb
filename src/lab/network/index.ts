export type { LabNetwork, NodePlace, Place } from "./network.ts";
