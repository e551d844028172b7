import { useComputed } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { coalesce } from '../api-client/coalesce.ts';
import {
  appendOlder,
  type CameraEvent,
  type EventPage,
  type EventQuery,
  fetchEvents,
  mergeNewest,
} from '../api-client/event-list.ts';
import { mayPlayBack } from '../api-client/recordings.ts';
import { type EventUpdate, onServerEvent } from '../api-client/server-events.ts';
import { readableName } from '../cameras/camera.ts';
import { cameras } from '../cameras/cameras.ts';
import { isPageVisible } from '../shell/page-state.ts';
import { atMs, LEAD_MS, spans } from '../timeline/view.ts';
import { Chips } from '../ui/controls/chips.tsx';
import { clipWords } from '../words/clips.ts';
import { dayStart, nextDay } from '../words/format.ts';
import { i18n } from '../words/i18n.ts';
import { EventCaption, StatusEventCaption } from './event-caption.tsx';
import { eventAt, groupRuns, isStatusEvent, labelGroups } from './event-labels.ts';
import { chosenTypes, visibleEvents } from './event-search.ts';
import { RecordedThumbnail } from './thumbnail.tsx';

interface DayListProps {
  /** The chosen camera. */
  readonly name: string;
  /** Of all cameras, with their names. */
  readonly isOfAll: boolean;
  /** Seeks to shortly before the event. */
  readonly onGo: (path: string, ms: number) => void;
}

/** Events of the day, newest first. */
export function DayList({ name, isOfAll, onGo }: DayListProps) {
  // An event right after midnight starts playback on the day before.
  const day = useComputed(() => dayStart((atMs.value ?? spans.value.at(-1)?.endMs ?? Date.now()) + LEAD_MS)).value;
  const path = isOfAll ? undefined : name;
  const { page, more } = useDayEvents({ fromMs: day, toMs: nextDay(day), path, types: chosenTypes.value });
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
      <Kinds types={types.current} />
      {page && items.length === 0 && (
        <p class="small dim">{chosenTypes.value.length > 0 ? words.seenNoneOfKind : words.seenNothing}</p>
      )}
      <Entries {...{ name, items, isOfAll, onGo }} />
      {page?.next != null && <Earlier key={page.next} onWanted={more} />}
    </section>
  );
}

function Kinds({ types }: { readonly types: readonly string[] }) {
  const words = clipWords.value;
  const kinds = labelGroups([...types, ...chosenTypes.value], words);
  if (kinds.length < 2 && chosenTypes.value.length === 0) {
    return null;
  }
  const isChosen = (type: string) => chosenTypes.value.includes(type);
  return (
    <Chips
      label={words.seenKinds}
      options={kinds.map(({ word }) => ({ value: word, text: word }))}
      chosen={kinds.filter((kind) => kind.types.some(isChosen)).map(({ word }) => word)}
      onTap={(word) => {
        const of = kinds.find((kind) => kind.word === word)?.types ?? [];
        const others = chosenTypes.value.filter((type) => !of.includes(type));
        chosenTypes.value = of.some(isChosen) ? others : [...others, ...of];
      }}
    />
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
        const title = isOfAll ? titleOf(event.path) : undefined;
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

const titleOf = (path: string): string =>
  cameras.value?.find(({ name, sub }) => name === path || sub?.name === path)?.title ?? readableName(path);

/** Loads older events when it becomes visible. */
function Earlier({ onWanted }: { readonly onWanted: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const { current } = button;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && onWanted(), { rootMargin: '50%' });
    if (current) {
      observer.observe(current);
    }
    return () => observer.disconnect();
  }, [onWanted]);
  return (
    <button class="earlier" type="button" ref={button} onClick={onWanted}>
      {clipWords.value.seenEarlier}
    </button>
  );
}

/** Viewers get no events, so they poll. */
const EVERY_MS = 15_000;
/** Minimum time between reloads after events. */
const REST_MS = 1_000;

interface DayEvents {
  /** Undefined until the first response. */
  readonly page: EventPage | undefined;
  /** Loads older events, one page at a time. */
  readonly more: () => void;
}

const NOTHING: DayEvents = { page: undefined, more: () => {} };

/** Events, kept up to date while the page is visible. */
function useDayEvents(query: EventQuery): DayEvents {
  const key = JSON.stringify(query);
  const [known, setKnown] = useState<{ readonly key: string; readonly page: EventPage; readonly more: () => void }>();
  useEffect(() => {
    const stop = new AbortController();
    let page: EventPage | undefined;
    let asked: string | undefined;
    const more = () => {
      const before = page?.next;
      if (!before || before === asked) {
        return;
      }
      asked = before;
      fetchEvents(query, before, stop.signal).then(
        (older) => show(appendOlder(page, before, older)),
        () => {
          asked = undefined;
        },
      );
    };
    const show = (next: EventPage | undefined) => {
      page = next;
      if (next) {
        setKnown({ key, page: next, more });
      }
    };
    const lookNow = async () => {
      if (isPageVisible.peek()) {
        const newest = await fetchEvents(query, undefined, stop.signal);
        show(mergeNewest(page, newest));
      }
    };
    const look = coalesce(lookNow, REST_MS, stop.signal);
    look();
    const timer = setInterval(look, EVERY_MS);
    const leave = [onServerEvent('gap', look), onServerEvent('event', (event) => isListed(event, query) && look())];
    return () => {
      stop.abort();
      clearInterval(timer);
      for (const one of leave) {
        one();
      }
    };
  }, [key]);
  return known?.key === key ? known : NOTHING;
}

/** Whether the event is in the list and its kind is shown. */
function isListed({ path, start }: EventUpdate, query: EventQuery): boolean {
  const startMs = Date.parse(start);
  return (query.path ?? path) === path && startMs >= query.fromMs && startMs < query.toMs;
}
