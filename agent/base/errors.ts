/** What went wrong, as far as any caller needs to know. HTTP status and retry policy follow from it, in one table each. */
export type ErrorCode =
  | 'badInput'
  | 'notFound'
  | 'unauthorized'
  | 'unavailable'
  | 'timeout'
  | 'unsupported'
  | 'exhausted'
  /** Somebody else has changed it meanwhile. */
  | 'conflict';

/** An expected failure. Anything else that is thrown is a bug and ends the component that threw it. */
export class PerchError extends Error {
  override readonly name = 'PerchError';
  readonly code: ErrorCode;
  /** Facts to find the culprit with: path, camera, peer, ssrc, seq, file. Logged as fields, never as prose. */
  readonly context: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, context: Record<string, unknown> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.context = context;
  }
}

const MAX_CAUSES = 16;

/** The error, what caused it, and so on: each once, for errors may cause each other. */
function causesOf(error: unknown): readonly unknown[] {
  const causes = [error];
  for (let last = error; last instanceof Error && last.cause !== undefined; ) {
    last = last.cause;
    if (causes.length === MAX_CAUSES || causes.includes(last)) {
      break;
    }
    causes.push(last);
  }
  return causes;
}

/** The text a person gets to read: the message of the error and of what caused it, without stacks. */
export const explain = (error: unknown): string =>
  causesOf(error)
    .map((one) => (one instanceof Error ? one.message : String(one)))
    .join(': ');

/** The text that a viewer gets to read: the causes of what fails behind the box name addresses there. */
export const explainToViewer = (error: unknown): string =>
  error instanceof PerchError && error.code !== 'badInput' ? error.message : explain(error);

/**
 * For an error that is kept: until its stack is read V8 holds what it was thrown in, and all that hangs on that. A camera that had gone kept
 * the buffer of its last connection so.
 */
export function letGoOfFrames(error: unknown): void {
  for (const one of causesOf(error)) {
    void (one instanceof Error && one.stack);
  }
}
