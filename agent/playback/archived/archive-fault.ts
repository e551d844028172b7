import { PerchError } from '../../base/errors.ts';

/** Whether the recording exists, but the archive cannot deliver it now. */
export const isArchiveFault = (error: unknown): error is PerchError =>
  error instanceof PerchError && error.code !== 'notFound' && error.context['archived'] !== undefined;
