// Compiling this file is the test.
import type { Attribution, Reason, TriportConsoleOptions, Unlisted } from "@triport/sdk";

type Same<A, B> = [A, B] extends [B, A] ? true : never;
const yes = (...checks: true[]): number => checks.length;

type Listed =
  | "no_cookie"
  | "already_attributed"
  | "invalid_code"
  | "self_referral"
  | "unknown_code"
  | "referral_cycle"
  | "not_eligible"
  | "internal_error";

export const checks = yes(
  true satisfies Same<Reason, Listed>,
  true satisfies Same<Extract<Attribution, { attributed: false }>["reason"], Reason | Unlisted>,
  true satisfies Same<Extract<Attribution, { attributed: true }>["reason"], undefined>,
);

// `attributed` determines whether there is a reason, also after destructuring.
export function describe({ attributed, reason }: Attribution): string {
  return attributed ? String(reason satisfies undefined) : reason.toUpperCase();
}

// A switch over the reasons is complete with a default for future ones.
export function isListed(reason: Reason | Unlisted): boolean {
  switch (reason) {
    case "no_cookie":
    case "already_attributed":
    case "invalid_code":
    case "self_referral":
    case "unknown_code":
    case "referral_cycle":
    case "not_eligible":
    case "internal_error":
      return true;
    default: {
      true satisfies Same<typeof reason, Unlisted>;
      return false;
    }
  }
}

// A table can require a text for every reason.
export const texts: Record<Reason, string> = {
  no_cookie: "",
  already_attributed: "",
  invalid_code: "",
  self_referral: "",
  unknown_code: "",
  referral_cycle: "",
  not_eligible: "",
  internal_error: "",
};
// @ts-expect-error -- the other seven are missing
export const tooFew: Record<Reason, string> = { no_cookie: "" };

// @ts-expect-error -- an outcome is one or the other
export const neither: Attribution = { attributed: false };
// @ts-expect-error -- an outcome is one or the other
export const both: Attribution = { attributed: true, reason: "no_cookie" };

export const options: TriportConsoleOptions[] = [
  {},
  { baseUrl: "https://api.example.com", fetch, csrfToken: "token", cookie: "nl_csrf=token", timeout: 1 },
  { baseUrl: new URL("https://api.example.com"), csrfToken: () => null },
  { csrfToken: async () => Promise.resolve("token") },
  // @ts-expect-error -- no such option
  { bearer: "token" },
];
