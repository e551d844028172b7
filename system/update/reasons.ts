import { type ErrorCode, PerchError } from '../../agent/base/errors.ts';

/** Why an update is rejected or rolled back, one word each: the page has texts for them. */
export const UPDATE_REASONS = [
  // About the file.
  ...(['noUpdate', 'damaged', 'notSigned', 'laterFormat', 'older', 'same'] as const),
  // About the box, before anything is changed.
  ...(['noService', 'noKey', 'noAddress', 'notFetched', 'notWritten', 'taking', 'noAnswer'] as const),
  ...(['room', 'unknownVersion', 'noExec', 'noSecondSystem', 'onTrial', 'busy', 'failed'] as const),
  // About the new version: the previous one is restored.
  ...(['notInstalled', 'notStarted', 'unhealthy', 'notRecording', 'powerCut', 'restarted', 'notPutBack'] as const),
] as const;
export type UpdateReason = (typeof UPDATE_REASONS)[number];

export const refusal = (code: ErrorCode, message: string, why: UpdateReason, cause?: unknown): PerchError =>
  new PerchError(code, message, { why }, cause);

/** The reason of an error; of an unexpected one, `failed`. */
export function reasonOf(error: unknown): UpdateReason {
  const why = error instanceof PerchError ? error.context['why'] : undefined;
  return UPDATE_REASONS.find((one) => one === why) ?? 'failed';
}
