import { setImmediate } from 'node:timers/promises';
import type { ArchivedRecordings } from '../archived/archived-recordings.ts';
import { parseFacts } from '../read/facts.ts';
import type { SegmentIndex } from './segment-index.ts';

/** Copies per page. Media is handled between pages. */
const PAGE = 100;

/**
 * Makes the index list what only the archive has, and nothing else of it.
 * @param archived undefined: there is no archive
 */
export async function syncArchived(
  index: SegmentIndex,
  archived: ArchivedRecordings | undefined,
  signal: AbortSignal,
): Promise<void> {
  for (const path of new Set([...index.archived.paths(), ...(archived?.paths() ?? [])])) {
    await syncPath(index, archived, path, signal);
  }
}

async function syncPath(
  index: SegmentIndex,
  archived: ArchivedRecordings | undefined,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const listed = index.archived.namesOf(path);
  const onDisks = index.archived.namesOnDisks(path);
  let afterUs = Number.MIN_SAFE_INTEGER;
  for (let length = PAGE; length === PAGE && archived; ) {
    if (signal.aborted) {
      return;
    }
    const page = archived.after(path, afterUs, PAGE);
    for (const copy of page) {
      const isListed = listed.delete(copy.nameUs);
      const isOnDisk = onDisks.has(copy.nameUs);
      const facts = isListed || isOnDisk ? undefined : parseFacts(copy.facts ?? '');
      if (isOnDisk && isListed) {
        index.archived.remove(path, copy.nameUs);
      } else if (facts) {
        index.archived.add(copy, facts);
      }
    }
    afterUs = page.at(-1)?.nameUs ?? afterUs;
    length = page.length;
    await setImmediate();
  }
  for (const nameUs of listed) {
    index.archived.remove(path, nameUs);
  }
  index.commit();
}
