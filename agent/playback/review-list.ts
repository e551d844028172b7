import { setImmediate } from 'node:timers/promises';
import { PerchError } from '../base/errors.ts';
import { isWithinHours } from '../config/values/hours.ts';
import { isInZone } from '../record/events/event-zones.ts';
import type { SeenMark } from '../record/events/seen-marks.ts';
import { zoneOffsetMs } from '../record/file/time-zone.ts';
import {
  checkPeriod,
  eventItem,
  kindsOf,
  markOf,
  newestFirst,
  offlineSpansOf,
  pathsOf,
  seenEvent,
  writeMark,
} from './event-list.ts';
import type { EventMark, IndexedEvent } from './index/event-table.ts';
import { nearestPictures } from './nearest-pictures.ts';
import type { ReviewQuery } from './read/query.ts';
import { formatLocalTime } from './read/rfc3339.ts';
import { APART_US, CARD_US, cardsOf, momentsOf, REACH_US } from './review-cards.ts';
import type { IndexLookup } from './timeline.ts';

/** Events that one request reads, and those between which other requests have their turn. */
const READ_EVENTS = 6_000;
const TURN_EVENTS = 250;
/** Events that a card names. */
const LISTED_EVENTS = 200;
const PICTURES = 6;

/** Whose cards they are. */
export interface ReviewScope {
  /** Whether the client may see the events of a path. */
  maySee(path: string): boolean;
  /** Name of the group of a path, or undefined if it is in none: those form a group, too. */
  groupOf(path: string): string | undefined;
  /** The camera of a sub stream, whose events are those of its main stream. */
  mainOf(path: string): string | undefined;
  /** Another box finds the picture nearest to a moment when it is asked for it. */
  isElsewhere(path: string): boolean;
  /** Undefined: the client is no person. */
  readonly seen: SeenMark | undefined;
}

interface Card {
  /** Oldest first; at least one. */
  readonly events: readonly IndexedEvent[];
  readonly first: IndexedEvent;
}

/** Cards of events of several cameras, the newest first. */
export async function reviewPage(
  catalog: IndexLookup,
  query: ReviewQuery,
  scope: ReviewScope,
  timeZone: string | undefined,
) {
  checkPeriod(query);
  const { to, limit, before } = query;
  const mark = markOf(before) ?? { startUs: to.us, path: '', id: '' };
  const paths = shownPaths(catalog, scope).filter(
    (path) => query.path === undefined || scope.groupOf(path) === scope.groupOf(query.path),
  );
  const isWanted = filterOf(query, scope);
  const unseenUs = query.isUnseen && scope.seen ? (scope.seen.upToMs + 1) * 1000 - CARD_US : 0;
  const fromUs = Math.max(query.from?.us ?? 0, unseenUs);
  const { path, types, zone: place } = query;
  const isAny = types === undefined && place === undefined;
  const among = path === undefined ? paths : paths.filter((one) => one === path);
  const wanted = isAny ? undefined : { paths: among, types, zone: place };
  const { cards, next } = await cardsBefore(catalog, paths, scope, { mark, fromUs, limit, isWanted, wanted });
  return {
    items: await itemsOf(catalog, cards, scope, timeZone),
    next: next && writeMark(next),
    ...(before === undefined ? kindsOf(catalog, among, query) : { types: [], zones: [] }),
  };
}

/** One card. @throws PerchError badInput, notFound */
export async function reviewCard(catalog: IndexLookup, id: string, scope: ReviewScope, timeZone: string | undefined) {
  const [item] = await itemsOf(catalog, await cardOf(catalog, id, scope), scope, timeZone);
  return item ?? refuse();
}

/** All events of a card, also those that it does not name, as marks have them. @throws PerchError badInput, notFound */
export async function reviewEvents(catalog: IndexLookup, id: string, scope: ReviewScope) {
  const [card] = await cardOf(catalog, id, scope);
  return (card ?? refuse()).events.map(seenEvent);
}

/** @throws PerchError notFound */
function refuse(): never {
  throw new PerchError('notFound', 'no card has this id: its first event was deleted, or it has a new first event');
}

/** @returns the card, or none */
async function cardOf(catalog: IndexLookup, id: string, scope: ReviewScope): Promise<readonly Card[]> {
  const mark = markOf(id, 'id');
  const isIt = ({ first }: Card) => mark !== undefined && newestFirst(first, mark) === 0;
  const group = scope.groupOf(mark?.path ?? '');
  const paths = shownPaths(catalog, scope).filter((path) => scope.groupOf(path) === group);
  const found =
    mark &&
    (await cardsBefore(catalog, paths, scope, {
      mark: { ...mark, startUs: mark.startUs + 1 },
      fromUs: mark.startUs,
      limit: 1,
      isWanted: isIt,
    }));
  return found?.cards ?? [];
}

const shownPaths = (catalog: IndexLookup, { maySee, mainOf }: ReviewScope): string[] =>
  pathsOf(catalog).filter((path) => maySee(path) && !isOfMain(path, { maySee, mainOf }));

