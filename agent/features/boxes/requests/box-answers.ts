import type { Readable } from 'node:stream';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { PerchError } from '../../../base/errors.ts';
import { LABEL_TYPES } from '../../../base/event-kinds.ts';
import { readBody } from '../../../base/network/http-client.ts';
import { parseRfc3339 } from '../../../playback/read/rfc3339.ts';
import type { StoredSpan, StoredTimeline } from '../../../playback/stores/contract.ts';
import type { CameraEvent, EventLabel } from '../../../record/events/event.ts';
import { readLabels } from '../../../record/events/event-labels.ts';
import { EVENT_ID, EVENT_TYPE, MAX_TEXT } from '../../../record/events/event-line.ts';
import { readZones } from '../../../record/events/event-zones.ts';

// Checks the answers of a box, which may have another version, be broken, or be hostile.

const MAX_MARKS = 2_000;

const Spans = Type.Array(Type.Object({ start: Type.String({ maxLength: 64 }), duration: Type.Number() }), {
  // A year with a gap every six minutes.
  maxItems: 100_000,
});
const Stretches = Type.Array(Type.Tuple([Type.Number(), Type.Number()]), { maxItems: MAX_MARKS });
const Time = Type.Union([Type.String({ maxLength: 64 }), Type.Null()]);
const Word = Type.String({ maxLength: 64 });
const Text = Type.String({ maxLength: MAX_TEXT });
const TimelineAnswer = Type.Object({
  resolution: Type.Number(),
  first: Time,
  last: Time,
  recordedSeconds: Type.Number(),
  coverage: Stretches,
  archived: Type.Optional(Stretches),
  fetched: Type.Optional(Stretches),
  imported: Type.Optional(Stretches),
  gaps: Stretches,
  reasons: Type.Array(Type.Tuple([Type.Number(), Type.Number(), Word]), { maxItems: MAX_MARKS }),
  events: Type.Array(
    Type.Object({
      id: Word,
      type: Word,
      at: Type.Number(),
      duration: Type.Union([Type.Number(), Type.Null()]),
      text: Text,
      labels: Type.Optional(Type.Array(Word, { maxItems: 8 })),
    }),
    { maxItems: MAX_MARKS },
  ),
  eventCounts: Type.Array(
    Type.Object({
      type: Word,
      at: Type.Number(),
      duration: Type.Number(),
      count: Type.Number(),
      labelled: Type.Optional(Type.Number()),
    }),
    { maxItems: MAX_MARKS },
  ),
  isCut: Type.Boolean(),
});
const EventAnswer = Type.Object({
  id: Type.String(),
  path: Type.String({ maxLength: 512 }),
  type: Type.String(),
  start: Type.String({ maxLength: 64 }),
  end: Time,
  text: Type.Optional(Type.String()),
  labels: Type.Optional(Type.Unknown()),
  zones: Type.Optional(Type.Unknown()),
});
const EventPage = Type.Object({
  items: Type.Array(Type.Unknown(), { maxItems: 200 }),
  next: Type.Union([Type.String({ maxLength: 2_048 }), Type.Null()]),
});

/** An event of a camera of the box. `path` is the path on the box. */
export type BoxEvent = Omit<CameraEvent, 'source' | 'area'>;

/** Reads a whole body. @throws PerchError badInput if it is longer than `maxBytes` */
export async function readBytes(body: Readable, maxBytes: number): Promise<Buffer> {
  const { bytes, isCut } = await readBody(body, maxBytes);
  if (isCut) {
    throw new PerchError('badInput', `an answer of more than ${maxBytes} bytes`);
  }
  return bytes;
}

/** Reads an answer as JSON. @throws PerchError badInput if it is longer than `maxBytes` or invalid */
export async function readJson(body: Readable, maxBytes: number): Promise<unknown> {
  return parseJson(await readBytes(body, maxBytes));
}

/** @throws PerchError badInput */
export function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch (cause) {
    throw new PerchError('badInput', 'an answer that is not JSON', {}, cause);
  }
}

/** The recorded ranges in an answer to `/list`, oldest first. @throws PerchError badInput */
export function spansOf(answer: unknown): readonly StoredSpan[] {
  const spans = checked(Spans, answer, 'list').map(({ start, duration }) => ({
    startUs: timeOf(start),
    durationUs: Math.round(duration * 1e6),
  }));
  if (!spans.every(({ durationUs }) => durationUs >= 0 && durationUs < Number.MAX_SAFE_INTEGER / 2)) {
    throw new PerchError('badInput', 'a list with a wrong duration');
  }
  return spans.sort((a, b) => a.startUs - b.startUs);
}

