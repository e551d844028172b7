import type { ChangedBy } from '../api-client/config.ts';
import { timeAgo } from '../words/format.ts';
import { words } from '../words/words.ts';

const MINUTE_MS = 60_000;

/** `Ann changed this 2 minutes ago: 1 day → 2 days`. @param me who looks at this page */
export function conflictWords(
  by: ChangedBy | undefined,
  me: string | null,
  nowMs: number,
  language: string,
  change: string,
): string {
  const { changedBy, changedByMe, justNow, somebody } = words.value;
  if (!by) {
    return changedBy(somebody, '', change);
  }
  const sinceMs = nowMs - by.atMs;
  const when = sinceMs < MINUTE_MS ? justNow : timeAgo(sinceMs, language);
  return by.user === me ? changedByMe(when, change) : changedBy(by.user, when, change);
}