function isOfMain(path: string, { maySee, mainOf }: Pick<ReviewScope, 'maySee' | 'mainOf'>): boolean {
  const main = mainOf(path);
  return main !== undefined && maySee(main);
}

/** Its own, and those of its labels. */
const typesOfEvent = ({ type, labels = [] }: IndexedEvent): readonly string[] => [
  type,
  ...labels.map((label) => label.type),
];
const isStatus = ({ type }: IndexedEvent): boolean => type.startsWith('perch.');

function filterOf(query: ReviewQuery, { seen }: ReviewScope): (card: Card) => boolean {
  const { path, types, zone, hours, timeZone, to } = query;
  const isWanted = (event: IndexedEvent) =>
    (path === undefined || event.path === path) &&
    (zone === undefined || isInZone(event, zone, types ?? [event.type])) &&
    (types === undefined || typesOfEvent(event).some((type) => types.includes(type)));
  const offsetMs = (ms: number) => (timeZone === undefined ? to.offsetMs : zoneOffsetMs(ms, timeZone));
  const isIn = (us: number) =>
    hours === undefined || isWithinHours(hours, Math.floor((us / 1000 + offsetMs(us / 1000)) / 60_000) % 1_440);
  return ({ events, first }) =>
    isIn(first.startUs) &&
    events.some(isWanted) &&
    !(query.isUnseen && seen && events.every((event) => seen.has(seenEvent(event))));
}

interface CardSearch {
  /** The cards start before it. */
  readonly mark: EventMark;
  /** The first that counts starts then or later. */
  readonly fromUs: number;
  readonly limit: number;
  isWanted(card: Card): boolean;
  /** Each card has an event of these; undefined: any. */
  readonly wanted?: (Pick<ReviewQuery, 'types' | 'zone'> & { readonly paths: readonly string[] }) | undefined;
}

/** @returns the newest cards, and where to continue, or null if there are no more */
async function cardsBefore(catalog: IndexLookup, paths: readonly string[], scope: ReviewScope, search: CardSearch) {
  const { mark, fromUs, limit, isWanted } = search;
  const wantedBefore = wantedEvents(catalog, search);
  let { startUs: leapUs = -Infinity } = wantedBefore(mark.startUs + CARD_US) ?? {};
  const from = (us: number) => newestOf(catalog, paths, { fromUs: fromUs - REACH_US, toUs: us + CARD_US });
  let events = from(Math.min(mark.startUs, leapUs + 1));
  let open = new OpenCards(scope);
  const found: Card[] = [];
  const isListed = (card: Card) => card.first.startUs >= fromUs && newestFirst(mark, card.first) < 0;
  for (let read = 0; ; ) {
    const turn: IndexedEvent[] = [];
    while (turn.length < TURN_EVENTS) {
      const { value } = events.next();
      if (!value) {
        break;
      }
      turn.push(value);
      open.add(value);
    }
    read += turn.filter(({ startUs }) => startUs < mark.startUs).length;
    const last = turn.length < TURN_EVENTS ? undefined : turn.at(-1);
    const isTooMany = read >= READ_EVENTS && found.length === 0;
    // So many events at once that none of their cards is known: they are divided where the reading ends.
    const settledUs = last
      ? last.startUs + (isTooMany && last.startUs + REACH_US >= mark.startUs ? 0 : REACH_US)
      : -Infinity;
    found.push(...open.take(settledUs).filter((card) => isListed(card) && isWanted(card)));
    const shown = found[limit - 1];
    if (shown && found.length > limit) {
      return { cards: found.slice(0, limit), next: shown.first };
    }
    if (!last || settledUs <= fromUs) {
      return { cards: found, next: null };
    }
    leapUs = wantedBefore(settledUs + CARD_US)?.startUs ?? -Infinity;
    if (leapUs < fromUs) {
      return { cards: found, next: null };
    }
    if (read >= READ_EVENTS) {
      return { cards: found, next: { startUs: settledUs, path: '', id: '' } };
    }
    // No card from here to there has a wanted event.
    if (leapUs + CARD_US < last.startUs) {
      events = from(leapUs + 1);
      open = new OpenCards(scope);
    }
    await setImmediate();
  }
}

/** @returns the newest of the wanted events that starts before a time, which decreases from call to call */
function wantedEvents(catalog: IndexLookup, { mark, fromUs, wanted }: CardSearch) {
  if (!wanted) {
    return (us: number) => ({ startUs: us });
  }
  const { paths, ...which } = wanted;
  const events = newestOf(catalog, paths, { fromUs, toUs: mark.startUs + CARD_US, ...which });
  let next = events.next().value;
  return (us: number): Pick<EventMark, 'startUs'> | undefined => {
    while (next && next.startUs >= us) {
      next = events.next().value;
    }
    return next ?? undefined;
  };
}