type Stretch = readonly [number, number];
/** Marks outside the period are left out, and stretches are cut to it. @throws PerchError badInput */
export function timelineFields(answer: unknown, periodSeconds: number): StoredTimeline {
  const given = checked(TimelineAnswer, answer, 'timeline');
  const isWithin = (at: number): boolean => at >= 0 && at <= periodSeconds;
  const cut = (stretches: readonly Stretch[]): Stretch[] =>
    stretches.flatMap(([at, seconds]) => {
      const [from, to] = [Math.max(at, 0), Math.min(at + seconds, periodSeconds)];
      return to > from ? [[from, from === at && to === at + seconds ? seconds : to - from] as const] : [];
    });
  const time = (text: string | null): string | null =>
    text !== null && parseRfc3339(text) !== undefined ? text : null;
  return {
    resolution: given.resolution,
    first: time(given.first),
    last: time(given.last),
    recordedSeconds: Math.min(Math.max(given.recordedSeconds, 0), periodSeconds),
    coverage: cut(given.coverage),
    archived: cut(given.archived ?? []),
    fetched: cut(given.fetched ?? []),
    imported: cut(given.imported ?? []),
    gaps: cut(given.gaps),
    reasons: given.reasons
      .filter(([at, seconds]) => isWithin(at) && seconds >= 0)
      .map(([at, seconds, why]) => [at, Math.min(seconds, periodSeconds - at), why] as const),
    // An ongoing event may have begun before the period.
    events: given.events
      .filter(({ at }) => at <= periodSeconds)
      .map(({ id, type, at, duration, text, labels }) => {
        const known = LABEL_TYPES.filter((one) => labels?.includes(one));
        return { id, type, at, duration, text, ...(known.length > 0 && { labels: known }) };
      }),
    eventCounts: given.eventCounts
      .filter(({ at }) => at <= periodSeconds)
      .map(({ type, at, duration, count, labelled = 0 }) => ({
        ...{ type, at, duration, count },
        ...(labelled > 0 && { labelled }),
      })),
    isCut: given.isCut,
  };
}

/** @throws PerchError badInput if it is not an event */
export function eventOf(answer: unknown): BoxEvent {
  const { id, path, type, start, end, text = '', labels, zones } = checked(EventAnswer, answer, 'event');
  if (!EVENT_ID.test(id) || !EVENT_TYPE.test(type)) {
    throw new PerchError('badInput', 'an event with an invalid id or type');
  }
  const [startUs, endUs] = [timeOf(start), end === null ? undefined : timeOf(end)];
  if (startUs < 0 || (endUs !== undefined && endUs < startUs)) {
    throw new PerchError('badInput', 'an event with wrong times');
  }
  const more = { labels: labelsOf(labels), zones: readZones(zones) };
  return { id, path, type, startUs, endUs, text: text.slice(0, MAX_TEXT), ...more };
}

/** A box of a release before labels has none. Invalid ones are left out. */
function labelsOf(answer: unknown): readonly EventLabel[] | undefined {
  return Array.isArray(answer)
    ? readLabels(answer.slice(0, 64).map((one) => ({ ...one, at: parseRfc3339(String(one?.at))?.us })))
    : undefined;
}

/** The valid events of a page of the box's list. @throws PerchError badInput */
export function eventPageOf(answer: unknown): { readonly events: readonly BoxEvent[]; readonly next: string | null } {
  const { items, next } = checked(EventPage, answer, 'list of events');
  const events = items.flatMap((item) => {
    try {
      return [eventOf(item)];
    } catch {
      return [];
    }
  });
  return { events, next };
}

/** A name in or below the playlist's folder, without a scheme. */
const OWN_ADDRESS = /^(?![^?]*\.\.)[\w.-]+(?:\/[\w.-]+)*(?:\?[\w.~%:&=+-]*)?$/;

/** A playlist of the box, whose addresses must stay in its folder. @throws PerchError badInput */
export function checkPlaylist(text: string): string {
  const lines = text.split(/\r?\n/);
  const isOwn = (line: string): boolean =>
    line.length <= 2_048 &&
    (line === '' ||
      (line.startsWith('#')
        ? [...line.matchAll(/URI\s*=\s*"([^"]*)"?/gi)].every(([, address = '']) => OWN_ADDRESS.test(address))
        : OWN_ADDRESS.test(line)));
  if (lines[0] !== '#EXTM3U' || !lines.every(isOwn)) {
    throw new PerchError('badInput', 'a playlist that leads elsewhere, or is none');
  }
  return text;
}

function timeOf(text: string): number {
  const time = parseRfc3339(text);
  if (!time || !Number.isSafeInteger(time.us)) {
    throw new PerchError('badInput', `'${text.slice(0, 32)}' is not a time`);
  }
  return time.us;
}

/** @throws PerchError badInput */
export function checked<T extends Type.TSchema>(schema: T, answer: unknown, what: string): Static<T> {
  if (!Check(schema, answer)) {
    throw new PerchError('badInput', `an invalid ${what}`);
  }
  return answer;
}
