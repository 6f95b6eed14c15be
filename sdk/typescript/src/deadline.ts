import { TriportNetworkError, type NetworkErrorKind } from "./errors.js";

/** The longest time that timers take, in milliseconds: almost 25 days. */
export const longest = 2 ** 31 - 1;

/**
 * Does the work until the time is over (0: never) or the caller aborts. Work that does not heed its
 * signal is left behind.
 */
export async function within<T>(
  milliseconds: number,
  caller: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (caller?.aborted) throw new TriportNetworkError("aborted", caller.reason);

  const controller = new AbortController();
  let stop: (kind: NetworkErrorKind, cause?: unknown) => void = () => undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = (kind, cause) => {
      reject(new TriportNetworkError(kind, cause)); // before the work can fail with its own words
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
