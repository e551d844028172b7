import { PerchError } from '../../base/errors.ts';

/** The recording exists, but the archive does not give it now. */
export const isArchiveFault = (error: unknown): error is PerchError =>
  error instanceof PerchError && error.code !== 'notFound' && error.context['archived'] !== undefined;
