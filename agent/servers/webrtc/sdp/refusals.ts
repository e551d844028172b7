import { PerchError } from '../../../base/errors.ts';

/** As long as neither the stream nor the player changes, the answer stays the same: a page need not ask every two seconds. */
const HOPELESS_RETRY_S = 15;

/** An offer that cannot be taken, and will not be taken when it comes again; clients learn when to ask at the earliest. */
export function hopeless(message: string, context: Record<string, unknown> = {}): PerchError {
  return new PerchError('badInput', message, { ...context, retryAfterS: HOPELESS_RETRY_S });
}
