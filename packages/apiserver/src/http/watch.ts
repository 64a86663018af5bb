import { ApiError, expired } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { apiVersionOf, type Resource } from "../kinds/resource.ts";
import { isShowable } from "../kinds/served.ts";
import { type Change, type Collection, Entry } from "../store/storage.ts";
import type { Filter } from "./filter.ts";
import { parseRevision } from "./pages.ts";

/** Where the events of a watch go. */
export interface Sink {
  /** @returns false when it cannot take more for now; `onDrain` follows */
  write(bytes: Buffer): boolean;
  onDrain(listener: () => void): void;
  end(): void;
}

/** How one watch shows its objects: as they are, as table rows, or only their metadata. Bytes in pieces. */
export type Encoder = (type: string, entry: Entry) => readonly Buffer[];

export interface WatchOptions {
  readonly query: URLSearchParams;
  readonly bookmarkInterval: number;
  readonly encode: Encoder;
  /** Has entries converted before they are told; null where nothing has to be asked for. */
  readonly prepare: ((entries: readonly Entry[]) => Promise<void>) | null;
}

const BATCH = 500;
const DEFAULT_TIMEOUT = 30 * 60;

/**
 * One watch. It keeps no queue: only the revision up to which it has told its client. What follows
 * is read from the collection's history, so a client that reads slowly costs nothing, and one that
 * falls behind what is remembered gets 410.
 */
export class Watch {
  private readonly collection: Collection;
  private readonly cluster: Cluster;
  private readonly resource: Resource;
  private readonly filter: Filter;
  private readonly sink: Sink;
  private readonly options: WatchOptions;
  private told: number;
  private scheduled = false;
  private blocked = false;
  private ended = false;
  private stopListening: () => void = () => {};
  private bookmarks: NodeJS.Timeout | null = null;
  private timeout: NodeJS.Timeout | null = null;

  constructor(cluster: Cluster, resource: Resource, filter: Filter, sink: Sink, options: WatchOptions) {
    this.cluster = cluster;
    this.resource = resource;
    this.collection = cluster.storage.collection(resource.collection);
    this.filter = filter;
    this.sink = sink;
    this.options = options;
    this.told = cluster.storage.revision;
  }

  /** Starts telling. A revision that is too old is told as an ERROR event. */
  start(): void {
    const { query } = this.options;
    const asked = query.get("resourceVersion") ?? "";
    const wantsState =
      query.get("sendInitialEvents") === "true" ||
      ((asked === "" || asked === "0") && query.get("sendInitialEvents") !== "false");
    if (wantsState) this.sendState();
    else if (asked !== "" && asked !== "0") this.told = parseRevision(asked);
    if (!this.collection.knows(this.told)) {
      this.fail();
      return;
    }
    if (query.get("sendInitialEvents") === "true") this.sendBookmark({ "k8s.io/initial-events-end": "true" });
    this.stopListening = this.collection.onChange(() => this.schedule());
    this.sink.onDrain(() => {
      this.blocked = false;
      this.schedule();
    });
    if (query.get("allowWatchBookmarks") === "true") {
      this.bookmarks = setInterval(() => this.bookmark(), this.options.bookmarkInterval);
    }
    const seconds = Number(query.get("timeoutSeconds") ?? 0) || DEFAULT_TIMEOUT;
    // A last bookmark spares the client a relist when it comes again.
    this.timeout = setTimeout(
      () => {
        if (this.bookmarks) this.bookmark();
        this.stop();
        this.sink.end();
      },
      Math.min(seconds, 24 * 3600) * 1000,
    );
    this.schedule();
  }

  /** The client has gone, or the server goes. */
  stop(): void {
    this.ended = true;
    this.stopListening();
    if (this.bookmarks) clearInterval(this.bookmarks);
    if (this.timeout) clearTimeout(this.timeout);
  }

  private schedule(): void {
    if (this.scheduled || this.blocked || this.ended) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.pump();
    });
  }

  private pump(): void {
    if (this.ended || this.blocked) return;
    const changes = this.collection.since(this.told, BATCH);
    if (changes === null) {
      this.fail();
      return;
    }
    if (this.mustWaitFor(changes)) return;
    const parts: Buffer[] = [];
    for (const change of changes) {
      parts.push(...this.encode(change));
      this.told = change.revision;
    }
    if (parts.length > 0) this.blocked = !this.sink.write(Buffer.concat(parts));
    if (changes.length === BATCH) this.schedule();
  }

  /** Whether some of it has to be converted first; then the pump goes on when it is. */
  private mustWaitFor(changes: readonly Change[]): boolean {
    const { prepare } = this.options;
    if (prepare === null) return false;
    const due = changes
      .flatMap(({ entry, previous }) => (previous ? [entry, previous] : [entry]))
      .filter((entry) => !isShowable(this.resource, entry));
    if (due.length === 0) return false;
    this.scheduled = true;
    prepare(due).then(
      () => {
        this.scheduled = false;
        this.pump();
      },
      (error: unknown) =>
        this.end(error instanceof ApiError ? error : new ApiError(500, "InternalError", "conversion")),
    );
    return true;
  }

  /** What a change means for this watch: an object may enter or leave its selection. */
  private encode(change: Change): readonly Buffer[] {
    const is = change.type !== "DELETED" && this.filter.matches(change.entry);
    const was = change.previous !== null && this.filter.matches(change.previous);
    if (is) return this.options.encode(was ? "MODIFIED" : "ADDED", change.entry);
    return was ? this.options.encode("DELETED", change.entry) : [];
  }

  private sendState(): void {
    const prefix = this.filter.namespace === null ? "" : `${this.filter.namespace}/`;
    const parts: Buffer[] = [];
    for (const entry of this.collection.from("", prefix, this.told))
      if (this.filter.matches(entry)) parts.push(...this.options.encode("ADDED", entry));
    if (parts.length > 0) this.blocked = !this.sink.write(Buffer.concat(parts));
  }

  private bookmark(): void {
    if (this.blocked || this.ended) return;
    // Nothing that this watch has not told may lie before a bookmark.
    this.pump();
    if (this.collection.since(this.told, 1)?.length === 0) this.sendBookmark({});
  }

  private sendBookmark(annotations: JsonObject): void {
    if (this.options.query.get("allowWatchBookmarks") !== "true") return;
    this.told = Math.max(this.told, this.cluster.storage.revision);
    const metadata: JsonObject = { resourceVersion: String(this.told), creationTimestamp: null };
    if (Object.keys(annotations).length > 0) metadata.annotations = annotations;
    const { kind } = this.resource;
    const mark = new Entry("", this.told, { kind, apiVersion: apiVersionOf(this.resource), metadata });
    this.blocked = !this.sink.write(Buffer.concat(this.options.encode("BOOKMARK", mark)));
  }

  private fail(): void {
    this.end(expired(`too old resource version: ${this.told} (${this.cluster.storage.revision})`));
  }

  private end(error: ApiError): void {
    if (this.ended) return;
    const status = error.status();
    this.sink.write(Buffer.from(`${JSON.stringify({ type: "ERROR", object: status })}\n`));
    this.stop();
    this.sink.end();
  }
}
