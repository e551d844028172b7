import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../base/errors.ts';
import { answers, OrNull, operation, TimeText } from '../../http/api/schema/schemas.ts';
import { checkedBody } from '../../http/messages/checked-body.ts';
import { noStore, OK, OkAnswer } from '../../http/messages/responses.ts';
import { CHANNEL_FIELDS, ChannelSettings, SETTINGS, type ShownChannel } from './channels/channel-fields.ts';
import { PRESETS } from './channels/presets.ts';
import type { Notifications } from './notifier/notifications.ts';
import { SNOOZE, snoozeOf, snoozeText, TestAnswer, testAnswer } from './routes.ts';

const NO_MORE = { additionalProperties: false };
const TAG = 'notifications';

const NewBody = Type.Object({ ...CHANNEL_FIELDS, settings: ChannelSettings }, NO_MORE);
const { name, language, page, rules } = CHANNEL_FIELDS;
const ChangeBody = Type.Object(
  {
    name: Type.Optional(name),
    language: Type.Optional(language),
    page: Type.Optional(page),
    rules: Type.Optional(rules),
    settings: Type.Optional(ChannelSettings),
    snoozeMinutes: SNOOZE,
  },
  { ...NO_MORE, minProperties: 1 },
);

const Item = Type.Object({
  id: Type.String(),
  ...CHANNEL_FIELDS,
  settings: ChannelSettings,
  snoozedUntil: OrNull(TimeText),
  problem: OrNull(Type.String({ description: 'Why the last message was not sent.' })),
  waiting: Type.Integer({ description: 'Messages that wait for another attempt.' }),
});
const text = Type.Optional(Type.String());
/** Settings of a channel of any kind. */
const Blanks = Type.Object(
  {
    kind: Type.String(),
    host: text,
    port: Type.Optional(Type.Integer()),
    security: text,
    user: text,
    password: text,
    from: text,
    to: Type.Optional(Type.Array(Type.String())),
    url: text,
    token: text,
    method: text,
    headers: text,
    type: text,
    body: text,
    secret: text,
  },
  { description: 'A template: fill in the fields that are empty or in capitals.' },
);
const List = Type.Object({
  items: Type.Array(Item),
  presets: Type.Array(
    Type.Object({
      name: Type.String(),
      settings: Blanks,
    }),
  ),
});
const Params = Type.Object({ id: Type.String() });

/** E-mail, ntfy and web hooks. They reach the own network, so they are the owner's. */
export function channelRoutes(app: FastifyInstance, opened: () => Promise<Notifications>, wallMs: () => number): void {
  noStore(app);
  listRoutes(app, opened, wallMs);
  changeRoutes(app, opened, wallMs);
}

function listRoutes(app: FastifyInstance, opened: () => Promise<Notifications>, wallMs: () => number): void {
  const list = operation(TAG, 'E-mail, ntfy and web hooks', answers(List, 503));
  app.get('/v3/notifications/channels', { schema: list }, async () => {
    const { channels } = await opened();
    return { items: channels.list().map((one) => shown(one, wallMs())), presets: PRESETS };
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
    return shown(await channels.add(checkedBody(NewBody, body)), wallMs());
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
      return shown(await channels.change(request.params.id, wanted), wallMs());
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
  const kind = Object.keys(SETTINGS).find((one) => one === settings?.kind) as keyof typeof SETTINGS | undefined;
  if (kind === undefined) {
    throw new PerchError('badInput', `settings.kind is none of ${Object.keys(SETTINGS).join(', ')}`);
  }
  checkedBody(Type.Object({ settings: SETTINGS[kind] }), { settings });
}

const shown = ({ snoozedUntil, problem, ...one }: ShownChannel, nowMs: number): Static<typeof Item> => ({
  ...one,
  snoozedUntil: snoozeText(snoozedUntil, nowMs),
  problem: problem ?? null,
});
