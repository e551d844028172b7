import { setImmediate } from 'node:timers/promises';
import { PerchError } from '../base/errors.ts';
import type { SeenMark } from '../record/events/seen-marks.ts';
import { gapsName } from '../record/gaps/gap-reason.ts';
import type { EventMark, EventQuery, IndexedEvent } from './index/event-table.ts';
import { nearestPictures } from './nearest-pictures.ts';
import type { EventListQuery } from './read/query.ts';
import type { ZonedTime } from './read/rfc3339.ts';
import { formatLocalTime } from './read/rfc3339.ts';
import type { IndexLookup } from './timeline.ts';

/** A month including its longest day. */
const MAX_US = 32 * 86_400_000_000;

const OFFLINE = 'perch.offline';

export type EventPage = Awaited<ReturnType<typeof eventPage>>;

/**
 * Events of several cameras and their outages, newest first.
 * @param maySee whether the client may see a path
 * @param seen marks of the person, or undefined if the client is no person
 */
export async function eventPage(
  catalog: IndexLookup,
  query: EventListQuery,
  maySee: (path: string) => boolean,
  timeZone: string | undefined,
  seen?: SeenMark,
) {
  const { to, types, zone: place, limit } = query;
  checkPeriod(query);
  const { events } = catalog.index;
  const paths = pathsOf(catalog).filter((name) => (query.path === undefined || name === query.path) && maySee(name));
  const unseen = query.isUnseen ? seen : undefined;
  const fromUs = Math.max(query.from?.us ?? 0, unseen ? (unseen.upToMs + 1) * 1000 : 0);
  const found: IndexedEvent[] = [];
  // Unseen ones are read in pages, between which other requests have their turn.
  const read = unseen ? Math.max(100, limit + 1) : limit + 1;
  for (let after = markOf(query.before); ; ) {
    const filter = { fromUs, toUs: to.us, after, limit: read };
    const page = paths
      .flatMap((name) => [
        ...events.newestOf(name, { ...filter, types, zone: place }),
        ...(place === undefined ? offlineSpansOf(catalog, name, filter, types) : []),
      ])
      .sort(newestFirst)
      .slice(0, read);
    found.push(...page.filter((event) => !unseen?.has(seenEvent(event))));
    after = page.at(-1);
    if (page.length < read || found.length > limit) {
      break;
    }
    await setImmediate();
  }
  const shown = found.slice(0, limit);
  const last = shown.at(-1);
  const pictures = await nearestPictures(catalog, shown, ({ path, startUs }) => [path, startUs]);
  const text = (us: number) => formatLocalTime(us, timeZone);
  return {
    items: shown.map((event) => {
      const picture = pictures.get(event);
      return { ...eventItem(event, text, seen), picture: picture === undefined ? null : text(picture) };
    }),
    next: found.length > limit && last ? writeMark(last) : null,
    ...(query.before === undefined ? kindsOf(catalog, paths, query) : { types: [], zones: [] }),
  };
}

/** @param text of a time. @param seen undefined: the client is no person */
export function eventItem(event: IndexedEvent, text: (us: number) => string, seen: SeenMark | undefined) {
  const { id, path, type, startUs, endUs, area } = event;
  return {
    ...{ id, path, type, text: event.text },
    start: text(startUs),
    end: endUs === undefined ? null : text(endUs),
    area: area
      ? { ...area, direction: area.direction ?? null, at: area.at === undefined ? null : text(area.at) }
      : null,
    labels: event.labels?.map((label) => ({ ...label, at: text(label.at) })) ?? null,
    zones: event.zones ?? null,
    seen: seen ? seen.has(seenEvent(event)) : null,
  };
}

export const seenEvent = ({ path, id, startUs }: IndexedEvent) => ({ path, id, startMs: Math.floor(startUs / 1000) });

