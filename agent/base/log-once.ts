import { explain } from './errors.ts';

/** Logs a lasting fault, such as a full disk, once. */
export function logOnce(log: (cause: string, error: unknown) => void): (error: unknown) => void {
  let logged: string | undefined;
  return (error) => {
    const cause = explain(error);
    if (cause !== logged) {
      logged = cause;
      log(cause, error);
    }
  };
}

/** @param failed called with what `work` throws */
export function attempt<T>(work: () => T, instead: T, failed: (error: unknown) => void): T {
  try {
    return work();
  } catch (error) {
    failed(error);
    return instead;
  }
}
