/** Error kinds as far as callers distinguish them. HTTP status and retry policy derive from it, in one table each. */
export type ErrorCode =
  | 'badInput'
  | 'notFound'
  | 'unauthorized'
  | 'unavailable'
  | 'timeout'
  | 'unsupported'
  | 'exhausted'
  /** The thing was changed by someone else meanwhile. */
  | 'conflict';

/** An expected failure. Any other exception is a bug and ends its component. */
export class PerchError extends Error {
  override readonly name = 'PerchError';
  readonly code: ErrorCode;
  /** Facts for debugging: path, camera, peer, ssrc, seq, file. Logged as fields. */
  readonly context: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, context: Record<string, unknown> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.context = context;
  }
}

/** For a `catch` that handles expected failures. @throws `error` if it is a bug */
export function rethrowUnexpected(error: unknown): asserts error is PerchError {
  if (!(error instanceof PerchError)) {
    throw error;
  }
}

/** Handler for optional results: expected failures become undefined. @throws the error, if it is a bug */
export function ignoreExpected(error: unknown): undefined {
  rethrowUnexpected(error);
}

/** undefined when `work` fails as expected. @throws any other exception */
export function unlessExpected<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof PerchError) {
      return undefined;
    }
    throw error;
  }
}

/** The error and its chain of causes, each once, because errors may cause each other. */
function causesOf(error: unknown): readonly unknown[] {
  const causes = [error];
  for (let last = error; last instanceof Error && last.cause !== undefined; ) {
    last = last.cause;
    if (causes.length === 16 || causes.includes(last)) {
      break;
    }
    causes.push(last);
  }
  return causes;
}

/** The text for a person: messages of the error and its causes without stacks. A cause that an earlier message contains is left out. */
export const explain = (error: unknown): string =>
  causesOf(error)
    .map((one) => (one instanceof Error ? one.message : String(one)))
    .filter((text, i, all) => !all.slice(0, i).some((former) => former.includes(text)))
    .join(': ');

/** The text for a viewer: without causes, which may reveal addresses behind this box. */
export const explainToViewer = (error: unknown): string =>
  error instanceof PerchError && error.code !== 'badInput' ? error.message : explain(error);

/** For errors that are stored: until its stack is read, V8 keeps the frames alive, once the buffer of a camera's last connection. */
export function releaseFrames(error: unknown): void {
  for (const one of causesOf(error)) {
    void (one instanceof Error && one.stack);
  }
}
