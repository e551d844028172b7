import type { FastifyPluginAsync } from 'fastify';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { eventKinds, LABEL_TYPES } from '../../../base/event-kinds.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { answers, Share, TimeText } from '../schema/schemas.ts';

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;
const KEYS = ['path', 'type', 'start', 'end', 'text', 'id', 'state'] as const;
/** Types of events that Perch itself creates. */
const OWN_TYPES = 'perch.';

/** A reported event. Times are Unix microseconds. */
export interface ReportedEvent {
  readonly path: string;
  readonly type: string;
  readonly startUs: number | undefined;
  readonly endUs: number | undefined;
  readonly text: string | undefined;
  readonly labels?: readonly ReportedLabel[] | undefined;
  readonly id: string | undefined;
  readonly state: 'start' | 'end' | undefined;
}

export interface EventIntake {
  /** @throws PerchError badInput for an unknown path or invalid values, notFound for the end of an unknown event */
  tell(event: ReportedEvent): Promise<{ readonly id: string }>;
}

const KINDS = eventKinds.map(([kind, { otherNames }]) => [kind, ...(otherNames ?? [])].join(' = ')).join(', ');

const NO_MORE = { additionalProperties: false };

export const LabelFields = {
  type: Type.Enum([...LABEL_TYPES]),
  score: Share,
  box: Type.Object(
    { x: Share, y: Share, width: Share, height: Share },
    { ...NO_MORE, description: 'In shares of the picture.' },
  ),
};
const LabelsBody = Type.Object({
  labels: Type.Array(
    Type.Object({ ...LabelFields, at: Type.String({ description: 'Time of the picture, RFC 3339.' }) }, NO_MORE),
    { maxItems: 8, description: 'Objects found in pictures of the event; empty: it was examined, and has none.' },
  ),
});
type ReportedLabel = Omit<Static<typeof LabelsBody>['labels'][number], 'at'> & { readonly at: number };

const ReportBody = Type.Object(
  {
    path: Type.String(),
    type: Type.String({
      description: `One word. Kinds that Perch knows, with their other names: ${KINDS}. Optional for the end of an event with an id.`,
    }),
    start: Type.Optional(TimeText),
    end: Type.Optional(TimeText),
    text: Type.Optional(Type.String({ maxLength: 500 })),
    id: Type.Optional(Type.String({ maxLength: 64 })),
    state: Type.Optional(Type.Enum(['start', 'end'], { description: 'Start or end of a lasting event.' })),
    labels: Type.Optional(LabelsBody.properties.labels),
  },
  NO_MORE,
);
const Accepted = Type.Object({ status: Type.Literal('ok'), id: Type.String() });

/** `POST /events`: another program reports an event. */
export const eventRoutes: FastifyPluginAsync<{ events: EventIntake }> = async (app, { events }) => {
  const report = {
    summary: 'Report an event: `record: motion` keeps the recording around it',
    tags: ['events'],
    body: ReportBody,
    response: answers(Accepted, 400, 404, 413, 429, 503),
  };
  app.post('/events', { bodyLimit: 16_384, schema: report }, async ({ body }) => {
    const { id } = await events.tell(parseEvent(body));
    return { status: 'ok', id };
  });
};

/**
 * Reads the fields of a body with texts only. @param wanted for the message
 * @throws PerchError badInput for another body, an unknown field or another type
 */
export function textFields<Key extends string>(
  body: unknown,
  keys: readonly Key[],
  wanted: string,
): (key: Key) => string | undefined {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new PerchError('badInput', `the body is not a JSON object with ${wanted}`);
  }
  const unknown = Object.keys(body).find((key) => !(keys as readonly string[]).includes(key));
  if (unknown !== undefined) {
    throw new PerchError('badInput', `unknown field '${unknown.slice(0, 64)}': known are ${keys.join(', ')}`);
  }
  return (key) => {
    const value: unknown = (body as Partial<Record<Key, unknown>>)[key] ?? undefined;
    if (value !== undefined && typeof value !== 'string') {
      throw new PerchError('badInput', `${key} is not a text`);
    }
    return value;
  };
}

/** A range of recordings. @param text of `textFields` @throws PerchError badInput if a field is missing or empty */
export function rangeFields(text: (key: 'path' | 'start' | 'end') => string | undefined) {
  const required = (key: 'path' | 'start' | 'end'): string => {
    const value = text(key);
    if (!value) {
      throw new PerchError('badInput', `${key} is missing`);
    }
    return value;
  };
  return { path: required('path'), start: required('start'), end: required('end') };
}

export function parseEvent(body: unknown): ReportedEvent {
  const text = textFields(body, [...KEYS, 'labels'], 'path and type');
  const [path = '', state, id] = [text('path'), text('state'), text('id')];
  if (path === '') {
    throw new PerchError('badInput', 'path is missing');
  }
  if (state !== undefined && state !== 'start' && state !== 'end') {
    throw new PerchError('badInput', `state '${state.slice(0, 64)}' is not start or end`);
  }
  const type = text('type') ?? (state === 'end' && id !== undefined ? 'event' : '');
  if (type.startsWith(OWN_TYPES)) {
    throw new PerchError(
      'badInput',
      `type '${type.slice(0, 64)}': types that start with '${OWN_TYPES}' are reserved for Perch`,
    );
  }
  return {
    path,
    type,
    startUs: timeOf('start', text('start')),
    endUs: timeOf('end', text('end')),
    text: text('text'),
    id,
    state,
    ...labelsIn(body),
  };
}

function labelsIn(body: unknown): Pick<ReportedEvent, 'labels'> {
  const { labels } = body as { readonly labels?: unknown };
  if (labels === undefined || labels === null) {
    return {};
  }
  const checked = checkedBody(LabelsBody, { labels }).labels;
  return { labels: checked.map((label, i) => ({ ...label, at: timeOf(`labels[${i}].at`, label.at) })) };
}

function timeOf(key: string, text: string): number;
function timeOf(key: string, text: string | undefined): number | undefined;
function timeOf(key: string, text: string | undefined): number | undefined {
  const ms = text === undefined || !TIME.test(text) || !isDay(text.slice(0, 10)) ? Number.NaN : Date.parse(text);
  if (text !== undefined && Number.isNaN(ms)) {
    throw new PerchError('badInput', `${key} '${text.slice(0, 64)}' is not a time such as 2026-01-31T12:00:00+01:00`);
  }
  return text === undefined ? undefined : ms * 1000;
}

/** `Date.parse` reads February 30 as March 2. */
function isDay(text: string): boolean {
  const ms = Date.parse(text);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}
