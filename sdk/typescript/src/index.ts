export { reasons, type Attribution, type Reason } from "./attribution.js";
export type { CallOptions, TokenSource, TriportConsoleOptions } from "./client.js";
export { TriportConsole, type Auth } from "./console.js";
export { TriportError, TriportNetworkError, type ErrorCode, type NetworkErrorKind } from "./errors.js";
export type { Unlisted } from "./types.js";