/** @throws PerchError badInput */
export function checkPeriod({ from, to }: Pick<EventListQuery, 'from' | 'to'>): void {
  if (from && (!(to.us > from.us) || to.us - from.us > MAX_US)) {
    throw new PerchError('badInput', `invalid to: it is not after from, or more than ${MAX_US / 86_400e6} days`);
  }
}

interface EventCount {
  readonly path: string;
  readonly type: string;
  readonly count: number;
  /** Of `count`: events of another type with such a label. */
  readonly labelled: number;
}

/** Numbers of events between two times, by camera and type, the largest first. */
export function eventDigest(
  catalog: IndexLookup,
  period: { readonly from: ZonedTime; readonly to: ZonedTime },
  maySee: (path: string) => boolean,
): { readonly items: readonly EventCount[] } {
  checkPeriod(period);
  const [fromUs, toUs] = [period.from.us, period.to.us];
  const items = pathsOf(catalog)
    .filter(maySee)
    .flatMap((path) => {
      const counts = catalog.index.events.countEvents(path, fromUs, toUs - 1, toUs - fromUs);
      // Maximum number of outages of a camera in a digest.
      const outages = offlineSpansOf(catalog, path, { fromUs, toUs, limit: 100 }, undefined).length;
      return [...counts, { type: OFFLINE, count: outages, labelled: 0 }].map(({ type, count, labelled }) => ({
        ...{ path, type, count, labelled },
      }));
    })
    .filter(({ count }) => count > 0);
  return { items: items.sort((one, other) => other.count - one.count || compare(one.path, other.path)) };
}

/** Paths with events. */
export function pathsOf({ index }: IndexLookup): string[] {
  const gaps = gapsName('');
  const names = index.events.paths().map((name) => (name.startsWith(gaps) ? name.slice(gaps.length) : name));
  return [...new Set(names)].filter((name) => name !== '');
}

/** Outages as events. */
export function offlineSpansOf(
  { index }: IndexLookup,
  path: string,
  filter: EventQuery,
  types: readonly string[] | undefined,
): IndexedEvent[] {
  if (types && !types.includes(OFFLINE)) {
    return [];
  }
  // Events and outages share one order by path: the mark of one works for the other.
  const after = filter.after && { ...filter.after, path: gapsName(filter.after.path) };
  // Shorter outages are not listed.
  const away = { ...filter, after, types: ['offline'], minUs: 60_000_000 };
  return index.events.newestOf(gapsName(path), away).map((event) => ({ ...event, path, type: OFFLINE }));
}

export function newestFirst(a: EventMark, b: EventMark): number {
  return b.startUs - a.startUs || compare(b.path, a.path) || compare(b.id, a.id);
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Types and zones of the events of a period. */
export function kindsOf(
  { index: { events } }: IndexLookup,
  paths: readonly string[],
  { from, to }: Pick<EventListQuery, 'from' | 'to'>,
) {
  const sorted = (words: readonly string[]): readonly string[] => [...new Set(words)].sort().slice(0, 100);
  const types = paths.flatMap((path) => events.typesOf(path, from?.us ?? 0, to.us));
  return {
    types: sorted(types.filter((type) => !type.startsWith('perch.'))),
    zones: sorted(paths.flatMap((path) => events.zonesOf(path, from?.us ?? 0, to.us))),
  };
}

/** Position in a list, newest first. */
export const writeMark = ({ startUs, path, id }: EventMark): string =>
  Buffer.from(JSON.stringify([startUs, path, id])).toString('base64url');

/** @throws PerchError badInput */
export function markOf(text: string | undefined, name = 'before'): EventMark | undefined {
  if (text === undefined) {
    return undefined;
  }
  try {
    const [startUs, path, id] = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (Number.isSafeInteger(startUs) && typeof path === 'string' && typeof id === 'string') {
      return { startUs, path, id };
    }
  } catch {}
  throw new PerchError('badInput', `invalid ${name}: '${text.slice(0, 64)}' is not a value of an answer`);
}
