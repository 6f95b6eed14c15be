import { apiCookies, headerSafe, readCookie } from "./cookies.js";
import { maxTimeout, withDeadline } from "./deadline.js";
import { parseError, TriportNetworkError } from "./errors.js";

/** The CSRF token, or a function that returns it and is called for every request. */
export type TokenSource = string | (() => string | null | undefined | Promise<string | null | undefined>);

export interface TriportConsoleOptions {
  /** The URL of the API: absolute, http or https. Default: `https://api.triport.io`. */
  readonly baseUrl?: string | URL | undefined;
  /** Replaces the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Default: the cookie `nl_csrf` from the `cookie` option, or else from `document.cookie` at the time of the call. */
  readonly csrfToken?: TokenSource | undefined;
  /**
   * For servers: the `Cookie` header of the user's request. Only `nl_session`, `nl_csrf` and
   * `ref_code` are forwarded. Omit it in a browser, which attaches its own cookies.
   */
  readonly cookie?: string | undefined;
  /** The limit of a call in milliseconds. 0 means no limit. Default: 10000. */
  readonly timeout?: number | undefined;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Sends HTTP requests to the API as the signed-in user. */
export class Client {
  readonly #baseUrl: string;
  readonly #timeout: number;
  readonly #fetch: typeof globalThis.fetch | undefined;
  readonly #cookie: string | undefined;
  readonly #csrfToken: TokenSource;

  constructor(options: TriportConsoleOptions) {
    this.#baseUrl = parseBaseUrl(options.baseUrl ?? "https://api.triport.io");
    this.#timeout = parseTimeout(options.timeout ?? 10_000);
    this.#fetch = options.fetch;
    this.#cookie = options.cookie;
    this.#csrfToken = options.csrfToken ?? (() => readCookie(this.#cookie ?? documentCookies(), "nl_csrf"));
  }

  /** Posts `{}` and passes the body of a 200 to `parse`. Undefined from `parse`, or another status, is an error. */
  async post<T>(path: string, parse: (body: unknown) => T | undefined, call: CallOptions = {}): Promise<T> {
    return withDeadline(this.#timeout, call.signal, async (signal) => {
      const init = { ...this.#request(await this.#token()), signal };
      const { response, body } = await send(this.#fetch ?? globalThis.fetch, this.#baseUrl + path, init);
      const result = response.status === 200 ? parse(body) : undefined;
      if (result === undefined) throw parseError(response, body);
      return result;
    });
  }

  async #token(): Promise<string | null | undefined> {
    return typeof this.#csrfToken === "string" ? this.#csrfToken : this.#csrfToken();
  }

  #request(token: string | null | undefined): RequestInit {
    // In a browser CORS allows no other header.
    const headers: Record<string, string> = { "Content-Type": "application/json" };
    if (token) headers["X-CSRF-Token"] = headerSafe(token);
    // A redirect is not followed: it would send the token elsewhere.
    const init: RequestInit = { method: "POST", body: "{}", headers, redirect: "manual" };
    // Some server runtimes throw if `credentials` is set. It has no effect there.
    if (this.#cookie === undefined) return { ...init, credentials: "include" };
    headers["Cookie"] = apiCookies(this.#cookie);
    return init;
  }
}

async function send(fetch: typeof globalThis.fetch, url: string, init: RequestInit): Promise<{ response: Response; body: unknown }> {
  let response: Response, text: string;
  try {
    response = await fetch(url, init);
    text = await response.text();
  } catch (cause) {
    throw new TriportNetworkError("network", cause);
  }
  return { response, body: parseJSON(text) };
}

function parseJSON(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not from the API, whatever the status
  }
}

function parseBaseUrl(base: string | URL): string {
  let url: URL | undefined;
  try {
    url = new URL(base);
  } catch {
    // rejected below with a message that does not quote it
  }
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw new TypeError("baseUrl must be an absolute http or https URL without user, query and fragment.");
  }
  return url.href.replace(/\/+$/, "");
}

function parseTimeout(milliseconds: number): number {
  if (milliseconds >= 0 && milliseconds <= maxTimeout) return milliseconds;
  throw new RangeError(`timeout must be 0 to ${maxTimeout} milliseconds.`);
}

function documentCookies(): string {
  return typeof document === "undefined" ? "" : document.cookie;
}
