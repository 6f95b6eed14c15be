import { isRecord, type Unlisted } from "./types.js";

/** Every reason that today's API returns. */
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

/** The result of a call: the user was attributed, or the reason why not. */
export type Attribution =
  | { readonly attributed: true; readonly reason?: undefined }
  | { readonly attributed: false; readonly reason: Reason | Unlisted };

/** Parses the body of a 200. Returns undefined if it is not what the API specifies. */
export function parseAttribution(body: unknown): Attribution | undefined {
  if (!isRecord(body)) return undefined;
  const { attributed, reason } = body;
  if (attributed === true && reason === undefined) return { attributed };
  if (attributed === false && typeof reason === "string" && reason !== "") {
    return { attributed, reason };
  }
  return undefined;
}
