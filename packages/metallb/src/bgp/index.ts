export { decodeDump, encodeDump } from "./dump.ts";
export { type BgpEngine, type BgpEngineOptions, createBgpEngine } from "./engine.ts";
export type { RecordedEvent } from "./event-ring.ts";
export type * from "./events.ts";
export { noMessages } from "./machine/connection.ts";
export { FSM, type FsmAction, type FsmEvent } from "./machine/fsm.ts";
export type { UpdateContext } from "./packet/attributes.ts";
export type { Capabilities, GracefulRestart } from "./packet/capabilities.ts";
export { CEASE, ERROR, FSM_ERROR, MESSAGE, OPEN_ERROR } from "./packet/constants.ts";
export { type Frame, Framer } from "./packet/framer.ts";
export { encodeKeepalive } from "./packet/keepalive.ts";
export {
  decodeNotification,
  encodeNotification,
  type Notification,
  notification,
  shutdown,
} from "./packet/notification.ts";
export { describeNotification } from "./packet/notification-text.ts";
export { decodeOpen, encodeOpen, type Open } from "./packet/open.ts";
export { decodeRouteRefresh, encodeRouteRefresh, type RouteRefresh } from "./packet/route-refresh.ts";
export { decodeUpdate, type ReceivedAttributes, type Update } from "./packet/update.ts";
export { type Replay, replay } from "./replay.ts";
export type * from "./settings.ts";
export { DEFAULT_SETTINGS, hopsOf } from "./settings.ts";
export { SETTING_COST, settingsChange } from "./settings-change.ts";
export { storyOf } from "./story.ts";
