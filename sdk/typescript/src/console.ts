import { parseAttribution, type Attribution } from "./attribution.js";
import { Client, type CallOptions, type TriportConsoleOptions } from "./client.js";

/** The `auth` calls of the API. */
export class Auth {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /**
   * Links the signed-in user to the user who referred them. Call it once, right after sign-in.
   * Whatever the result, the API deletes the cookie `ref_code`.
   *
   * Throws {@link TriportError} if the request was rejected and {@link TriportNetworkError} if no
   * response arrived. Neither means that the sign-in failed. Without a CSRF token the request is
   * still sent, and the API rejects it with `csrf_missing`.
   */
  async attribute(call?: CallOptions): Promise<Attribution> {
    return this.#client.post("/v1/auth/attribute", parseAttribution, call);
  }
}

/**
 * The triport console API. In a browser it uses the session and CSRF cookies of the page's user. On a
 * server, pass the user's cookies in the `cookie` option.
 *
 * A variable named `console` hides the global `console`. The methods below call the global ones.
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
