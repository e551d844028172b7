import { effect, signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { coalesce } from '../api-client/coalesce.ts';
import { type ListPage, mergeNewest } from '../api-client/recordings/event-list.ts';
import { fetchReviews, type ReviewCard, type ReviewQuery } from '../api-client/recordings/reviews.ts';
import { onServerEvent } from '../api-client/server-events.ts';
import { session } from '../api-client/session.ts';
import { maySeeRecordings } from '../cameras/cameras.ts';
import { CameraChoice } from '../clips/camera-choice.tsx';
import { Earlier, EventKinds, EventZones } from '../clips/events/event-controls.tsx';
import { EventDigest } from '../clips/events/event-digest.tsx';
import { filtersOf, filterText, NO_FILTERS, useReviews } from '../clips/events/event-feed.ts';
import { Review } from '../clips/events/review-card.tsx';
import { hasMarks, isNewCard, markAllAsSeen } from '../clips/events/seen-events.ts';
import { isLiveOnly, LiveOnly } from '../clips/live-only.tsx';
import { Empty } from '../live/notices.tsx';
import { lastScroll, replaceRoute } from '../shell/navigation.ts';
import { hasNewEvents, isPageVisible, nowMs } from '../shell/page-state.ts';
import { eventsLink, route } from '../shell/route.ts';
import { onShortcuts } from '../timeline/shortcuts.ts';
import { Select } from '../ui/controls/choice.tsx';
import { Icon } from '../ui/icons/icon.tsx';
import { lazyPart } from '../ui/lazy/lazy-page.tsx';
import { clipWords } from '../words/clips.ts';
import { clockOf } from '../words/clock-text.ts';
import { dayName } from '../words/dates.ts';
import { dayStart } from '../words/format.ts';
import { i18n } from '../words/i18n.ts';
import { words } from '../words/words.ts';
import { NotifySheet } from './features/parts.ts';

/** Viewers get no events, so they poll. */
const EVERY_MS = 60_000;
/** Minimum time between requests. */
const REST_MS = 10_000;
const Keys = lazyPart(() => import('./keyboard-help.tsx').then((part) => part.EventKeys));

/** Cards of the first render: more than a phone shows. */
const FIRST_CARDS = 12;

export function EventsPage() {
  const here = route.value;
  const path = here.page === 'events' ? here.camera : undefined;
  return isLiveOnly(path) ? <LiveOnly name={path} /> : <Events path={path} />;
}

/** What the cameras saw, as cards, newest first. The filters are in the address. */
function Events({ path }: { readonly path: string | undefined }) {
  const here = route.value;
  const filters = filtersOf(here.page === 'events' ? here.query : undefined);
  const query: ReviewQuery = { path, ...filters, isUnseen: filters.isUnseen && hasMarks.value };
  const change = (next: Partial<ReviewQuery>) => {
    replaceRoute(eventsLink(path, filterText({ ...filters, ...next })));
  };
  const isUnfiltered = path === undefined && filterText(query) === '';
  const { page, more, refresh } = useReviews(query, isUnfiltered ? newestReviews : undefined);
  const offered = useRef<{ readonly types: readonly string[]; readonly zones?: readonly string[] }>({ types: [] });
  // What the last list had stays on offer while a filtered list loads.
  offered.current = page ?? offered.current;
  const { types, zones = [] } = offered.current;
  const items = page?.items ?? [];
  // A card of another group may have a later event than the first.
  const newestMs = Math.max(
    0,
    ...items.slice(0, FIRST_CARDS).flatMap(({ events }) => events.map((one) => one.startMs)),
  );
  const t = clipWords.value;
  const [isFirst, setFirst] = useState(true);
  useEffect(() => {
    if (page) {
      setFirst(false);
    }
  }, [page === undefined]);
  useEffect(() => {
    if (isFirst || lastCard === undefined || lastScroll('events') === 0) {
      return undefined;
    }
    const card = document.querySelector(`.events-page li[data-card="${CSS.escape(lastCard)}"]`);
    // Heights are estimated until they are drawn, so that Back may end at another card. The page scrolls in the next frame.
    const frame = requestAnimationFrame(() => setTimeout(() => card?.scrollIntoView({ block: 'nearest' })));
    return () => cancelAnimationFrame(frame);
  }, [isFirst]);
  return (
    <div class="events-page">
      <header class="top">
        <h1>{words.value.events}</h1>
        {isUnfiltered && items.some(isNewCard) && (
          <button class="chip tap" type="button" onClick={() => void markAllAsSeen(newestMs, refresh)}>
            {t.markAllSeen}
          </button>
        )}
        {session.value?.loggedIn && NotifySheet && <NotifyButton />}
      </header>
      <div class="filters">
        <CameraChoice path={path} linkTo={(camera) => eventsLink(camera, filterText(filters))} />
        {hasMarks.value && (
          <button
            class="chip tap"
            type="button"
            aria-pressed={filters.isUnseen}
            onClick={() => change({ isUnseen: !filters.isUnseen })}
          >
            {t.isNew}
          </button>
        )}
        <Hours hours={filters.hours} onChange={(hours) => change({ hours })} />
        <EventZones zones={zones} chosen={filters.zone} onChange={(zone) => change({ zone })} />
        <EventKinds types={types} chosen={filters.types} onChange={(chosen) => change({ types: chosen })} />
      </div>
      {page && items.length === 0 && page.next === null && (
        <NoEvents
          isUnfiltered={path === undefined && filterText({ ...query, isUnseen: false }) === ''}
          isUnseen={query.isUnseen}
        />
      )}
      <Days
        items={isFirst ? items.slice(0, FIRST_CARDS) : items}
        path={path}
        zone={filters.zone}
        hasNumbers={filterText(query) === ''}
      />
      {page && items.length === 0 && page.next !== null && (
        <p class="dim searching" role="status">
          {t.seenSearching}
        </p>
      )}
      {!isFirst && page?.next != null && <Earlier key={page.next} onWanted={more} />}
      <CardKeys />
    </div>
  );
}

/** Parts of the day that people ask for. Any hours may be in the address. */
const PARTS_OF_DAY = ['06:00-12:00', '12:00-18:00', '18:00-22:00', '22:00-06:00'] as const;

interface HoursProps {
  readonly hours: string | undefined;
  readonly onChange: (hours: string | undefined) => void;
}

/** `06:00 – 12:00`, as the locale has it. */
const hoursText = (hours: string, language: string): string =>
  hours
    .split('-')
    .map((time) => clockOf(time, language))
    .join(' – ');

function Hours({ hours, onChange }: HoursProps) {
  const t = clipWords.value;
  const { language } = i18n();
  const all =
    hours === undefined || PARTS_OF_DAY.some((one) => one === hours) ? PARTS_OF_DAY : [...PARTS_OF_DAY, hours];
  return (
    <Select
      class="chip"
      label={t.seenHours}
      value={hours ?? ''}
      options={[
        { value: '', text: t.seenAnyHour },
        ...all.map((one) => ({ value: one, text: hoursText(one, language) })),
      ]}
      onChange={(value) => onChange(value || undefined)}
    />
  );
}

/** Id of the card that had the focus, or was opened, last. */
let lastCard: string | undefined;

/** J and K go from card to card, arrows too if one has the focus; M marks one as seen; `?` shows the shortcuts. */
function CardKeys() {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    const current = () => document.activeElement?.closest<HTMLElement>('.events-page li');
    const remember = ({ target }: Event) => {
      lastCard = (target as Element).closest<HTMLElement>('.events-page li')?.dataset['card'] ?? lastCard;
    };
    const go = (by: -1 | 1) => {
      const all = [...document.querySelectorAll<HTMLElement>('.events-page li')];
      const at = all.findIndex((card) => card.dataset['card'] === lastCard);
      // After a scroll the card may be out of view.
      const isNear = all[at] !== undefined && isInView(all[at]);
      const next = isNear ? all[Math.min(Math.max(at + by, 0), all.length - 1)] : all.find(isInView);
      next?.querySelector('a')?.focus({ preventScroll: true });
      next?.scrollIntoView({ block: 'nearest' });
    };
    const goFromCard = (by: -1 | 1) => (current() ? go(by) : false);
    document.addEventListener('focusin', remember);
    // Safari does not focus a link that is tapped.
    document.addEventListener('click', remember);
    const stop = onShortcuts({
      ...{ j: () => go(1), k: () => go(-1), ArrowDown: () => goFromCard(1), ArrowUp: () => goFromCard(-1) },
      ...{ m: () => current()?.querySelector('button')?.click(), '?': () => setOpen(true) },
    });
    return () => {
      document.removeEventListener('focusin', remember);
      document.removeEventListener('click', remember);
      stop();
    };
  }, []);
  return isOpen ? <Keys onClosed={() => setOpen(false)} /> : null;
}

