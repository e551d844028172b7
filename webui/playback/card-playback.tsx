import { effect, signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { fetchReview, type ReviewCamera, type ReviewCard } from '../api-client/recordings/reviews.ts';
import { isTransient } from '../api-client/retry.ts';
import { cameraTitle } from '../cameras/camera-title.ts';
import { cardText, playedCameras } from '../clips/events/review-text.ts';
import { sleep } from '../shell/sleep.ts';
import { atMs, isPlaying, LEAD_MS, scrubMs, seekTarget, syncedCameras } from '../timeline/view.ts';
import { SegmentedControl } from '../ui/controls/segment.tsx';
import { clipWords } from '../words/clips.ts';
import { i18n } from '../words/i18n.ts';

/** A camera plays for this long after what it saw. */
const REST_MS = 2_000;
/** A card that continues is fetched again, and after a failure. */
const AGAIN_MS = 5_000;

type Mode = 'turn' | 'sync';

/** How the cameras of a card are played: as those of the last one, unless its address says it. */
export const cardMode = signal<Mode>('turn');

interface CardPlaybackProps {
  readonly id: string;
  /** The shown camera. */
  readonly name: string;
  /** Number of cameras for which there is room next to the shown one. */
  readonly room: number;
  readonly onGo: (path: string, ms: number) => void;
}

/** Plays the cameras of a card in turn or in sync. */
export function CardPlayback({ id, name, room, onGo }: CardPlaybackProps) {
  const card = useCard(id);
  const chosen = cardMode.value;
  const played = useRef<readonly ReviewCamera[]>([]);
  played.current = card ? playedCameras(card.cameras, card.pictures) : [];
  const paths = played.current.map(({ path }) => path);
  const synced = nextOf(paths, name).slice(0, room);
  useEffect(() => {
    if (chosen === 'sync' && synced.length > 0) {
      syncedCameras.value = synced;
      return () => {
        syncedCameras.value = [];
      };
    }
    return chosen === 'turn' ? afterwards(() => played.current, name, onGo) : undefined;
  }, [id, JSON.stringify(paths), chosen, name, room]);
  if (!card) {
    return null;
  }
  const t = clipWords.value;
  const { language } = i18n();
  return (
    <div class="card-playback">
      <b>{cardText(card, { language, titleOf: cameraTitle, at: t.seenAt, also: t.seenAlso })}</b>
      <SegmentedControl
        label={t.playCard}
        value={chosen}
        options={[
          { value: 'turn', text: t.inTurn },
          { value: 'sync', text: t.inSync },
        ]}
        onChange={(next) => {
          const [first] = played.current;
          cardMode.value = next;
          if (first) {
            onGo(first.path, first.startMs - LEAD_MS);
          }
        }}
      />
      {chosen === 'sync' && synced.length > 0 && synced.length + 1 < paths.length && (
        <span class="dim small">{t.someCameras(synced.length + 1, paths.length)}</span>
      )}
    </div>
  );
}

function useCard(id: string): ReviewCard | undefined {
  const [card, setCard] = useState<ReviewCard>();
  useEffect(() => {
    const stop = new AbortController();
    void follow(id, setCard, stop.signal);
    return () => stop.abort();
  }, [id]);
  return card?.id === id ? card : undefined;
}

/** Fetches the card until it is complete. Without it, the camera plays alone. */
async function follow(id: string, show: (card: ReviewCard) => void, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const card = await fetchReview(id, stop).catch((error: unknown) => (isTransient(error) ? 'later' : 'never'));
    if (stop.aborted || card === 'never') {
      return;
    }
    if (card !== 'later') {
      show(card);
      if (card.endMs !== undefined) {
        return;
      }
    }
    await sleep(AGAIN_MS, stop);
  }
}

/** Those after the shown one, then those before it; none if that is not among them. */
export function nextOf(paths: readonly string[], name: string): readonly string[] {
  const at = paths.indexOf(name);
  return at < 0 ? [] : [...paths.slice(at + 1), ...paths.slice(0, at)];
}

/**
 * Goes to the next camera of the card when playback has passed the end of what this one saw. A person who seeks there has not played it.
 *
 * @param cameras of the card, at present @returns stops it
 */
export function afterwards(
  cameras: () => readonly ReviewCamera[],
  name: string,
  go: CardPlaybackProps['onGo'],
): () => void {
  let target = seekTarget.peek();
  let isWithin = false;
  return effect(() => {
    const [ms, sought, isScrubbed] = [atMs.value, seekTarget.value, scrubMs.value !== undefined];
    const all = cameras();
    const at = all.findIndex(({ path }) => path === name);
    const [own, next] = [all[at], at < 0 ? undefined : all[at + 1]];
    if (ms === undefined || !own) {
      return;
    }
    const until = own.endMs === undefined ? Infinity : own.endMs + REST_MS;
    if (sought !== target || isScrubbed || ms < until) {
      target = sought;
      isWithin = !isScrubbed && ms >= own.startMs - 3 * LEAD_MS && ms < until;
    } else if (isWithin && isPlaying.peek()) {
      isWithin = false;
      if (next) {
        queueMicrotask(() => go(next.path, next.startMs - LEAD_MS));
      }
    }
  });
}
