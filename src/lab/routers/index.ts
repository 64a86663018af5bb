export {
  type Neighbour,
  ROUTER_KINDS,
  type Router,
  type RouterDescription,
  type RouterKind,
  type RouterPath,
  type RouterRoute,
  type RouterSession,
} from "./router.ts";
