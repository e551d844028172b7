import { signal } from '@preact/signals';
import { actionErrorText } from '../api-client/error-text.ts';
import { undoDeletion } from '../api-client/range-deletions.ts';
import { refreshRecordings } from '../api-client/recordings.ts';
import { invalidateLanes } from '../timeline/lane-data.ts';
import { toast } from '../ui/feedback/toast.tsx';
import { libraryWords } from '../words/library.ts';

/** Counts deletions and restorations, for lists of them. */
export const deletionChanges = signal(0);

/** Recordings have been deleted or restored: everything that shows them loads again. */
export function showDeletion(): void {
  invalidateLanes();
  refreshRecordings();
  deletionChanges.value += 1;
}

/** Undo, as long as the files are there. */
export async function restoreRecordings(id: string): Promise<void> {
  try {
    await undoDeletion(id);
    toast(libraryWords.peek().rangeRestored);
  } catch (error) {
    toast(actionErrorText(error));
  }
  showDeletion();
}
