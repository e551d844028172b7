import { PerchError } from '../../../base/errors.ts';

/** Why there is no new certificate. `port`, `clock` and `file`: the authority was not asked. */
export type AcmeWhy =
  | 'port'
  | 'clock'
  | 'file'
  | 'network'
  | 'name'
  | 'unreachable'
  | 'rejected'
  | 'limit'
  | 'authority'
  | 'other';

/** @param retryMs the authority asks to wait so long */
export const acmeFailure = (why: AcmeWhy, text: string, retryMs?: number, cause?: unknown): PerchError =>
  new PerchError('unavailable', text, { why, ...(retryMs !== undefined && { retryMs }) }, cause);

export const whyOf = (error: unknown): AcmeWhy =>
  error instanceof PerchError && typeof error.context['why'] === 'string' ? (error.context['why'] as AcmeWhy) : 'other';

/** Milliseconds that the authority wants to pass before the next attempt; 0: it says nothing. */
export const retryMsOf = (error: unknown): number =>
  error instanceof PerchError && typeof error.context['retryMs'] === 'number' ? error.context['retryMs'] : 0;
