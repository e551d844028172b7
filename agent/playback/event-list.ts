import { PerchError } from '../base/errors.ts';
import { zoneOffsetMs } from '../record/file/time-zone.ts';
import { gapsName } from '../record/gaps/gap-reason.ts';
import type { EventMark, EventQuery, IndexedEvent } from './index/contracts.ts';
import type { Timespan } from './index/segment-index.ts';
import type { EventListQuery } from './read/query.ts';
import { formatRfc3339 } from './read/rfc3339.ts';
import type { IndexLookup } from './timeline.ts';

/** A month with its longest day. */
const MAX_US = 32 * 86_400_000_000;
/** A camera that is away for less is not missed by anybody. */
const MIN_OFFLINE_US = 60_000_000;
const MAX_TYPES = 100;
/** A picture that is further away shows something else. */
const NEAR_US = 5_000_000;
/** Right before its end a recording may have no picture any more. */
const REST_US = 200_000;

/** The type under which a time is listed in which a camera was away. */
export const OFFLINE = 'perch.offline';

export interface ListedEvent {
  readonly id: string;
  readonly path: string;
  readonly type: string;
  /** RFC 3339. */
  readonly start: string;
  /** Null while it lasts. */
  readonly end: string | null;
  readonly text: string;
  /** The recorded moment that is nearest to its begin, within five seconds; null: there is none. */
  readonly picture: string | null;
}

export interface EventPage {
  readonly items: readonly ListedEvent[];
  /** For `before`: what is older; null: nothing is. */
  readonly next: string | null;
  /** Of all that was seen between the two times; empty where a list goes on. */
  readonly types: readonly string[];
}

/**
 * What was seen by several cameras, and when they were away, newest first.
 * @param maySee whether whoever asks is told of a path
 */
export async function eventPage(
  catalog: IndexLookup,
  query: EventListQuery,
  maySee: (path: string) => boolean,
  zone: string | undefined,
): Promise<EventPage> {
  const { from, to, path, types, limit } = query;
  if (!(to.us > from.us) || to.us - from.us > MAX_US) {
    throw new PerchError('badInput', `invalid to: it is not after from, or more than ${MAX_US / 86_400e6} days`);
  }
  const { events } = catalog.index;
  const paths = pathsOf(catalog).filter((name) => (path === undefined || name === path) && maySee(name));
  const wish = { fromUs: from.us, toUs: to.us, after: markOf(query.before), limit: limit + 1 };
  const found = paths.flatMap((name) => [
    ...events.newestOf(name, { ...wish, types }),
    ...offlineSpansOf(catalog, name, wish, types),
  ]);
  const shown = found.sort(newestFirst).slice(0, limit);
  const last = shown.at(-1);
  const pictures = await picturesOf(catalog, shown);
  const text = (us: number) => formatRfc3339({ us, offsetMs: zoneOffsetMs(Math.floor(us / 1000), zone) });
  return {
    items: shown.map((event) => {
      const picture = pictures.get(event);
      const { id, path: of, type, startUs, endUs, text: told } = event;
      return {
        id,
        path: of,
        type,
        start: text(startUs),
        end: endUs === undefined ? null : text(endUs),
        text: told,
        picture: picture === undefined ? null : text(picture),
      };
    }),
    next: found.length > limit && last ? writeMark(last) : null,
    types: query.before === undefined ? typesOf(catalog, paths, query) : [],
  };
}

/** What was seen by them, or why they were not recorded; of the machine itself nothing. */
function pathsOf({ index }: IndexLookup): string[] {
  const gaps = gapsName('');
  const names = index.events.paths().map((name) => (name.startsWith(gaps) ? name.slice(gaps.length) : name));
  return [...new Set(names)].filter((name) => name !== '');
}

function offlineSpansOf(
  { index }: IndexLookup,
  path: string,
  wish: EventQuery,
  types: readonly string[] | undefined,
): IndexedEvent[] {
  if (types && !types.includes(OFFLINE)) {
    return [];
  }
  // What is told of both is put in order by the path alone: the mark of one is one of the other.
  const after = wish.after && { ...wish.after, path: gapsName(wish.after.path) };
  const away = { ...wish, after, types: ['offline'], minUs: MIN_OFFLINE_US };
  return index.events.newestOf(gapsName(path), away).map((event) => ({ ...event, path, type: OFFLINE }));
}

function newestFirst(a: EventMark, b: EventMark): number {
  return b.startUs - a.startUs || compare(b.path, a.path) || compare(b.id, a.id);
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function typesOf({ index }: IndexLookup, paths: readonly string[], { from, to }: EventListQuery): string[] {
  const types = new Set(paths.flatMap((path) => index.events.typesOf(path, from.us, to.us)));
  return [...types]
    .filter((type) => !type.startsWith('perch.'))
    .sort()
    .slice(0, MAX_TYPES);
}

/** For each event the recorded moment nearest to its begin. */
async function picturesOf(
  catalog: IndexLookup,
  shown: readonly IndexedEvent[],
): Promise<ReadonlyMap<IndexedEvent, number>> {
  const pictures = new Map<IndexedEvent, number>();
  for (const [path, events] of Map.groupBy(shown, (event) => event.path)) {
    const starts = events.map(({ startUs }) => startUs);
    const [fromUs, toUs] = [Math.min(...starts) - NEAR_US, Math.max(...starts) + NEAR_US];
    await catalog.refresh(path, fromUs, toUs);
    const spans = catalog.index.timespans(path, catalog.index.lastStartUpTo(path, fromUs), toUs);
    for (const event of events) {
      const at = nearest(spans, event.startUs);
      if (at !== undefined) {
        pictures.set(event, at);
      }
    }
  }
  return pictures;
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

/** @throws PerchError badInput */
function markOf(text: string | undefined): EventMark | undefined {
  if (text === undefined) {
    return undefined;
  }
  try {
    const [startUs, path, id] = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (Number.isSafeInteger(startUs) && typeof path === 'string' && typeof id === 'string') {
      return { startUs, path, id };
    }
  } catch {
    // What is no JSON is no mark either.
  }
  throw new PerchError('badInput', `invalid before: '${text.slice(0, 64)}' is not the next of an answer`);
}
