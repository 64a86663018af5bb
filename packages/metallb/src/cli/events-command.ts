import { type Command, Option } from "commander";
import { RESOURCES, watch } from "#kube";
import { follow, paintFor, table } from "#terminal";
import { spanText } from "#view";
import { withCluster } from "./cluster-command.ts";
import { type Connection, connect } from "./connect.ts";
import { DONE } from "./exit-codes.ts";
import { fieldsOf, textOf } from "./json.ts";
import { FORMATS, type Format, print, render, type Shown } from "./output.ts";

/** Components whose events are MetalLB's. */
const SOURCES: ReadonlySet<string> = new Set(["metallb-controller", "metallb-speaker"]);

/** Milliseconds between two looks at what is watched. */
const PERIOD = 1_000;

interface ShownEvent {
  readonly last: string;
  readonly type: string;
  readonly reason: string;
  readonly object: string;
  readonly count: number;
  readonly message: string;
}

/** Which events: of one Service or of all. */
interface Wanted {
  readonly namespace: string | undefined;
  readonly fieldSelector: string | undefined;
}

export function addEventsCommand(program: Command): void {
  withCluster(program.command("events [service]"))
    .description("what MetalLB told of Services, oldest first; of one ([namespace/]name) or of all")
    .addOption(new Option("-o, --output <format>", "instead of a table cut to the terminal").choices(FORMATS))
    .option("-w, --watch", "show them until Ctrl-C, as they come")
    .action(async (service: string | undefined, options: EventOptions) => {
      const connection = connect(options);
      const [namespace, name] = service === undefined ? [] : splitKey(service);
      const wanted = { namespace, fieldSelector: name === undefined ? undefined : `involvedObject.name=${name}` };
      const format = (options.output ?? "table") as Format;
      try {
        if (options.watch === true) await followEvents(connection, wanted, format);
        else print(shownEvents(await readEvents(connection, wanted)), format);
      } finally {
        connection.client.close();
      }
    });
}

interface EventOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly output?: string;
  readonly watch?: true;
}

async function readEvents(
  { client }: Connection,
  { namespace, fieldSelector }: Wanted,
): Promise<readonly ShownEvent[]> {
  const { items = [] } = await client.list(RESOURCES.events, { namespace }, { fieldSelector });
  return items.flatMap((item) => shownEvent(item) ?? []);
}

async function followEvents({ client }: Connection, wanted: Wanted, format: Format): Promise<void> {
  const { namespace, fieldSelector } = wanted;
  let trouble: string | null = null;
  const reflector = watch(client, RESOURCES.events, {
    ...(namespace === undefined ? {} : { namespace }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
    project: shownEvent,
    onTrouble: (message) => {
      trouble = message;
    },
  });
  reflector.start();
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ending.abort());
  const paint = paintFor(process.stdout.isTTY, process.env);
  const look = async () => {
    if (!reflector.isSynced) return [trouble ?? "reading …"];
    return render(shownEvents([...reflector.store.values()]), format, paint);
  };
  await follow(look, PERIOD, ending.signal);
  reflector.stop();
}

function shownEvents(events: readonly ShownEvent[]): Shown {
  const sorted = events.toSorted((a, b) => (a.last < b.last ? -1 : 1));
  const now = Date.now();
  const rows = sorted.map((event) => [
    `${spanText(now - Date.parse(event.last))} ago`,
    event.type,
    event.reason,
    event.object,
    event.count > 1 ? `${event.message} (${event.count}×)` : event.message,
  ]);
  return { data: sorted, lines: () => table(["LAST", "TYPE", "REASON", "OBJECT", "MESSAGE"], rows), exitCode: DONE };
}

const splitKey = (key: string): readonly [string, string] => {
  const at = key.indexOf("/");
  return at < 0 ? ["default", key] : [key.slice(0, at), key.slice(at + 1)];
};

function isOurs(event: unknown): boolean {
  const { source, reportingComponent } = fieldsOf(event);
  return SOURCES.has(textOf(fieldsOf(source).component)) || SOURCES.has(textOf(reportingComponent));
}

/** Null: it is somebody else's. */
function shownEvent(event: unknown): ShownEvent | null {
  if (!isOurs(event)) return null;
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
