/**
 * A word that a newer server says and this version does not list. Written so, and not as `string`, it
 * leaves the listed words of a union visible: editors offer them, and a `switch` tells them apart.
 */
export type Unlisted = string & Record<never, never>;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
