/**
 * A value that a newer server may send and this version does not list. Unlike `string`, this type keeps
 * the listed values of a union visible: editors suggest them, and a `switch` can distinguish them.
 */
export type Unlisted = string & Record<never, never>;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
