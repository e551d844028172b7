import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../base/errors.ts';
import { answers, OrNull, operation, TimeText } from '../../http/api/schema/schemas.ts';
import { checkedBody } from '../../http/messages/checked-body.ts';
import { noStore, OK, OkAnswer } from '../../http/messages/responses.ts';
import { CHANNEL_FIELDS, SETTINGS, SettingsSchema, type ShownChannel } from './channels/channel-fields.ts';
import type { ChannelField, ChannelSettings } from './channels/kinds/kind.ts';
import { CHANNEL_KINDS, PRESETS } from './channels/kinds/kinds.ts';
import type { Notifications } from './notifier/notifications.ts';
import { SNOOZE, snoozeOf, snoozeText, TestAnswer, testAnswer } from './routes.ts';

const NO_MORE = { additionalProperties: false };
const TAG = 'notifications';

const NewBody = Type.Object({ ...CHANNEL_FIELDS, settings: SettingsSchema }, NO_MORE);
const { name, language, page, rules } = CHANNEL_FIELDS;
const ChangeBody = Type.Object(
  {
    name: Type.Optional(name),
    language: Type.Optional(language),
    page: Type.Optional(page),
    rules: Type.Optional(rules),
    settings: Type.Optional(SettingsSchema),
    snoozeMinutes: SNOOZE,
  },
  { ...NO_MORE, minProperties: 1 },
);

const Item = Type.Object({
  id: Type.String(),
  ...CHANNEL_FIELDS,
  settings: SettingsSchema,
  snoozedUntil: OrNull(TimeText),
  problem: OrNull(Type.String({ description: 'Why the last message was not sent.' })),
  waiting: Type.Integer({ description: 'Messages that wait for another attempt.' }),
});
/** A schema for the same type, of empty texts, too. */
const blank = ({ type }: { readonly type?: unknown }) =>
  Type.Optional(type === 'integer' ? Type.Integer() : type === 'array' ? Type.Array(Type.String()) : Type.String());
/** Settings of a channel of any kind. */
const Blanks = Type.Unsafe<ChannelSettings>(
  Type.Object(
    {
      kind: Type.String(),
      ...Object.fromEntries(
        CHANNEL_KINDS.flatMap(({ fields }) =>
          Object.entries(fields).map(([name, { schema }]) => [name, blank(schema)] as const),
        ),
      ),
    },
    { description: 'A template: fill in the fields that are empty or in capitals.' },
  ),
);
const Kind = Type.Object({
  kind: Type.String(),
  fields: Type.Array(
    Type.Object({
      name: Type.String(),
      label: Type.Object(
        { en: Type.String(), 'zh-cn': Type.String() },
        { description: 'Label in a form, by language.' },
      ),
      form: Type.Enum(['text', 'number', 'list', 'choice', 'password', 'template']),
      options: Type.Array(Type.String(), { description: 'Of a choice.' }),
    }),
  ),
});
type FormField = Static<typeof Kind>['fields'][number];
const KINDS: readonly Static<typeof Kind>[] = CHANNEL_KINDS.map(({ kind, fields }) => ({
  kind,
  fields: Object.entries(fields).map(([name, field]) => ({ name, ...formOf(field) })),
}));

const List = Type.Object({
  items: Type.Array(Item),
  presets: Type.Array(
    Type.Object({
      name: Type.String(),
      settings: Blanks,
    }),
  ),
  kinds: Type.Array(Kind),
});
const Params = Type.Object({ id: Type.String() });

/** Channels of notifications. They reach the own network, so they are the owner's. */
export function channelRoutes(app: FastifyInstance, opened: () => Promise<Notifications>, wallMs: () => number): void {
  noStore(app);
  listRoutes(app, opened, wallMs);
  changeRoutes(app, opened, wallMs);
}

function listRoutes(app: FastifyInstance, opened: () => Promise<Notifications>, wallMs: () => number): void {
  const list = operation(TAG, 'Channels of notifications, and their kinds', answers(List, 503));
  app.get('/v3/notifications/channels', { schema: list }, async () => {
    const { channels } = await opened();
    return { items: channels.list().map((one) => channelJson(one, wallMs())), presets: PRESETS, kinds: KINDS };
  });
  const test = operation(TAG, 'Sends a message to try a channel', answers(TestAnswer, 404, 429, 503), {
    params: Params,
  });
  app.post<{ Params: { id: string } }>('/v3/notifications/channels/:id/test', { schema: test }, async ({ params }) => {
    return testAnswer(await (await opened()).testChannel(params.id));
  });
}

function changeRoutes(app: FastifyInstance, opened: () => Promise<Notifications>, wallMs: () => number): void {
  const bodyLimit = 64 << 10;
  const add = operation(TAG, 'Adds a channel', answers(Item, 400, 413, 503, 507), { body: NewBody });
  app.post('/v3/notifications/channels', { bodyLimit, schema: add }, async ({ body }) => {
    checkSettings(body, true);
    const { channels } = await opened();
    return channelJson(await channels.add(checkedBody(NewBody, body)), wallMs());
  });

  const change = operation(TAG, 'Changes a channel; masked secrets stay', answers(Item, 400, 404, 413, 503), {
    params: Params,
    body: ChangeBody,
  });
  app.patch<{ Params: { id: string } }>(
    '/v3/notifications/channels/:id',
    { bodyLimit, schema: change },
    async (request) => {
      checkSettings(request.body, false);
      const { snoozeMinutes, ...rest } = checkedBody(ChangeBody, request.body);
      const wanted = { ...rest, ...snoozeOf(snoozeMinutes, wallMs()) };
      const { channels } = await opened();
      return channelJson(await channels.change(request.params.id, wanted), wallMs());
    },
  );

  const remove = operation(TAG, 'Removes a channel', answers(OkAnswer, 404, 503), { params: Params });
  app.delete<{ Params: { id: string } }>('/v3/notifications/channels/:id', { schema: remove }, async ({ params }) => {
    await (await opened()).channels.remove(params.id);
    return OK;
  });
}

/** Checks settings against the schema of their kind, because an error of the union names no field. @throws PerchError badInput */
function checkSettings(body: unknown, isNew: boolean): void {
  const { settings } = (body ?? {}) as { readonly settings?: { readonly kind?: unknown } };
  if (settings === undefined && !isNew) {
    return;
  }
  const schema = Object.entries(SETTINGS).find(([kind]) => kind === settings?.kind)?.[1];
  if (!schema) {
    throw new PerchError('badInput', `settings.kind is none of ${Object.keys(SETTINGS).join(', ')}`);
  }
  checkedBody(Type.Object({ settings: schema }), { settings });
}

const channelJson = ({ snoozedUntil, problem, ...one }: ShownChannel, nowMs: number): Static<typeof Item> => ({
  ...one,
  snoozedUntil: snoozeText(snoozedUntil, nowMs),
  problem: problem ?? null,
});

function formOf({ schema, label, secret, isTemplate = false }: ChannelField): Omit<FormField, 'name'> {
  const { type, enum: options = [] } = schema as { readonly type?: string; readonly enum?: readonly string[] };
  const typed = type === 'integer' ? 'number' : type === 'array' ? 'list' : secret === 'all' ? 'password' : 'text';
  return {
    label: typeof label === 'string' ? { en: label, 'zh-cn': label } : label,
    form: isTemplate ? 'template' : options.length > 0 ? 'choice' : typed,
    options: [...options],
  };
}
