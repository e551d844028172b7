import { PerchError } from '../../base/errors.ts';
import { type CameraTrouble, troubleOf } from '../soap/failures.ts';

/** What went wrong with one camera, for whoever wants it: one of many may fail. */
export interface Failure {
  /** What there is to do about, as far as it is known. */
  readonly trouble: CameraTrouble | 'adopted' | undefined;
  readonly words: string;
  /** With `adopted`: the path that the camera, or the name, has already. */
  readonly path: string | undefined;
}

/** @throws what is no expected failure */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof PerchError)) {
    throw error;
  }
  const path = error.context['taken'];
  if (typeof path === 'string') {
    return { trouble: 'adopted', words: error.message, path };
  }
  return { trouble: troubleOf(error) ?? BY_CODE[error.code], words: error.message, path: undefined };
}

const BY_CODE: Partial<Record<PerchError['code'], CameraTrouble>> = {
  unauthorized: 'wrongPassword',
  unavailable: 'unreachable',
  timeout: 'timeout',
  unsupported: 'notSupported',
};
