import { computed, signal } from '@preact/signals';
import { type CameraEvent, markSeen, markSeenUpTo } from '../../api-client/recordings/event-list.ts';
import { markReviewSeen, type ReviewCard } from '../../api-client/recordings/reviews.ts';
import { session } from '../../api-client/session.ts';
import { toast } from '../../ui/feedback/toast.tsx';
import { attempt, toastFailure } from '../../ui/feedback/toast-failure.ts';
import { clipWords } from '../../words/clips.ts';

/** Events that were marked here since the page was loaded: answers on their way may be from before. */
const marked = signal<ReadonlySet<string>>(new Set());
const markedUpToMs = signal(0);

/** The box notes what owners and viewers have seen, and nothing of guests. */
export const hasMarks = computed(() => ['owner', 'viewer'].includes(session.value?.role ?? ''));

const isNew = (event: CameraEvent): boolean =>
  event.isSeen === false && event.startMs > markedUpToMs.value && !marked.value.has(eventKey(event));

const eventKey = ({ path, id }: CameraEvent): string => `${id} ${path}`;

async function markAsSeen(events: readonly CameraEvent[]): Promise<void> {
  const unseen = events.filter(isNew);
  if (unseen.length > 0) {
    await mark(unseen.map(eventKey), () => markSeen(unseen));
  }
}

/** A card may have more events than it lists. */
const isCut = ({ eventCount, events }: ReviewCard): boolean => eventCount > events.length;

export const isNewCard = (card: ReviewCard): boolean =>
  card.events.some(isNew) ||
  (isCut(card) && card.isSeen === false && card.startMs > markedUpToMs.value && !marked.value.has(card.id));

export const markCardAsSeen = (card: ReviewCard): Promise<void> =>
  isCut(card) ? mark([card.id, ...card.events.map(eventKey)], () => markReviewSeen(card.id)) : markAsSeen(card.events);

async function mark(keys: readonly string[], send: () => Promise<unknown>): Promise<void> {
  marked.value = new Set([...marked.value, ...keys]);
  try {
    await send();
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
