export { announcementsOf, deafOf, type NodeVoice } from "./announcements.ts";
export { changesBetween } from "./changes.ts";
export { type Fields, fields, list, text, texts } from "./fields.ts";
export { problemText, troublesOf } from "./health.ts";
export { foreignTo, type ServiceFacts, serviceView } from "./services.ts";
export { type ControllerState, readControllerState, readSpeakerState, type SpeakerState } from "./states.ts";
export { processText, type ShownTable, tablesOf } from "./tables.ts";
export { spanText } from "./times.ts";
export type * from "./view.ts";
