const apiCookieNames = new Set(["nl_session", "nl_csrf", "ref_code"]);

/** Returns the value of one cookie, not decoded: the server does not decode it either. */
export function readCookie(cookies: string, name: string): string | undefined {
  for (const cookie of split(cookies)) {
    if (nameOf(cookie) === name) return cookie.slice(name.length + 1);
  }
  return undefined;
}

/** Keeps only the cookies that the API uses. */
export function apiCookies(cookies: string): string {
  return split(cookies)
    .filter((cookie) => apiCookieNames.has(nameOf(cookie)))
    .map(headerSafe)
    .join("; ");
}

/**
 * Replaces characters that a header cannot contain with `?`. No token and no code contains one, so the
 * server rejects the value like any wrong one. Without this, `fetch` throws an error that quotes the value.
 */
export function headerSafe(value: string): string {
  return value.replace(/[^\x21-\x7e]/g, "?");
}

function split(cookies: string): string[] {
  return cookies.split(";").map((cookie) => cookie.trim());
}

function nameOf(cookie: string): string {
  const end = cookie.indexOf("=");
  return end < 0 ? "" : cookie.slice(0, end);
}
