import { PerchError } from '../base/errors.ts';
import { DAY_US } from '../base/time/units.ts';
import type { SeenMark } from '../record/events/seen-marks.ts';
import { gapsName } from '../record/gaps/gap-reason.ts';
import type { EventMark, EventQuery, IndexedEvent } from './index/event-table.ts';
import type { Timespan } from './index/segment-index.ts';
import type { EventListQuery } from './read/query.ts';
import type { ZonedTime } from './read/rfc3339.ts';
import { formatLocalTime } from './read/rfc3339.ts';
import type { IndexLookup } from './timeline.ts';

/** A month including its longest day. */
const MAX_US = 32 * 86_400_000_000;
/** A frame further away shows another scene. */
const NEAR_US = 5_000_000;
/** A recording may lack frames right before its end. */
const REST_US = 200_000;

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
  zone: string | undefined,
  seen?: SeenMark,
) {
  const { to, types, limit } = query;
  checkPeriod(query);
  const { events } = catalog.index;
  const paths = pathsOf(catalog).filter((name) => (query.path === undefined || name === query.path) && maySee(name));
  const unseen = query.isUnseen ? seen : undefined;
  const fromUs = Math.max(query.from?.us ?? 0, unseen ? (unseen.upToMs + 1) * 1000 : 0);
  // Single marks are left out below.
  const filter = { fromUs, toUs: to.us, after: markOf(query.before), limit: limit + 1 + (unseen?.count ?? 0) };
  const found = paths
    .flatMap((name) => [
      ...events.newestOf(name, { ...filter, types }),
      ...offlineSpansOf(catalog, name, filter, types),
    ])
    .filter((event) => !unseen?.has(seenEvent(event)));
  const shown = found.sort(newestFirst).slice(0, limit);
  const last = shown.at(-1);
  const pictures = await picturesOf(catalog, shown);
  const text = (us: number) => formatLocalTime(us, zone);
  return {
    items: shown.map((event) => {
      const picture = pictures.get(event);
      const { startUs, endUs } = event;
      return {
        id: event.id,
        path: event.path,
        type: event.type,
        start: text(startUs),
        end: endUs === undefined ? null : text(endUs),
        text: event.text,
        area: event.area ? { ...event.area, direction: event.area.direction ?? null } : null,
        picture: picture === undefined ? null : text(picture),
        seen: seen ? seen.has(seenEvent(event)) : null,
      };
    }),
    next: found.length > limit && last ? writeMark(last) : null,
    types: query.before === undefined ? typesOf(catalog, paths, query) : [],
  };
}

const seenEvent = ({ path, id, startUs }: IndexedEvent) => ({ path, id, startMs: Math.floor(startUs / 1000) });

function checkPeriod({ from, to }: Pick<EventListQuery, 'from' | 'to'>): void {
  if (from && (!(to.us > from.us) || to.us - from.us > MAX_US)) {
    throw new PerchError('badInput', `invalid to: it is not after from, or more than ${MAX_US / 86_400e6} days`);
  }
}

interface EventCount {
  readonly path: string;
  readonly type: string;
  readonly count: number;
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
      return [...counts, { type: OFFLINE, count: outages }].map(({ type, count }) => ({ path, type, count }));
    })
    .filter(({ count }) => count > 0);
  return { items: items.sort((one, other) => other.count - one.count || compare(one.path, other.path)) };
}

function pathsOf({ index }: IndexLookup): string[] {
  const gaps = gapsName('');
  const names = index.events.paths().map((name) => (name.startsWith(gaps) ? name.slice(gaps.length) : name));
  return [...new Set(names)].filter((name) => name !== '');
}

function offlineSpansOf(
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

function newestFirst(a: EventMark, b: EventMark): number {
  return b.startUs - a.startUs || compare(b.path, a.path) || compare(b.id, a.id);
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function typesOf({ index }: IndexLookup, paths: readonly string[], { from, to }: EventListQuery): string[] {
  const types = new Set(paths.flatMap((path) => index.events.typesOf(path, from?.us ?? 0, to.us)));
  return [...types]
    .filter((type) => !type.startsWith('perch.'))
    .sort()
    .slice(0, 100);
}

async function picturesOf(
  catalog: IndexLookup,
  shown: readonly IndexedEvent[],
): Promise<ReadonlyMap<IndexedEvent, number>> {
  const pictures = new Map<IndexedEvent, number>();
  for (const [path, events] of Map.groupBy(shown, (event) => event.path)) {
    const starts = events.map(({ startUs }) => startUs);
    const [fromUs, toUs] = [Math.min(...starts) - NEAR_US, Math.max(...starts) + NEAR_US];
    await catalog.refresh(path, fromUs, toUs);
    let spans: { readonly fromUs: number; readonly all: readonly Timespan[] } | undefined;
    for (const [i, event] of events.entries()) {
      // Newest first: what lies between events far apart is not read.
      if (!spans || event.startUs - NEAR_US < spans.fromUs) {
        const first = clusterStart(starts.slice(i)) - NEAR_US;
        const { index } = catalog;
        const known = index.timespans(path, index.lastStartUpTo(path, first), event.startUs + NEAR_US);
        spans = { fromUs: first, all: index.hidden.visibleSpans(path, known) };
      }
      const at = nearest(spans.all, event.startUs);
      if (at !== undefined) {
        pictures.set(event, at);
      }
    }
  }
  return pictures;
}

/** @param starts newest first. @returns the first of those that follow each other within a day */
function clusterStart(starts: readonly number[]): number {
  const end = starts.findIndex((us, i) => us - (starts[i + 1] ?? -Infinity) > DAY_US);
  return starts[end] ?? 0;
}

function nearest(spans: readonly Timespan[], us: number): number | undefined {
  let best: number | undefined;
  for (const { startUs, durationUs } of spans) {
    const at = Math.min(Math.max(us, startUs), Math.max(startUs, startUs + durationUs - REST_US));
    if (best === undefined || Math.abs(at - us) < Math.abs(best - us)) {
      best = at;
    }
  }
  return best !== undefined && Math.abs(best - us) <= NEAR_US ? best : undefined;
}

const writeMark = ({ startUs, path, id }: EventMark): string =>
  Buffer.from(JSON.stringify([startUs, path, id])).toString('base64url');

function markOf(text: string | undefined): EventMark | undefined {
  if (text === undefined) {
    return undefined;
  }
  try {
    const [startUs, path, id] = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (Number.isSafeInteger(startUs) && typeof path === 'string' && typeof id === 'string') {
      return { startUs, path, id };
    }
  } catch {}
  throw new PerchError('badInput', `invalid before: '${text.slice(0, 64)}' is not the value of next in an answer`);
}
