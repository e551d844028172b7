import type { HttpReply } from '../http/http-exchange.ts';

/** Longer is not believed: the longest that cameras lock for is half an hour. */
const MAX_MS = 24 * 3_600_000;
/** Only the beginning is looked through. */
const MAX_LOOKED_BYTES = 16_384;

/**
 * Whether a refusal says that this account (or whoever asks from here) is locked, and how long for if that is told.
 * Hikvision: `<lockStatus>lock</lockStatus><unlockTime>1795</unlockTime>` (seconds) with HTTP 401; others a sentence, HTTP 423 or 429.
 */
export function lockOf(reply: HttpReply): { readonly forMs: number | undefined } | undefined {
  const { status, headers } = reply;
  const text = reply.body.toString('latin1', 0, MAX_LOOKED_BYTES);
  const isRefused = status === 401 || status === 403 || /NotAuthorized|FailedAuthentication/.test(text);
  const isLocked =
    status === 423 ||
    status === 429 ||
    (isRefused && (/<lockStatus>\s*lock(?:ed)?\s*</i.test(text) || /\blocked\b/i.test(text)));
  if (!isLocked) {
    return undefined;
  }
  const told = /<unlockTime>\s*(\d{1,6})\s*</i.exec(text)?.[1] ?? headers['retry-after']?.[0];
  const seconds = Number(told ?? Number.NaN);
  return { forMs: seconds > 0 ? Math.min(seconds * 1000, MAX_MS) : undefined };
}
