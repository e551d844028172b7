import { signal } from '@preact/signals';
import { undoDeletion } from '../api-client/recordings/range-deletions.ts';
import { type CameraRange, lastDeleted, refreshRecordings } from '../api-client/recordings/recordings.ts';
import { invalidateLanes } from '../timeline/lane-data.ts';
import { toast } from '../ui/feedback/toast.tsx';
import { attempt } from '../ui/feedback/toast-failure.ts';
import { libraryWords } from '../words/settings/library.ts';

/** Number of deletions and restorations so far; lists of deletions reload when it changes. */
export const deletionChanges = signal(0);

/** Call after a deletion or restoration: lanes, recordings and lists of deletions load again. */
export function refreshAfterDeletion(deleted?: CameraRange): void {
  lastDeleted.value = deleted;
  invalidateLanes();
  refreshRecordings();
  deletionChanges.value += 1;
}

/** Undoes a deletion, as long as its files exist. */
export async function restoreRecordings(id: string): Promise<void> {
  await attempt(async () => {
    await undoDeletion(id);
    toast(libraryWords.peek().rangeRestored);
  });
  refreshAfterDeletion();
}
