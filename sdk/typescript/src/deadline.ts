import { TriportNetworkError, type NetworkErrorKind } from "./errors.js";

/** The longest delay of a timer, in milliseconds: almost 25 days. */
export const maxTimeout = 2 ** 31 - 1;

/**
 * Runs `work` until it ends, the time is over (0: no limit) or the caller aborts. Work that ignores its
 * signal continues in the background.
 */
export async function withDeadline<T>(
  milliseconds: number,
  caller: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (caller?.aborted) throw new TriportNetworkError("aborted", caller.reason);

  const controller = new AbortController();
  let stop: (kind: NetworkErrorKind, cause?: unknown) => void = () => undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = (kind, cause) => {
      reject(new TriportNetworkError(kind, cause)); // first, so an error of the aborted work comes too late
      controller.abort();
    };
  });
  const abort = (): void => {
    stop("aborted", caller?.reason);
  };
  const timer = milliseconds > 0 ? setTimeout(stop, milliseconds, "timeout") : undefined;
  caller?.addEventListener("abort", abort);
  try {
    return await Promise.race([stopped, work(controller.signal)]);
  } finally {
    clearTimeout(timer);
    caller?.removeEventListener("abort", abort);
  }
}
