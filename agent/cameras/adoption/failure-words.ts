import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { type CameraTrouble, troubleOf } from '../../onvif/soap/http/failures.ts';

/** What went wrong with one camera, for whoever wants it: one of many may fail. */
export interface Failure {
  /** What there is to do about, as far as it is known. */
  readonly trouble: CameraTrouble | 'adopted' | undefined;
  readonly words: string;
  /** With `adopted`: the path that the camera, or the name, has already. */
  readonly path: string | undefined;
  /** With a login that was refused: how often it may still be wrong before none is tried any more. */
  readonly triesLeft?: number | undefined;
}

/** A fault of our own at one camera's answer is logged: the others go on. */
export function failureOf(error: unknown, log: Logger): Failure {
  if (!(error instanceof PerchError)) {
    log.error({ err: error }, 'finding out about a camera failed');
    return { trouble: undefined, words: 'internal error', path: undefined };
  }
  const { taken: path, file, triesLeft } = error.context;
  if (typeof path === 'string') {
    return { trouble: 'adopted', words: error.message, path };
  }
  // Nothing is wrong with the camera when it is the configuration that cannot be written.
  const trouble = file === undefined ? troubleIn(error) : troubleOf(error);
  return {
    ...{ trouble, words: error.message, path: undefined },
    ...(typeof triesLeft === 'number' ? { triesLeft } : {}),
  };
}

/** What is the matter with a camera that does not do what it should. */
export const troubleIn = (error: unknown): CameraTrouble | undefined =>
  troubleOf(error) ?? (error instanceof PerchError ? BY_CODE[error.code] : undefined);

const BY_CODE: Partial<Record<PerchError['code'], CameraTrouble>> = {
  unauthorized: 'wrongPassword',
  unavailable: 'unreachable',
  timeout: 'timeout',
  unsupported: 'notSupported',
};
