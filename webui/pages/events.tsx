import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { CameraEvent } from '../api-client/recordings/event-list.ts';
import { session } from '../api-client/session.ts';
import { cameraTitle } from '../cameras/camera-title.ts';
import { eventLabel } from '../cameras/event-kinds.ts';
import { CameraChoice } from '../clips/camera-choice.tsx';
import { EventCaption, StatusEventCaption } from '../clips/events/event-caption.tsx';
import { Earlier, EventKinds } from '../clips/events/event-controls.tsx';
import { EventDigest } from '../clips/events/event-digest.tsx';
import { useEvents } from '../clips/events/event-feed.ts';
import { groupRuns, isStatusEvent } from '../clips/events/event-labels.ts';
import { chosenTypes, visibleEvents } from '../clips/events/event-search.ts';
import { ALL_EVENTS, newestEvents } from '../clips/events/newest-events.ts';
import { hasMarks, isNew, markAllAsSeen, markAsSeen } from '../clips/events/seen-events.ts';
import { RecordedThumbnail } from '../clips/thumbnail.tsx';
import { Empty } from '../live/notices.tsx';
import { nowMs } from '../shell/page-state.ts';
import { eventsLink, recordingsLink, route } from '../shell/route.ts';
import { LEAD_MS, play } from '../timeline/view.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { clipWords } from '../words/clips.ts';
import { dayName } from '../words/dates.ts';
import { clockSeconds, dayStart } from '../words/format.ts';
import { i18n } from '../words/i18n.ts';
import { words } from '../words/words.ts';
import { NotifySheet } from './features/parts.ts';

export { watchNewestEvents } from '../clips/events/newest-events.ts';

/** Rows of the first render: more than a phone shows. */
const FIRST_ROWS = 12;
/** Filter: unseen events only. */
const isUnseenOnly = signal(false);

/** Events of all cameras, newest first. */
export function EventsPage() {
  const here = route.value;
  const path = here.page === 'events' ? here.camera : undefined;
  const isUnseen = isUnseenOnly.value && hasMarks.value;
  const query = { ...ALL_EVENTS, path, types: chosenTypes.value, isUnseen };
  const isUnfiltered = path === undefined && chosenTypes.value.length === 0;
  const { page, more, refresh } = useEvents(query, isUnfiltered && !isUnseen ? newestEvents : undefined);
  const types = useRef<readonly string[]>([]);
  // The kinds of the last list stay on offer while a filtered list loads.
  types.current = page?.types ?? types.current;
  const items = visibleEvents(page?.items ?? []);
  const newest = items[0];
  const t = clipWords.value;
  const [isFirst, setFirst] = useState(true);
  useEffect(() => {
    if (page) {
      setFirst(false);
    }
  }, [page === undefined]);
  return (
    <div class="events-page">
      <header class="top">
        <h1>{words.value.events}</h1>
        {isUnfiltered && newest && items.some(isNew) && (
          <button class="chip tap" type="button" onClick={() => void markAllAsSeen(newest.startMs, refresh)}>
            {t.markAllSeen}
          </button>
        )}
        {session.value?.loggedIn && NotifySheet && <NotifyButton />}
      </header>
      <div class="filters">
        <CameraChoice path={path} linkTo={eventsLink} />
        {hasMarks.value && (
          <button
            class="chip tap"
            type="button"
            aria-pressed={isUnseenOnly.value}
            onClick={() => {
              isUnseenOnly.value = !isUnseenOnly.value;
            }}
          >
            {t.isNew}
          </button>
        )}
        <EventKinds types={types.current} />
      </div>
      {page && items.length === 0 && page.next === null && <NoEvents isUnfiltered={isUnfiltered} isUnseen={isUnseen} />}
      <Days items={isFirst ? items.slice(0, FIRST_ROWS) : items} path={path} />
      {!isFirst && page?.next != null && <Earlier key={page.next} onWanted={more} />}
    </div>
  );
}

function NotifyButton() {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button class="chip tap" type="button" aria-haspopup="dialog" onClick={() => setOpen(true)}>
        <Icon name="bell" small />
        {clipWords.value.notifyMe}
      </button>
      {isOpen && NotifySheet && <NotifySheet onClosed={() => setOpen(false)} />}
    </>
  );
}

function NoEvents({ isUnfiltered, isUnseen }: { readonly isUnfiltered: boolean; readonly isUnseen: boolean }) {
  const t = clipWords.value;
  if (isUnfiltered) {
    return isUnseen ? (
      <Empty title={t.noNewEvents} text={t.noNewEventsText} />
    ) : (
      <Empty title={t.noEvents} text={t.noEventsText} />
    );
  }
  const showAll = () => {
    chosenTypes.value = [];
    isUnseenOnly.value = false;
  };
  return (
    <Empty title={t.noSuchEvents} text={t.noSuchEventsText}>
      <a class="button main" href={eventsLink()} onClick={showAll}>
        {t.showAllEvents}
      </a>
    </Empty>
  );
}

interface DaysProps {
  readonly items: readonly CameraEvent[];
  readonly path: string | undefined;
}

function Days({ items, path }: DaysProps) {
  const runs = groupRuns(items);
  const today = dayStart(nowMs.value);
  return (
    <>
      {byDay(runs).map(([dayMs, ofDay]) => (
        <section key={dayMs} aria-labelledby={`day-${dayMs}`}>
          <h2 id={`day-${dayMs}`}>{dayName(dayMs, today, i18n())}</h2>
          <EventDigest dayMs={dayMs} path={path} newest={ofDay[0]?.all[0]?.id ?? ''} />
          <ul>
            {ofDay.map(({ event, all }) => (
              <Entry key={`${event.path} ${event.id}`} event={event} all={all} />
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}

type Run = ReturnType<typeof groupRuns<CameraEvent>>[number];

/** @param runs newest first */
function byDay(runs: readonly Run[]): readonly (readonly [number, readonly Run[]])[] {
  const days = new Map<number, Run[]>();
  for (const run of runs) {
    const day = dayStart(run.event.startMs);
    days.set(day, [...(days.get(day) ?? []), run]);
  }
  return [...days];
}

interface EntryProps {
  readonly event: CameraEvent;
  /** The run: this event and the consecutive earlier ones of its kind. */
  readonly all: readonly CameraEvent[];
}

function Entry({ event, all }: EntryProps) {
  const { language } = i18n();
  const t = clipWords.value;
  const { path, type, startMs, pictureMs } = event;
  const isStatus = isStatusEvent(event);
  const title = cameraTitle(path);
  const isFresh = all.some(isNew);
  const open = () => {
    play();
    void markAsSeen(all);
  };
  return (
    <li class={isStatus ? 'status-event' : ''}>
      <a href={recordingsLink(path, { atMs: startMs - LEAD_MS })} onClick={open}>
        {isStatus ? (
          <StatusEventCaption event={event} title={title} />
        ) : (
          <>
            <RecordedThumbnail name={path} ms={pictureMs} />
            <EventCaption event={{ ...event, count: all.length }} title={title} language={language} />
          </>
        )}
        {isFresh && <span class="new">{t.isNew}</span>}
      </a>
      {isFresh && (
        <button
          class="round"
          type="button"
          aria-label={t.markSeen(`${isStatus ? t.isAway : eventLabel(type)}, ${clockSeconds(startMs, language)}`)}
          onClick={() => void markAsSeen(all)}
        >
          <Icon name="ok" />
        </button>
      )}
    </li>
  );
}
