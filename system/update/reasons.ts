import { type ErrorCode, PerchError } from '../../agent/base/errors.ts';

/** Why an update is not taken, or does not stay, in one word each: whoever shows it says it in his own language. */
export const UPDATE_REASONS = [
  // Of the file.
  ...(['noUpdate', 'damaged', 'notSigned', 'laterFormat', 'older', 'same'] as const),
  // Of the box, before anything is changed.
  ...(['noService', 'noKey', 'noAddress', 'notFetched', 'notWritten', 'taking', 'noAnswer'] as const),
  ...(['room', 'unknownVersion', 'noExec', 'busy', 'failed'] as const),
  // Of the new version: the one before is put back.
  ...(['notInstalled', 'notStarted', 'unhealthy', 'notRecording', 'powerCut', 'restarted', 'notPutBack'] as const),
] as const;
export type UpdateReason = (typeof UPDATE_REASONS)[number];

export const refusal = (code: ErrorCode, message: string, why: UpdateReason, cause?: unknown): PerchError =>
  new PerchError(code, message, { why }, cause);

/** What an error says of itself; of one that nobody foresaw, that it failed. */
export function reasonOf(error: unknown): UpdateReason {
  const why = error instanceof PerchError ? error.context['why'] : undefined;
  return UPDATE_REASONS.find((one) => one === why) ?? 'failed';
}