function isInView(card: Element): boolean {
  const { top, bottom } = card.getBoundingClientRect();
  return bottom > 0 && top < window.innerHeight;
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
  return (
    <Empty title={t.noSuchEvents} text={t.noSuchEventsText}>
      <a class="button main" href={eventsLink()}>
        {t.showAllEvents}
      </a>
    </Empty>
  );
}

interface DaysProps {
  readonly items: readonly ReviewCard[];
  readonly path: string | undefined;
  readonly zone: string | undefined;
  /** Numbers of a day are of all its events. */
  readonly hasNumbers: boolean;
}

/** Another one, if events or their objects have changed. */
const numbersKey = (cards: readonly ReviewCard[]): string =>
  cards
    .map(({ id, events }) => `${id} ${events.length} ${events.flatMap(({ objects = [] }) => objects).length}`)
    .join();

function Days({ items, path, zone, hasNumbers }: DaysProps) {
  const today = dayStart(nowMs.value);
  return (
    <>
      {byDay(items).map(([dayMs, ofDay]) => (
        <section key={dayMs} aria-labelledby={`day-${dayMs}`}>
          <h2 id={`day-${dayMs}`}>{dayName(dayMs, today, i18n())}</h2>
          {hasNumbers && <EventDigest dayMs={dayMs} path={path} of={numbersKey(ofDay)} />}
          <ul>
            {ofDay.map((card) => (
              <Review key={card.id} card={card} path={path} zone={zone} />
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}

/** @param items newest first */
function byDay(items: readonly ReviewCard[]): readonly (readonly [number, readonly ReviewCard[]])[] {
  const days = new Map<number, ReviewCard[]>();
  for (const card of items) {
    const dayMs = dayStart(card.startMs);
    const ofDay = days.get(dayMs) ?? [];
    ofDay.push(card);
    days.set(dayMs, ofDay);
  }
  return [...days];
}

/** Known cards, which the page of events shows before the box answers. */
const newestReviews = signal<ListPage<ReviewCard> | undefined>(undefined);

/** Keeps `newestReviews` and the mark for unseen events up to date while the page is open. Call it once. */
export function watchNewestEvents(): void {
  const { signal: never } = new AbortController();
  const loadNow = async () => {
    if (isPageVisible.peek() && maySeeRecordings.peek()) {
      const newest = await fetchReviews({ path: undefined, ...NO_FILTERS }, undefined, never);
      const merged = mergeNewest(newestReviews.peek(), newest);
      // A longer list is not kept for the next visit.
      newestReviews.value = merged.items.length > 400 ? newest : merged;
    }
  };
  const load = coalesce(loadNow, REST_MS, never);
  effect(() => {
    hasNewEvents.value = newestReviews.value?.items.some(isNewCard) ?? false;
  });
  load();
  setInterval(load, EVERY_MS);
  onServerEvent('event', load);
  onServerEvent('gap', load);
}
