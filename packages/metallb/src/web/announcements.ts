import type { AnnouncementView } from "./view.ts";

/** The nodes that do not announce a Service, those with the same reason together. */
export function refusals(announcements: readonly AnnouncementView[]): readonly {
  readonly nodes: readonly string[];
  readonly reason: string;
}[] {
  const nodes = Map.groupBy(
    announcements.filter(({ announced }) => !announced),
    ({ reason }) => reason,
  );
  return [...nodes].map(([reason, group]) => ({ reason, nodes: group.map(({ node }) => node) }));
}
