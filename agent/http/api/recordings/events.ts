import type { FastifyPluginAsync } from 'fastify';
import Type from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { answers, TimeText } from '../schema/schemas.ts';

/** Far more than an event can have. */
const MAX_BODY_BYTES = 16_384;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;
const KEYS = ['path', 'type', 'start', 'end', 'text', 'id', 'state'] as const;
type Key = (typeof KEYS)[number];
/** Of cameras that were away, or have moved. */
const OWN_TYPES = 'perch.';

/** What somebody tells of a camera. Times are Unix microseconds. */
export interface ReportedEvent {
  readonly path: string;
  readonly type: string;
  readonly startUs: number | undefined;
  readonly endUs: number | undefined;
  readonly text: string | undefined;
  readonly id: string | undefined;
  readonly state: 'start' | 'end' | undefined;
}

export interface EventIntake {
  /** Throws PerchError: badInput for an unknown path or what makes no sense, notFound for the end of what does not go on. */
  tell(event: ReportedEvent): Promise<{ readonly id: string }>;
}

const Told = Type.Object(
  {
    path: Type.String(),
    type: Type.String({
      description: 'One word: `motion`, `person`, `doorbell`. The end of an event with an id needs none.',
    }),
    start: Type.Optional(TimeText),
    end: Type.Optional(TimeText),
    text: Type.Optional(Type.String({ maxLength: 500 })),
    id: Type.Optional(Type.String({ maxLength: 64 })),
    state: Type.Optional(Type.Enum(['start', 'end'], { description: 'Begin and end of what lasts.' })),
  },
  { additionalProperties: false },
);
const Noted = Type.Object({ status: Type.Literal('ok'), id: Type.String() });

/** `POST /events`: something outside has seen something. */
export const eventRoutes: FastifyPluginAsync<{ events: EventIntake }> = async (app, { events }) => {
  const tell = {
    summary: 'Tell that something has been seen: `record: motion` keeps what was recorded around it',
    ...{ tags: ['events'], body: Told, response: answers(Noted, 400, 404, 413, 429, 503) },
  };
  app.post('/events', { bodyLimit: MAX_BODY_BYTES, schema: tell }, async ({ body }) => {
    const { id } = await events.tell(parseEvent(body));
    return { status: 'ok', id };
  });
};

/** @throws PerchError badInput */
export function parseEvent(body: unknown): ReportedEvent {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new PerchError('badInput', 'the body is not a JSON object with path and type');
  }
  const unknown = Object.keys(body).find((key) => !(KEYS as readonly string[]).includes(key));
  if (unknown !== undefined) {
    throw new PerchError('badInput', `unknown field '${unknown.slice(0, 64)}': known are ${KEYS.join(', ')}`);
  }
  const text = (key: Key): string | undefined => {
    const value = (body as Partial<Record<Key, unknown>>)[key];
    if (value !== undefined && typeof value !== 'string') {
      throw new PerchError('badInput', `${key} is not a text`);
    }
    return value;
  };
  const [path = '', state, id] = [text('path'), text('state'), text('id')];
  if (path === '') {
    throw new PerchError('badInput', 'path is missing');
  }
  if (state !== undefined && state !== 'start' && state !== 'end') {
    throw new PerchError('badInput', `state '${state.slice(0, 64)}' is not start or end`);
  }
  // The end of an event that is named needs no type.
  const type = text('type') ?? (state === 'end' && id !== undefined ? 'event' : '');
  if (type.startsWith(OWN_TYPES)) {
    throw new PerchError('badInput', `type '${type.slice(0, 64)}': types that start with '${OWN_TYPES}' are reserved for Perch`);
  }
  return {
    path,
    type,
    startUs: timeOf('start', text('start')),
    endUs: timeOf('end', text('end')),
    text: text('text'),
    id,
    state,
  };
}

function timeOf(key: Key, text: string | undefined): number | undefined {
  const ms = text === undefined || !TIME.test(text) || !isDay(text.slice(0, 10)) ? Number.NaN : Date.parse(text);
  if (text !== undefined && Number.isNaN(ms)) {
    throw new PerchError('badInput', `${key} '${text.slice(0, 64)}' is not a time such as 2026-01-31T12:00:00+01:00`);
  }
  return text === undefined ? undefined : ms * 1000;
}

/** `Date.parse` takes the 30th of February for the 2nd of March. */
function isDay(text: string): boolean {
  const ms = Date.parse(text);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}
