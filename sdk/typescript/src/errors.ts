import { isRecord, type Unlisted } from "./types.js";

/** The error codes of the API, and `unexpected_response`: the response was not from the API. */
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
  | "rate_limited"
  | "internal"
  | "unavailable"
  | "unexpected_response";

/** The API, or a server in front of it, responded with an error. */
export class TriportError extends Error {
  override readonly name = "TriportError";
  /** The HTTP status. 200 if the body was not what the API specifies, 0 if a browser hides a redirect. */
  readonly status: number;
  /** The value to branch on. */
  readonly code: ErrorCode | Unlisted;
  /** Quote it to support. Undefined if the response had none. */
  readonly requestId: string | undefined;
  /** After how many seconds to try again, if the API says so (and, across origins, CORS exposes it). */
  readonly retryAfter: number | undefined;

  constructor(message: string, fields: Pick<TriportError, "status" | "code" | "requestId" | "retryAfter">) {
    super(message);
    this.status = fields.status;
    this.code = fields.code;
    this.requestId = fields.requestId;
    this.retryAfter = fields.retryAfter;
  }
}

/**
 * - `network`: no connection, or it was lost; in a browser also a response that CORS hides
 * - `timeout`: the time of the `timeout` option was over
 * - `aborted`: the caller's signal was aborted; its reason is the `cause`
 */
export type NetworkErrorKind = "network" | "timeout" | "aborted";

const networkMessages: Record<NetworkErrorKind, string> = {
  network: "The triport API could not be reached.",
  timeout: "The triport API did not respond in time.",
  aborted: "The call to the triport API was aborted.",
};

/** No response arrived. The API may have processed the request anyway. */
export class TriportNetworkError extends Error {
  override readonly name = "TriportNetworkError";
  readonly kind: NetworkErrorKind;

  constructor(kind: NetworkErrorKind, cause?: unknown) {
    super(networkMessages[kind], { cause });
    this.kind = kind;
  }
}

/** Parses the API's error body. A response without one is not from the API, but for example from a proxy. */
export function parseError(response: Response, body: unknown): TriportError {
  if (response.status !== 200 && isRecord(body) && typeof body["error"] === "string") {
    const message = typeof body["message"] === "string" ? body["message"] : body["error"];
    return new TriportError(message, errorFields(response, body["error"], body["request_id"]));
  }
  const message = `The response (status ${response.status}) is not from the triport API. Check the base URL.`;
  return new TriportError(message, errorFields(response, "unexpected_response"));
}

function errorFields({ status, headers }: Response, code: ErrorCode | Unlisted, requestId?: unknown): ConstructorParameters<typeof TriportError>[1] {
  const retryAfter = headers.get("Retry-After") ?? "";
  return {
    status,
    code,
    // The body first: across origins a script cannot read this header.
    requestId: typeof requestId === "string" ? requestId : (headers.get("X-Request-Id") ?? undefined),
    retryAfter: /^\d+$/.test(retryAfter) ? Number(retryAfter) : undefined,
  };
}
