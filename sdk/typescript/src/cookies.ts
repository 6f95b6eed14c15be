const consoleCookies = new Set(["nl_session", "nl_csrf", "ref_code"]);

/** Reads one cookie as it is written: what the server compares is not decoded either. */
export function readCookie(cookies: string, name: string): string | undefined {
  for (const cookie of split(cookies)) {
    if (nameOf(cookie) === name) return cookie.slice(name.length + 1);
  }
  return undefined;
}

/** Leaves only the cookies that are the API's business. */
export function consoleOnly(cookies: string): string {
  return split(cookies)
    .filter((cookie) => consoleCookies.has(nameOf(cookie)))
    .map(headerSafe)
    .join("; ");
}

/**
 * Puts `?` where a header cannot carry a character. No token and no code has one, so the server
 * refuses the value as it would any other wrong one; `fetch` would throw, quoting it.
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
