import { isRecord, type Unlisted } from "./words.js";

/** Every reason the API gives today for not attributing a user. */
export const reasons = [
  "no_cookie",
  "already_attributed",
  "invalid_code",
  "self_referral",
  "unknown_code",
  "referral_cycle",
  "not_eligible",
  "internal_error",
] as const;

/** Why a user was not attributed. */
export type Reason = (typeof reasons)[number];

/** What came of a call: the user was attributed, or there is a reason why not. */
export type Attribution =
  | { readonly attributed: true; readonly reason?: undefined }
  | { readonly attributed: false; readonly reason: Reason | Unlisted };

/** Reads the body of a 200; undefined when it is not what the API promises. */
export function parseAttribution(body: unknown): Attribution | undefined {
  if (!isRecord(body)) return undefined;
  const { attributed, reason } = body;
  if (attributed === true && reason === undefined) return { attributed };
  if (attributed === false && typeof reason === "string" && reason !== "") {
    return { attributed, reason };
  }
  return undefined;
}
