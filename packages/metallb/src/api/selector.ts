import { z } from "zod";

/** As metav1 declares them: server-side apply owns a selector as a whole, never a part of it. */
const ATOMIC_LIST = { "x-kubernetes-list-type": "atomic" };

const labelSelectorRequirement = z.object({
  key: z.string().describe("The label key that the selector applies to."),
  operator: z.string().describe("In, NotIn, Exists or DoesNotExist."),
  values: z
    .array(z.string())
    .optional()
    .meta({ ...ATOMIC_LIST, description: "Values of In and NotIn; empty for the others." }),
});

/** metav1.LabelSelector: all labels and all expressions must hold; an empty selector holds for everything. */
export const labelSelector = z
  .object({
    matchLabels: z
      .record(z.string(), z.string())
      .optional()
      .describe("Labels that must all be there with these values."),
    matchExpressions: z
      .array(labelSelectorRequirement)
      .optional()
      .meta({ ...ATOMIC_LIST, description: "Requirements that must all hold." }),
  })
  .meta({ description: "A label selector. An empty one matches everything.", "x-kubernetes-map-type": "atomic" });

export type LabelSelector = z.infer<typeof labelSelector>;