/** Cards whose earlier events are not all read yet. */
class OpenCards {
  readonly #groupOf: ReviewScope['groupOf'];
  /** By group, newest first; undefined: cameras that are in none. */
  readonly #events = new Map<string | undefined, IndexedEvent[]>();
  #status: Card[] = [];

  constructor({ groupOf }: ReviewScope) {
    this.#groupOf = groupOf;
  }

  add(event: IndexedEvent): void {
    if (isStatus(event)) {
      this.#status.push({ events: [event], first: event });
      return;
    }
    const group = this.#groupOf(event.path);
    const events = this.#events.get(group);
    if (events) {
      events.push(event);
    } else {
      this.#events.set(group, [event]);
    }
  }

  /** Removes the cards that start at a time or later, newest first. @param settledUs all events that decide about them were added */
  take(settledUs: number): Card[] {
    const taken: Card[] = this.#status.filter(({ first }) => first.startUs >= settledUs);
    this.#status = this.#status.filter(({ first }) => first.startUs < settledUs);
    for (const [group, events] of this.#events) {
      const left: IndexedEvent[] = [];
      for (const card of cardsOf(events.toReversed())) {
        const [first] = card;
        if (first && first.startUs >= settledUs) {
          taken.push({ events: card, first });
        } else {
          left.push(...card);
        }
      }
      this.#events.set(group, left.reverse());
    }
    return taken.sort((one, other) => newestFirst(one.first, other.first));
  }
}

/** Events and outages of several paths that start in a range, newest first. Reads them as they are needed. */
function newestOf(catalog: IndexLookup, paths: readonly string[], range: Omit<Filter, 'limit'>) {
  const { events } = catalog.index;
  const sources = paths.flatMap((path) => [
    (filter: Filter) => events.newestOf(path, filter),
    (filter: Filter) => (range.zone === undefined ? offlineSpansOf(catalog, path, filter, range.types) : []),
  ]);
  const heads = sources.map((read) => inPages(read, range));
  return (function* (): Generator<IndexedEvent, void> {
    const next = heads.map((head) => head.next().value ?? undefined);
    for (;;) {
      let at = -1;
      let newest: IndexedEvent | undefined;
      for (const [i, event] of next.entries()) {
        if (event && (!newest || newestFirst(event, newest) < 0)) {
          [at, newest] = [i, event];
        }
      }
      if (!newest) {
        return;
      }
      yield newest;
      next[at] = heads[at]?.next().value ?? undefined;
    }
  })();
}

type Filter = Parameters<IndexLookup['index']['events']['newestOf']>[1];

function* inPages(
  read: (filter: Filter) => readonly IndexedEvent[],
  range: Omit<Filter, 'limit'>,
): Generator<IndexedEvent, void> {
  const limit = 50;
  for (let after: IndexedEvent | undefined; ; ) {
    // Those of several types come one type after the other.
    const page = read({ ...range, after, limit })
      .toSorted(newestFirst)
      .slice(0, limit);
    yield* page;
    after = page.at(-1);
    if (!after || page.length < limit) {
      return;
    }
  }
}

async function itemsOf(
  catalog: IndexLookup,
  cards: readonly Card[],
  { groupOf, isElsewhere, seen }: ReviewScope,
  timeZone: string | undefined,
) {
  const text = (us: number) => formatLocalTime(us, timeZone);
  const moments = cards.map(({ events, first }) => (isStatus(first) ? [] : momentsOf(events, PICTURES)));
  const recorded = await nearestPictures(catalog, moments.flat(), ({ path, us }) => [path, us]);
  return cards.map(({ events, first }, i) => {
    const listed = events.slice(0, LISTED_EVENTS).map((event) => eventItem(event, text, seen));
    const pictures = (moments[i] ?? []).flatMap((moment) => {
      const us = recorded.get(moment) ?? (isElsewhere(moment.path) ? moment.us : undefined);
      return us === undefined ? [] : { path: moment.path, us };
    });
    // The nearest recorded moments may be close to each other: at the end of what is recorded so far.
    const apart = pictures.filter(({ path, us }, at) =>
      pictures.slice(0, at).every((one) => one.path !== path || us - one.us >= APART_US),
    );
    return {
      id: writeMark(first),
      ...lastingOf(events, text),
      group: groupOf(first.path) ?? null,
      cameras: [...Map.groupBy(events, ({ path }) => path)].map(([path, own]) => ({
        path,
        types: [...new Set(own.flatMap(typesOfEvent))],
        zones: [...new Set(own.flatMap(({ zones = [] }) => zones))],
        ...lastingOf(own, text),
      })),
      pictures: apart.map(({ path, us }) => ({ path, time: text(us) })),
      events: listed,
      eventCount: events.length,
      seen: seen ? events.every((event) => seen.has(seenEvent(event))) : null,
    };
  });
}

function lastingOf(events: readonly IndexedEvent[], text: (us: number) => string) {
  const ends = events.map(({ endUs = Infinity }) => endUs);
  const end = Math.max(...ends);
  return { start: text(events[0]?.startUs ?? 0), end: Number.isFinite(end) ? text(end) : null };
}
