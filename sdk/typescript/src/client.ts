import { headerSafe, consoleOnly, readCookie } from "./cookies.js";
import { longest, within } from "./deadline.js";
import { refusal, TriportNetworkError } from "./errors.js";

/** The CSRF token, or a function that is asked for it at every call. */
export type TokenSource = string | (() => string | null | undefined | Promise<string | null | undefined>);

export interface TriportConsoleOptions {
  /** Where the API is: an absolute http(s) URL. Default: `https://api.triport.io`. */
  readonly baseUrl?: string | URL | undefined;
  /** Called instead of the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Default: the cookie `nl_csrf`, out of the `cookie` option, or else out of `document.cookie` at every call. */
  readonly csrfToken?: TokenSource | undefined;
  /**
   * For servers: the `Cookie` header of the user's request. Of its cookies only `nl_session`,
   * `nl_csrf` and `ref_code` are sent on. In a browser leave it out: the browser attaches its own.
   */
  readonly cookie?: string | undefined;
  /** How many milliseconds a call may take; 0 for no limit. Default: 10000. */
  readonly timeout?: number | undefined;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Speaks HTTP with the API, as the signed-in user. */
export class Client {
  readonly #base: string;
  readonly #timeout: number;
  readonly #fetch: typeof globalThis.fetch | undefined;
  readonly #cookie: string | undefined;
  readonly #csrfToken: TokenSource;

  constructor(options: TriportConsoleOptions) {
    this.#base = parseBase(options.baseUrl ?? "https://api.triport.io");
    this.#timeout = parseTimeout(options.timeout ?? 10_000);
    this.#fetch = options.fetch;
    this.#cookie = options.cookie;
    this.#csrfToken = options.csrfToken ?? (() => readCookie(this.#cookie ?? documentCookies(), "nl_csrf"));
  }

  /** Posts `{}` and gives the body of the 200 to `parse`; undefined from it, or any other status, is an error. */
  async post<T>(path: string, parse: (body: unknown) => T | undefined, call: CallOptions = {}): Promise<T> {
    return within(this.#timeout, call.signal, async (signal) => {
      const init = { ...this.#request(await this.#token()), signal };
      const { response, body } = await exchange(this.#fetch ?? globalThis.fetch, this.#base + path, init);
      const result = response.status === 200 ? parse(body) : undefined;
      if (result === undefined) throw refusal(response, body);
      return result;
    });
  }

  async #token(): Promise<string | null | undefined> {
    return typeof this.#csrfToken === "string" ? this.#csrfToken : this.#csrfToken();
  }

  #request(token: string | null | undefined): RequestInit {
    // No header beyond these in a browser: CORS lets no other through.
    const headers: Record<string, string> = { "Content-Type": "application/json" };
    if (token) headers["X-CSRF-Token"] = headerSafe(token);
    // A redirect is not followed: it would take the token elsewhere.
    const init: RequestInit = { method: "POST", body: "{}", headers, redirect: "manual" };
    // Some runtimes of servers throw when they see `credentials`, which means nothing there.
    if (this.#cookie === undefined) return { ...init, credentials: "include" };
    headers["Cookie"] = consoleOnly(this.#cookie);
    return init;
  }
}

async function exchange(fetch: typeof globalThis.fetch, url: string, init: RequestInit): Promise<{ response: Response; body: unknown }> {
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
    return undefined; // not the API's, whatever the status
  }
}

function parseBase(base: string | URL): string {
  let url: URL | undefined;
  try {
    url = new URL(base);
  } catch {
    // refused below, in words that do not quote it
  }
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw new TypeError("baseUrl must be an absolute http or https URL without user, query and fragment.");
  }
  return url.href.replace(/\/+$/, "");
}

function parseTimeout(milliseconds: number): number {
  if (milliseconds >= 0 && milliseconds <= longest) return milliseconds;
  throw new RangeError(`timeout must be 0 to ${longest} milliseconds.`);
}

function documentCookies(): string {
  return typeof document === "undefined" ? "" : document.cookie;
}
