import { computed, signal } from '@preact/signals';
import { type CameraEvent, markSeen, markSeenUpTo } from '../../api-client/recordings/event-list.ts';
import { session } from '../../api-client/session.ts';
import { toast } from '../../ui/feedback/toast.tsx';
import { attempt, toastFailure } from '../../ui/feedback/toast-failure.ts';
import { clipWords } from '../../words/clips.ts';

/** Events that were marked here, until the box's next answer includes the marks. */
const marked = signal<ReadonlySet<string>>(new Set());
const markedUpToMs = signal(0);

/** The box notes what owners and viewers have seen, and nothing of guests. */
export const hasMarks = computed(() => ['owner', 'viewer'].includes(session.value?.role ?? ''));

export const isNew = (event: CameraEvent): boolean =>
  event.isSeen === false && event.startMs > markedUpToMs.value && !marked.value.has(eventKey(event));

const eventKey = ({ path, id }: CameraEvent): string => `${id} ${path}`;

export async function markAsSeen(events: readonly CameraEvent[]): Promise<void> {
  const unseen = events.filter(isNew);
  if (unseen.length === 0) {
    return;
  }
  const keys = unseen.map(eventKey);
  marked.value = new Set([...marked.value, ...keys]);
  try {
    await markSeen(unseen);
  } catch (error) {
    marked.value = new Set([...marked.value].filter((key) => !keys.includes(key)));
    toastFailure(error);
  }
}

/** @param ms start of the newest event. @param onUndone after the box has undone it */
export async function markAllAsSeen(ms: number, onUndone: () => void): Promise<void> {
  await attempt(async () => {
    const beforeMs = await markSeenUpTo(ms);
    markedUpToMs.value = ms;
    toast(clipWords.value.allSeen, () => void undo(beforeMs, onUndone));
  });
}

async function undo(beforeMs: number, onUndone: () => void): Promise<void> {
  await attempt(async () => {
    await markSeenUpTo(beforeMs);
    markedUpToMs.value = 0;
    onUndone();
  });
}
