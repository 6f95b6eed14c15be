import { isRecord, type Unlisted } from "./words.js";

/** What the API refuses a request with, and `unexpected_response`: the answer was not the API's. */
export type ErrorCode =
  | "bad_request"
  | "unauthenticated"
  | "csrf_missing"
  | "csrf_invalid"
  | "not_found"
  | "method_not_allowed"
  | "request_timeout"
  | "payload_too_large"
  | "headers_too_large"
  | "internal"
  | "unavailable"
  | "unexpected_response";

/** The API, or something in front of it, answered but did not do what it was asked. */
export class TriportError extends Error {
  override readonly name = "TriportError";
  /** The HTTP status; 200 when the body was not as promised, 0 when a browser hides a redirect. */
  readonly status: number;
  /** What to branch on. */
  readonly code: ErrorCode | Unlisted;
  /** What to quote to support; undefined when the answer carried none. */
  readonly requestId: string | undefined;
  /** In how many seconds to try again, where the API says so (and, across origins, CORS exposes it). */
  readonly retryAfter: number | undefined;

  constructor(message: string, about: Pick<TriportError, "status" | "code" | "requestId" | "retryAfter">) {
    super(message);
    this.status = about.status;
    this.code = about.code;
    this.requestId = about.requestId;
    this.retryAfter = about.retryAfter;
  }
}

/**
 * - `network`: no connection, or it broke; in a browser also an answer that CORS hides
 * - `timeout`: the time of the `timeout` option was over
 * - `aborted`: the caller's signal was; its reason is the `cause`
 */
export type NetworkErrorKind = "network" | "timeout" | "aborted";

const networkMessages: Record<NetworkErrorKind, string> = {
  network: "The triport API could not be reached.",
  timeout: "The triport API did not answer in time.",
  aborted: "The call to the triport API was aborted.",
};

/** No answer came. The request may have been executed all the same. */
export class TriportNetworkError extends Error {
  override readonly name = "TriportNetworkError";
  readonly kind: NetworkErrorKind;

  constructor(kind: NetworkErrorKind, cause?: unknown) {
    super(networkMessages[kind], { cause });
    this.kind = kind;
  }
}

/** Reads the API's error envelope. Without one the answer is not the API's: a proxy's, say. */
export function refusal(response: Response, body: unknown): TriportError {
  if (response.status !== 200 && isRecord(body) && typeof body["error"] === "string") {
    const message = typeof body["message"] === "string" ? body["message"] : body["error"];
    return new TriportError(message, about(response, body["error"], body["request_id"]));
  }
  const message = `The answer (status ${response.status}) is not the triport API's. Check the base URL.`;
  return new TriportError(message, about(response, "unexpected_response"));
}

function about({ status, headers }: Response, code: ErrorCode | Unlisted, requestId?: unknown): ConstructorParameters<typeof TriportError>[1] {
  const retryAfter = headers.get("Retry-After") ?? "";
  return {
    status,
    code,
    // The body first: across origins a browser shows a script no such header.
    requestId: typeof requestId === "string" ? requestId : (headers.get("X-Request-Id") ?? undefined),
    retryAfter: /^\d+$/.test(retryAfter) ? Number(retryAfter) : undefined,
  };
}
