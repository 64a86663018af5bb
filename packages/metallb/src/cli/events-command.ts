import { type Command, Option } from "commander";
import { RESOURCES } from "#kube";
import { table } from "#terminal";
import { spanText } from "#view";
import { withCluster } from "./cluster-command.ts";
import { connect } from "./connect.ts";
import { fieldsOf, textOf } from "./json.ts";
import { FORMATS, type Format, print } from "./output.ts";

/** Components whose events are MetalLB's. */
const SOURCES: ReadonlySet<string> = new Set(["metallb-controller", "metallb-speaker"]);

interface ShownEvent {
  readonly last: string;
  readonly type: string;
  readonly reason: string;
  readonly object: string;
  readonly count: number;
  readonly message: string;
}

export function addEventsCommand(program: Command): void {
  withCluster(program.command("events [service]"))
    .description("what MetalLB told of Services, oldest first; of one ([namespace/]name) or of all")
    .addOption(new Option("-o, --output <format>", "instead of a table cut to the terminal").choices(FORMATS))
    .action(async (service: string | undefined, options: Readonly<Record<string, string | undefined>>) => {
      const { client } = connect(options);
      try {
        const [namespace, name] = service === undefined ? [] : splitKey(service);
        const query = name === undefined ? {} : { fieldSelector: `involvedObject.name=${name}` };
        const { items = [] } = await client.list(RESOURCES.events, { namespace }, query);
        const events = items
          .filter(isOurs)
          .map(shownEvent)
          .toSorted((a, b) => (a.last < b.last ? -1 : 1));
        const now = Date.now();
        const rows = events.map((event) => [
          `${spanText(now - Date.parse(event.last))} ago`,
          event.type,
          event.reason,
          event.object,
          event.count > 1 ? `${event.message} (${event.count}×)` : event.message,
        ]);
        const head = ["LAST", "TYPE", "REASON", "OBJECT", "MESSAGE"];
        print({ data: events, lines: () => table(head, rows), exitCode: 0 }, (options.output ?? "table") as Format);
      } finally {
        client.close();
      }
    });
}

const splitKey = (key: string): readonly [string, string] => {
  const at = key.indexOf("/");
  return at < 0 ? ["default", key] : [key.slice(0, at), key.slice(at + 1)];
};

function isOurs(event: unknown): boolean {
  const { source, reportingComponent } = fieldsOf(event);
  return SOURCES.has(textOf(fieldsOf(source).component)) || SOURCES.has(textOf(reportingComponent));
}

function shownEvent(event: unknown): ShownEvent {
  const { lastTimestamp, eventTime, metadata, type, reason, involvedObject, count, message } = fieldsOf(event);
  const { kind, namespace, name } = fieldsOf(involvedObject);
  return {
    last: textOf(lastTimestamp) || textOf(eventTime) || textOf(fieldsOf(metadata).creationTimestamp),
    type: textOf(type),
    reason: textOf(reason),
    object: `${textOf(kind)} ${[textOf(namespace), textOf(name)].filter(Boolean).join("/")}`,
    count: typeof count === "number" ? count : 1,
    message: textOf(message),
  };
}
