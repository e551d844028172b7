import { useComputed } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { CameraEvent } from '../../api-client/recordings/event-list.ts';
import { mayPlayBack } from '../../api-client/recordings/recordings.ts';
import { cameraTitle } from '../../cameras/camera-title.ts';
import { atMs, LEAD_MS, spans } from '../../timeline/view.ts';
import { clipWords } from '../../words/clips.ts';
import { dayStart, nextDay } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { RecordedThumbnail } from '../thumbnail.tsx';
import { EventCaption, StatusEventCaption } from './event-caption.tsx';
import { Earlier, EventKinds } from './event-controls.tsx';
import { useEvents } from './event-feed.ts';
import { eventAt, groupRuns, isStatusEvent } from './event-labels.ts';
import { chosenTypes, visibleEvents } from './event-search.ts';

interface DayListProps {
  /** The chosen camera. */
  readonly name: string;
  /** Whether events of all cameras are listed, with the names of the cameras. */
  readonly isOfAll: boolean;
  /** Seeks to shortly before the event. */
  readonly onGo: (path: string, ms: number) => void;
}

/** Events of the day, newest first. */
export function DayList({ name, isOfAll, onGo }: DayListProps) {
  // An event right after midnight starts playback on the day before.
  const day = useComputed(() => dayStart((atMs.value ?? spans.value.at(-1)?.endMs ?? Date.now()) + LEAD_MS)).value;
  const path = isOfAll ? undefined : name;
  const { page, more } = useEvents({ fromMs: day, toMs: nextDay(day), path, types: chosenTypes.value });
  const types = useRef<readonly string[]>([]);
  // The choice of kinds stays while a filtered list loads.
  types.current = page?.types ?? types.current;
  if (!isOfAll && !mayPlayBack(name)) {
    return null;
  }
  const words = clipWords.value;
  const items = visibleEvents(page?.items ?? []);
  return (
    <section class="day-list" aria-label={words.seen}>
      <EventKinds
        types={types.current}
        chosen={chosenTypes.value}
        onChange={(chosen) => {
          chosenTypes.value = chosen;
        }}
      />
      {page && items.length === 0 && (
        <p class="small dim">{chosenTypes.value.length > 0 ? words.seenNoneOfKind : words.seenNothing}</p>
      )}
      <Entries {...{ name, items, isOfAll, onGo }} />
      {page?.next != null && <Earlier key={page.next} onWanted={more} />}
    </section>
  );
}

type EntriesProps = DayListProps & { readonly items: readonly CameraEvent[] };

function Entries({ name, items, isOfAll, onGo }: EntriesProps) {
  const { language } = i18n();
  const own = items.filter((event) => event.path === name && !isStatusEvent(event)).reverse();
  // Rounded to seconds, so that the list is not rendered for each frame.
  const second = useComputed(() => Math.ceil((atMs.value ?? 0) / 1000)).value;
  const shown = eventAt(own, second * 1000, LEAD_MS);
  const list = useRef<HTMLUListElement>(null);
  const isThere = items.length > 0;
  useEffect(() => showCurrent(list.current), [isThere]);
  return (
    <ul ref={list}>
      {groupRuns(items).map(({ event, all }) => {
        const title = isOfAll ? cameraTitle(event.path) : undefined;
        return (
          <li key={`${event.path} ${event.id}`} class={isStatusEvent(event) ? 'status-event' : ''}>
            <button
              type="button"
              aria-current={shown && all.includes(shown) ? 'true' : undefined}
              onClick={() => onGo(event.path, event.startMs - LEAD_MS)}
            >
              {isStatusEvent(event) ? (
                <StatusEventCaption event={event} title={title} />
              ) : (
                <>
                  <RecordedThumbnail name={event.path} ms={event.pictureMs} />
                  <EventCaption event={{ ...event, count: all.length }} title={title} language={language} />
                </>
              )}
            </button>
          </li>
        );
      })}
    </ul>
  );
}

/** Scrolls to the event of a link, once. */
function showCurrent(list: HTMLElement | null): void {
  const current = list?.querySelector('[aria-current]')?.closest('li');
  const view = list?.parentElement;
  if (current && view && current.offsetTop + current.offsetHeight > view.clientHeight) {
    view.scrollTop = current.offsetTop - view.clientHeight / 2;
  }
}
