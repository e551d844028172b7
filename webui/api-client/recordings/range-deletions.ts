import type { DeletionForecast } from '../api-types.ts';
import { fetchJson } from '../request.ts';

/** Time limit of a request, for which the box measures a range of recordings and stores the deletion. */
const MAX_WAIT_MS = 60_000;

interface Range {
  readonly startMs: number;
  readonly endMs: number;
}

export interface RangeForecast {
  readonly recordedMs: number;
  readonly bytes: number;
  /** Size of the files that lie wholly in the range. */
  readonly freedBytes: number;
  /** Saved clips in the range, which are kept. */
  readonly kept: readonly (Range & { readonly id: string; readonly note: string })[];
}

/** A deletion as in `/v3/recordings/deletions`. Times are RFC 3339. */
export interface Deletion {
  readonly id: string;
  readonly path: string;
  readonly start: string;
  readonly end: string;
  readonly by: string | null;
  /** Until when the deletion can be undone; null: its files are being deleted. */
  readonly undoUntil: string | null;
}

const bodyOf = (path: string, { startMs, endMs }: Range) => ({
  path,
  start: new Date(startMs).toISOString(),
  end: new Date(endMs).toISOString(),
});

export async function forecastDeletion(path: string, range: Range): Promise<RangeForecast> {
  const { recordedSeconds, bytes, freedBytes, kept } = await fetchJson<DeletionForecast>(
    'v3/recordings/deletions/foresee',
    { method: 'POST', body: bodyOf(path, range), limitMs: MAX_WAIT_MS },
  );
  const clips = kept.map(({ id, start, end, note }) => ({
    id,
    note,
    startMs: Date.parse(start),
    endMs: Date.parse(end),
  }));
  return { recordedMs: recordedSeconds * 1000, bytes, freedBytes, kept: clips };
}

export const deleteRange = (path: string, range: Range): Promise<Deletion> =>
  fetchJson<Deletion>('v3/recordings/deletions', { method: 'POST', body: bodyOf(path, range), limitMs: MAX_WAIT_MS });

export async function undoDeletion(id: string): Promise<void> {
  await fetchJson(`v3/recordings/deletions/${encodeURIComponent(id)}`, { method: 'DELETE' });
}
