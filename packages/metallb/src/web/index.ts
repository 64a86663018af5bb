export { buildClient } from "./bundle.ts";
export { type Dashboard, type DashboardOptions, startDashboard } from "./dashboard.ts";
