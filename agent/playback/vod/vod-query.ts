import { PerchError } from '../../base/errors.ts';
import { type Query, queryDuration, queryStart, queryText } from '../read/query.ts';
import { requireRfc3339 } from '../read/rfc3339.ts';
import type { Period, RewindPeriod } from './recorded-streams.ts';

const DEFAULT_BACK_SECONDS = 3_600;
const MAX_BACK_SECONDS = 86_400;
/** A segment as long as this comes from a camera with a key frame in half an hour. */
const MAX_TARGET_SECONDS = 3_600;

export function queryPeriod(query: Query): Period {
  const { us: startUs } = queryStart(query);
  const durationUs = queryDuration(query);
  if (durationUs === 0) {
    throw new PerchError('badInput', "invalid duration: '0' is no time at all");
  }
  return { startUs, durationUs };
}

export function queryBack(query: Query): number {
  const text = queryText(query, 'back') ?? '';
  const seconds = text === '' ? DEFAULT_BACK_SECONDS : Number(text);
  if (!(seconds >= 1 && seconds <= MAX_BACK_SECONDS)) {
    throw new PerchError(
      'badInput',
      `invalid back: '${text.slice(0, 64)}' is not a number of seconds from 1 to ${MAX_BACK_SECONDS}`,
    );
  }
  return seconds;
}

/** What `rewindMultivariant` has written into the address of the media playlist. */
export function queryRewind(query: Query): RewindPeriod {
  const { us: startUs } = queryStart(query);
  const target = Math.ceil(Number(queryText(query, 'target') ?? ''));
  return { startUs, targetSeconds: target >= 1 && target <= MAX_TARGET_SECONDS ? target : 1 };
}

export function queryFrameTime(query: Query): number {
  return requireRfc3339('time', queryText(query, 'time') ?? '').us;
}
