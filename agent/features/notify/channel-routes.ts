import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../base/errors.ts';
import {
  CHANNEL_FIELDS,
  type ChannelChange,
  ChannelSettings,
  type NewChannel,
  type Preset,
  SETTINGS,
  type ShownChannel,
} from './channels/channel-fields.ts';
import type { HttpAccess } from '../../http/auth/access.ts';
import { checkedBody } from '../../http/messages/checked-body.ts';
import { noStore, OK, OkAnswer } from '../../http/messages/responses.ts';
import { answers, OrNull, operation, TimeText } from '../../http/api/schema/schemas.ts';
import { SNOOZE, snoozeOf, snoozeText, TestAnswer, testAnswer } from './notification-schemas.ts';

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

/** All reject with PerchError: badInput, notFound, exhausted or unavailable. */
export interface ChannelControl {
  presets(): Promise<readonly Preset[]>;
  channels(): Promise<readonly ShownChannel[]>;
  addChannel(channel: NewChannel): Promise<ShownChannel>;
  changeChannel(id: string, change: ChannelChange): Promise<ShownChannel>;
  removeChannel(id: string): Promise<void>;
  /** Sends a test message. @returns why it was not sent; undefined: it was sent */
  testChannel(id: string): Promise<string | undefined>;
}

interface ChannelRoutesOptions {
  readonly access: Pick<HttpAccess, 'require'>;
  readonly channels: ChannelControl;
  wallMs(): number;
}

/** E-mail, ntfy and web hooks. They reach the own network, so they are the owner's; on the main port only. */
export const channelRoutes: FastifyPluginAsync<ChannelRoutesOptions> = async (app, options) => {
  noStore(app);
  app.addHook('onRequest', (request: FastifyRequest) => options.access.require(request, 'admin', ''));
  listRoutes(app, options);
  changeRoutes(app, options);
};

function listRoutes(app: FastifyInstance, { channels, wallMs }: ChannelRoutesOptions): void {
  const list = operation(TAG, 'E-mail, ntfy and web hooks', answers(List, 503));
  app.get('/v3/notifications/channels', { schema: list }, async () => {
    const items = await channels.channels();
    return { items: items.map((one) => shown(one, wallMs())), presets: await channels.presets() };
  });
  const test = operation(TAG, 'Sends a message to try a channel', answers(TestAnswer, 404, 429, 503), {
    params: Params,
  });
  app.post<{ Params: { id: string } }>('/v3/notifications/channels/:id/test', { schema: test }, async ({ params }) => {
    return testAnswer(await channels.testChannel(params.id));
  });
}

function changeRoutes(app: FastifyInstance, { channels, wallMs }: ChannelRoutesOptions): void {
  const bodyLimit = 64 << 10;
  const add = operation(TAG, 'Adds a channel', answers(Item, 400, 413, 503, 507), { body: NewBody });
  app.post('/v3/notifications/channels', { bodyLimit, schema: add }, async ({ body }) => {
    checkSettings(body, true);
    return shown(await channels.addChannel(checkedBody(NewBody, body)), wallMs());
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
      return shown(await channels.changeChannel(request.params.id, wanted), wallMs());
    },
  );

  const remove = operation(TAG, 'Removes a channel', answers(OkAnswer, 404, 503), { params: Params });
  app.delete<{ Params: { id: string } }>('/v3/notifications/channels/:id', { schema: remove }, async ({ params }) => {
    await channels.removeChannel(params.id);
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
