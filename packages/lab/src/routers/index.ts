export {
  type Neighbour,
  ROUTER_KINDS,
  type Router,
  type RouterDescription,
  type RouterKind,
  type RouterPath,
  type RouterRoute,
  type RouterSession,
  RouterUnavailable,
} from "./router.ts";
export { type StartedRouter, startRouter } from "./start.ts";
