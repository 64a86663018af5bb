import { ApiError } from "#kube";

/** Null where one may not ask, or where there is nothing. */
export async function ask<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiError && error.status !== 0) return null;
    throw error;
  }
}
