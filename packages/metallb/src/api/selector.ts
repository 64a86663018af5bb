import { z } from "zod";

const labelSelectorRequirement = z.object({
  key: z.string().describe("The label key that the selector applies to."),
  operator: z.string().describe("In, NotIn, Exists or DoesNotExist."),
  values: z.array(z.string()).optional().describe("Values of In and NotIn; empty for the others."),
});

/** metav1.LabelSelector: all labels and all expressions must hold; an empty selector holds for everything. */
export const labelSelector = z
  .object({
    matchLabels: z
      .record(z.string(), z.string())
      .optional()
      .describe("Labels that must all be there with these values."),
    matchExpressions: z.array(labelSelectorRequirement).optional().describe("Requirements that must all hold."),
  })
  .describe("A label selector. An empty one matches everything.");

export type LabelSelector = z.infer<typeof labelSelector>;
