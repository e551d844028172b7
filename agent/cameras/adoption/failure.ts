import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { type CameraTrouble, troubleOf } from '../../onvif/soap/http/failures.ts';

export interface Failure {
  /** The problem that the user can act on, if known. */
  readonly trouble: CameraTrouble | 'adopted' | undefined;
  readonly words: string;
  /** With `adopted`: the existing path of the camera or of the name. */
  readonly path: string | undefined;
  /** Number of tries that are left after a rejected login. */
  readonly triesLeft?: number | undefined;
}

/** Bugs are logged, and do not stop the work on other cameras. */
export function failureOf(error: unknown, log: Logger): Failure {
  if (!(error instanceof PerchError)) {
    log.error({ err: error }, 'identifying a camera failed');
    return { trouble: undefined, words: 'internal error', path: undefined };
  }
  const { taken: path, file, triesLeft } = error.context;
  if (typeof path === 'string') {
    return { trouble: 'adopted', words: error.message, path };
  }
  // With `file` the configuration cannot be written: not the camera's fault.
  const trouble = file === undefined ? troubleIn(error) : troubleOf(error);
  return { trouble, words: error.message, path: undefined, triesLeft: triesLeft as number | undefined };
}

/** The camera's failure, else one that fits the error code. */
export const troubleIn = (error: unknown): CameraTrouble | undefined =>
  troubleOf(error) ?? (error instanceof PerchError ? BY_CODE[error.code] : undefined);

const BY_CODE: Partial<Record<PerchError['code'], CameraTrouble>> = {
  unauthorized: 'wrongPassword',
  unavailable: 'unreachable',
  timeout: 'timeout',
  unsupported: 'notSupported',
};
