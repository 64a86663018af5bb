import { EventRecorder, type KubeClient, RESOURCES } from "#kube";
import type { Logger } from "#process";
import type { Recorder } from "./announcements.ts";

/** Events about Services, in the name of this node's speaker. */
export function serviceRecorder(client: KubeClient, node: string, log: Logger): Recorder {
  const events = new EventRecorder(client, {
    component: "metallb-speaker",
    host: node,
    onTrouble: (message) => log.warn(message, { op: "event" }),
  });
  return {
    event: ({ namespace, name, uid }, type, reason, message) =>
      events.event({ resource: RESOURCES.services, namespace, name, uid }, type, reason, message),
  };
}
