export { refusals } from "./announcements.ts";
export { buildClient } from "./bundle.ts";
export { type Dashboard, startDashboard } from "./dashboard.ts";
export type {
  AnnouncementView,
  LabView,
  NodeView,
  PoolView,
  ProcessView,
  RouterView,
  RouteView,
  ServiceView,
  SessionView,
} from "./view.ts";
