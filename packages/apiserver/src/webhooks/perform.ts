import { ApiError } from "../base/errors.ts";
import { type JsonObject, text } from "../base/json.ts";
import { Stale, type Step, type Write, type WriteRequest } from "../change/request.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { apiVersionOf, type Resource } from "../kinds/resource.ts";
import { Admission, askedBy } from "./admission.ts";
import { convert, makeShowable } from "./conversion.ts";

const MAX_ATTEMPTS = 10;

/** Takes writes through the webhooks that are to be asked about them. */
export class Performer {
  private readonly cluster: Cluster;
  private readonly admission: Admission;

  constructor(cluster: Cluster) {
    this.cluster = cluster;
    this.admission = new Admission(cluster.storage, cluster.registry);
  }

  /** Whether a write of this kind may have to wait, and so may have to start anew. */
  mayWait(resource: Resource): boolean {
    return resource.conversion !== null || !this.admission.isQuiet(resource);
  }

  /**
   * Performs a write. Where no webhook is concerned nothing waits, from its first step to its commit; where
   * one is, and the object changed meanwhile, the write starts anew. @throws ApiError
   */
  async perform<T>(request: WriteRequest, key: string | null, start: () => Write<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.showPresent(request.resource, key);
        return await this.run(request, start());
      } catch (error) {
        if (!(error instanceof Stale)) throw error;
        if (attempt === MAX_ATTEMPTS)
          throw new ApiError(409, "Conflict", "the object has been modified again and again; please try again");
      }
    }
  }

  private async showPresent(resource: Resource, key: string | null): Promise<void> {
    if (resource.conversion === null || key === null) return;
    const entry = this.cluster.storage.collection(resource.collection).get(key);
    if (entry) await makeShowable(this.cluster.storage, resource, [entry]);
  }

  private async run<T>(request: WriteRequest, write: Write<T>): Promise<T> {
    let at = write.next();
    while (!at.done) {
      const answer = this.answer(at.value, request);
      at = write.next(answer instanceof Promise ? await answer : answer);
    }
    return at.value;
  }

  /** What the write goes on with: at once where nobody is asked. */
  private answer(step: Step, request: WriteRequest): JsonObject | Promise<JsonObject> {
    if (step.kind === "store") return this.stored(request.resource, step.object);
    const value = step.object ?? {};
    const asked = askedBy(step, request);
    const hooks = asked === null ? [] : this.admission.hooks(step.kind, asked);
    if (asked === null || hooks.length === 0) return value;
    if (step.kind === "mutate") return this.admission.mutate(hooks, asked, request).then((made) => made ?? value);
    return this.admission.validate(hooks, asked, request).then(() => value);
  }

  private stored(resource: Resource, object: JsonObject): JsonObject | Promise<JsonObject> {
    const apiVersion = resource.toStored ? text(resource.toStored(object), "apiVersion") : apiVersionOf(resource);
    if (object.apiVersion === apiVersion) return object;
    return convert(this.cluster.storage, resource, [object], apiVersion).then(([made]) => made as JsonObject);
  }
}
