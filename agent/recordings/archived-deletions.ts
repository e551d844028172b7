import { PerchError } from '../base/errors.ts';
import type { CopyListing } from '../playback/index/copy-listing.ts';
import type { SegmentRow } from '../playback/index/segment-row.ts';
import { inBatches } from '../record/retention/delete-path.ts';

interface ArchivedDeletion {
  readonly archive: Pick<CopyListing, 'delete'>;
  /** Recordings that only the archive has, after another one, oldest first, at most `limit`. */
  rows(limit: number, after: SegmentRow | undefined): readonly SegmentRow[];
  isKept(row: SegmentRow): boolean;
  readonly maxFiles?: number;
  readonly signal?: AbortSignal;
}

interface ArchivedDeletions {
  readonly deleted: number;
  readonly kept: number;
  /** Why the others are left. */
  readonly fault: PerchError | undefined;
}

/** Deletes copies of recordings on request. */
export async function deleteArchived(deletion: ArchivedDeletion): Promise<ArchivedDeletions> {
  const { archive, maxFiles = Number.POSITIVE_INFINITY, signal } = deletion;
  let [deleted, kept] = [0, 0];
  for (const row of inBatches<SegmentRow>((limit, after) => deletion.rows(limit, after))) {
    if (deleted >= maxFiles || signal?.aborted) {
      break;
    }
    if (deletion.isKept(row)) {
      kept += 1;
      continue;
    }
    try {
      await archive.delete(row);
      deleted += 1;
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      return { deleted, kept, fault: error };
    }
  }
  return { deleted, kept, fault: undefined };
}
