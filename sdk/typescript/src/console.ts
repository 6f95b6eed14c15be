import { parseAttribution, type Attribution } from "./attribution.js";
import { Client, type CallOptions, type TriportConsoleOptions } from "./client.js";

/** The `auth` calls of the API. */
export class Auth {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /**
   * Links the signed-in user to whoever referred them. Call it once, right after sign-in; the cookie
   * `ref_code` is spent by it, whatever the result.
   *
   * It rejects with a {@link TriportError} when the request was refused and with a
   * {@link TriportNetworkError} when there was no answer. Neither is a failed sign-in. Without a CSRF
   * token the request is sent all the same, and the API refuses it with `csrf_missing`.
   */
  async attribute(call?: CallOptions): Promise<Attribution> {
    return this.#client.post("/v1/auth/attribute", parseAttribution, call);
  }
}

/**
 * The triport console API. In a browser it uses the session and CSRF cookies of the page's user; on a
 * server give it the user's cookies with the `cookie` option.
 *
 * Its natural name, `console`, hides the global one, so that it can write to that as well.
 */
export class TriportConsole {
  readonly auth: Auth;

  constructor(options: TriportConsoleOptions = {}) {
    this.auth = new Auth(new Client(options));
  }

  /** The global `console.debug`. */
  debug(...data: unknown[]): void {
    globalThis.console.debug(...data);
  }

  /** The global `console.info`. */
  info(...data: unknown[]): void {
    globalThis.console.info(...data);
  }

  /** The global `console.log`. */
  log(...data: unknown[]): void {
    globalThis.console.log(...data);
  }

  /** The global `console.warn`. */
  warn(...data: unknown[]): void {
    globalThis.console.warn(...data);
  }

  /** The global `console.error`. */
  error(...data: unknown[]): void {
    globalThis.console.error(...data);
  }
}
