import { invalid } from "../base/errors.ts";
import { isObject, type JsonObject, number, object, text } from "../base/json.ts";
import { CORE, define } from "./define.ts";
import { age, column, nameOf, printer } from "./printer.ts";
import { type Cell, PLAIN, type Resource, type Strategy } from "./resource.ts";

const eventStrategy: Strategy = {
  ...PLAIN,
  setDefaults: (event) => {
    event.reportingComponent ??= "";
    event.reportingInstance ??= "";
    event.source ??= {};
    event.firstTimestamp ??= null;
    event.lastTimestamp ??= null;
    event.eventTime ??= null;
  },
  validate: (event) => {
    const namespace = text(event, "involvedObject", "namespace") || "default";
    return namespace === text(event, "metadata", "namespace")
      ? []
      : [
          invalid(
            "involvedObject.namespace",
            text(event, "involvedObject", "namespace"),
            "does not match event.namespace",
          ),
        ];
  },
};

function seen(event: JsonObject, now: number): { first: string; last: string } {
  const time = (key: string) => text(event, key);
  const first = time("firstTimestamp") || time("deprecatedFirstTimestamp") || time("eventTime");
  const last =
    text(event, "series", "lastObservedTime") || time("lastTimestamp") || time("deprecatedLastTimestamp") || first;
  return { first: age(first, now), last: age(last, now) };
}

function eventSource(event: JsonObject): string {
  const source = object(event, "source");
  const component = text(source, "component") || text(event, "reportingComponent");
  const host = text(source, "host") || text(event, "reportingInstance");
  return host === "" ? component : `${component}, ${host}`;
}

const eventPrinter = printer(
  [
    column("Last Seen"),
    column("Type"),
    column("Reason"),
    column("Object"),
    column("Subobject", 1),
    column("Source", 1),
    column("Message"),
    column("First Seen", 1),
    column("Count", 1),
    column("Name", 1, "name"),
  ],
  (event, now): Cell[] => {
    const about = object(event, "involvedObject");
    const kind = text(about, "kind").toLowerCase();
    const { first, last } = seen(event, now);
    return [
      last,
      text(event, "type"),
      text(event, "reason"),
      text(about, "name") === "" ? kind : `${kind}/${text(about, "name")}`,
      text(about, "fieldPath"),
      eventSource(event),
      text(event, "message").trim(),
      first,
      number(event, "series", "count") ?? (number(event, "count") || 1),
      nameOf(event),
    ];
  },
);

const EVENT_FIELDS = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"].map(
  (field) => `involvedObject.${field}`,
);

/** [core/v1 name, events.k8s.io/v1 name] of the members that differ. */
const EVENT_MEMBERS = [
  ["involvedObject", "regarding"],
  ["message", "note"],
  ["reportingComponent", "reportingController"],
  ["firstTimestamp", "deprecatedFirstTimestamp"],
  ["lastTimestamp", "deprecatedLastTimestamp"],
  ["count", "deprecatedCount"],
  ["source", "deprecatedSource"],
] as const;

function toEventsGroup(event: JsonObject): JsonObject {
  const made: JsonObject = { ...event, apiVersion: "events.k8s.io/v1" };
  for (const [core, other] of EVENT_MEMBERS) {
    if (made[core] !== undefined) made[other] = made[core];
    delete made[core];
  }
  return made;
}

function fromEventsGroup(event: JsonObject): JsonObject {
  const made: JsonObject = { ...event, apiVersion: "v1" };
  for (const [core, other] of EVENT_MEMBERS) {
    if (made[other] !== undefined) made[core] = made[other];
    delete made[other];
  }
  if (!isObject(made.involvedObject)) made.involvedObject = {};
  eventStrategy.setDefaults(made);
  return made;
}

/** Events, in the core group, in whose form they are stored. */
export const event: Resource = define({
  kind: "Event",
  plural: "events",
  shortNames: ["ev"],
  definition: `${CORE}.Event`,
  fields: [...EVENT_FIELDS, "reason", "reportingComponent", "source", "type"],
  printer: eventPrinter,
  strategy: eventStrategy,
});

/** The same events in the form of their own group. */
export const eventOfGroup: Resource = define({
  group: "events.k8s.io",
  kind: "Event",
  plural: "events",
  shortNames: ["ev"],
  definition: "io.k8s.api.events.v1.Event",
  fields: [
    "reason",
    "reportingController",
    "type",
    "regarding.kind",
    "regarding.namespace",
    "regarding.name",
    "regarding.uid",
  ],
  printer: {
    columns: eventPrinter.columns,
    cells: (event, now) => eventPrinter.cells(fromEventsGroup(event), now),
  },
  strategy: PLAIN,
  fromStored: toEventsGroup,
  toStored: fromEventsGroup,
});
