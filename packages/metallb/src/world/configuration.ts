import type { ConfigText } from "./config-text.ts";
import { customResources } from "./custom-resources.ts";
import type { KindName } from "./kinds.ts";
import { LegacySource } from "./legacy-source.ts";
import type { Source } from "./machine.ts";
import type { Overrides } from "./watched-world.ts";

export interface ConfigurationOptions {
  /** The process's command line. */
  readonly flags: { readonly "watch-configmap": boolean; readonly config: string; readonly "lb-class": string };
  /** The custom resources' kinds that are read; absent: all. */
  readonly kinds?: readonly KindName[];
  /** Nothing is decided at the start by a configuration that would take addresses away. */
  readonly isStrictAtStart?: boolean;
  /** A ConfigMap was refused. */
  readonly onRefused?: (map: ConfigText, reason: string) => void;
}

/** Where the process reads its configuration from: custom resources, or the ConfigMap of the first MetalLBs. */
export function configuration({ flags, kinds, isStrictAtStart = false, onRefused = () => {} }: ConfigurationOptions): {
  readonly source: Source;
  readonly overrides: Overrides;
} {
  if (!flags["watch-configmap"]) return { source: customResources(kinds), overrides: {} };
  const { config: name, "lb-class": loadBalancerClass } = flags;
  const source = new LegacySource({ name, loadBalancerClass, isStrictAtStart, onRefused });
  return {
    source: source as unknown as Source,
    overrides: { configmaps: { fieldSelector: `metadata.name=${name}` } },
  };
}
