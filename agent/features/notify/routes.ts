import { createHash, randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import type { Person } from '../../auth/accounts/person.ts';
import { describeUserAgent } from '../../auth/accounts/user-agent.ts';
import { LoginAttempts } from '../../auth/throttle/login-attempts.ts';
import { PerchError } from '../../base/errors.ts';
import { resolvePath } from '../../config/load/load.ts';
import { answers, OrNull, operation, TimeText } from '../../http/api/schema/schemas.ts';
import type { HttpAccess } from '../../http/auth/access.ts';
import { cookieOf, NOTIFIED_COOKIE, ownCookie, sessionTokenOf } from '../../http/auth/credentials.ts';
import { checkedBody } from '../../http/messages/checked-body.ts';
import { noStore, OK, OkAnswer } from '../../http/messages/responses.ts';
import type { Host } from '../contract.ts';
import type { Notifications } from './notifier/notifications.ts';
import { BUTTONS, ButtonChoice, PUSH_FIELDS, quietOf, type SubscriptionHolder } from './push/push-fields.ts';
import { relayOf } from './push/relays.ts';
import type { Subscription } from './push/subscriptions.ts';

/** A week: notifications are switched off elsewhere. */
const MAX_SNOOZE_MINUTES = 7 * 24 * 60;

export const SNOOZE = Type.Optional(
  Type.Integer({ minimum: 0, maximum: MAX_SNOOZE_MINUTES, description: 'From now on. 0: none.' }),
);

/** @param minutes undefined to leave it unchanged */
export const snoozeOf = (minutes: number | undefined, nowMs: number): { readonly snoozedUntil?: number } =>
  minutes === undefined ? {} : { snoozedUntil: minutes === 0 ? 0 : Math.round(nowMs) + minutes * 60_000 };

/** @param until Unix milliseconds; 0: not snoozed @returns RFC 3339 */
export const snoozeText = (until: number, nowMs: number): string | null =>
  until > nowMs ? new Date(until).toISOString() : null;

export const TestAnswer = Type.Object({
  sent: Type.Boolean({ description: 'The service has taken the message.' }),
  problem: OrNull(Type.String({ description: 'What is wrong, in a sentence.' })),
});

export const testAnswer = (problem: string | undefined): Static<typeof TestAnswer> => ({
  sent: problem === undefined,
  problem: problem ?? null,
});

const BROWSER_BYTES = 16;
const NO_MORE = { additionalProperties: false };

const { rules, language, endpoint, p256dh, auth, buttons } = PUSH_FIELDS;
const NewBody = Type.Object(PUSH_FIELDS, NO_MORE);
const ChangeBody = Type.Object(
  {
    rules: Type.Optional(rules),
    language: Type.Optional(language),
    buttons,
    quiet: Type.Optional(
      Type.Object(
        {
          path: Type.String({ minLength: 1, maxLength: 512 }),
          minutes: Type.Integer({ minimum: 0, maximum: MAX_SNOOZE_MINUTES }),
        },
        { ...NO_MORE, description: 'Pauses a camera on all browsers of the caller. 0 minutes: no longer.' },
      ),
    ),
    snoozeMinutes: SNOOZE,
    subscription: Type.Optional(
      Type.Object({ endpoint, p256dh, auth }, { ...NO_MORE, description: 'A new one of the same browser.' }),
    ),
  },
  { ...NO_MORE, minProperties: 1 },
);
const Item = Type.Object({
  id: Type.String(),
  device: Type.String({ description: 'Such as `Chrome, Android`.' }),
  endpoint: Type.String(),
  relay: Type.String({ description: 'The company that relays the encrypted messages, or its host.' }),
  created: TimeText,
  snoozedUntil: OrNull(TimeText),
  quiet: Type.Array(Type.Object({ path: Type.String(), until: TimeText }), { description: 'Cameras that are paused.' }),
  language,
  rules,
  buttons: Type.Array(ButtonChoice),
});
const PressBody = Type.Object({ token: Type.String({ maxLength: 64, description: 'Of the button.' }) }, NO_MORE);
const PressAnswer = Type.Object({
  text: Type.String({ description: 'What has changed; `{time}` stands for `until`.' }),
  until: OrNull(TimeText),
  undo: OrNull(
    Type.Object({ title: Type.String(), token: Type.String() }, { description: 'A button that reverts it.' }),
  ),
});
export type SubscriptionItem = Static<typeof Item>;
const List = Type.Object({
  publicKey: Type.String({ description: "The box's, base64url: `applicationServerKey` of the browser." }),
  items: Type.Array(Item),
  timeZone: Type.String({ description: 'Of the hours of rules.' }),
  actions: Type.Array(Type.Object({ id: Type.String(), title: Type.String() }), {
    description: 'What a button may do besides, for this person: rules between cameras.',
  }),
});
export type NotifyList = Static<typeof List>;
const Params = Type.Object({ id: Type.String() });
const PictureQuery = Type.Object({ path: Type.String({ description: 'The camera.' }) });

interface NotificationRoutesOptions extends Pick<Host, 'accounts' | 'actions' | 'clock' | 'config'> {
  readonly access: Pick<HttpAccess, 'identify' | 'origin'>;
  notifications(): Promise<Notifications>;
}

/** Push notifications of the requesting person's browsers, on the main port only. */
export function notificationRoutes(app: FastifyInstance, options: NotificationRoutesOptions): void {
  noStore(app);
  listRoute(app, options);
  changeRoutes(app, options);
  pressRoute(app, options);
  pictureRoute(app, options);
}

function listRoute(app: FastifyInstance, options: NotificationRoutesOptions): void {
  const { notifications } = options;
  const schema = operation('notifications', "One's own browsers with push notifications", answers(List, 503));
  app.get('/v3/notifications', { schema }, async (request) => {
    const holder = holderOf(options, request);
    const person = personOf(options, request);
    const { publicKey, subscriptions } = await notifications();
    const items = subscriptions.of(holder);
    const actions = options.actions().filter((one) => one.isFor(person));
    return {
      publicKey,
      items: items.map((one) => shown(options, one)),
      timeZone: options.config().timetableZone || new Intl.DateTimeFormat().resolvedOptions().timeZone,
      actions: actions.map(({ id, title }) => ({ id, title })),
    };
  });
}

function changeRoutes(app: FastifyInstance, options: NotificationRoutesOptions): void {
  const { notifications } = options;
  const add = operation(
    'notifications',
    'Notifies this browser; replaces its earlier subscription',
    answers(Item, 400, 413, 503, 507),
    { body: NewBody },
  );
  const bodyLimit = 64 << 10;
  app.post('/v3/notifications', { bodyLimit, schema: add }, async (request, reply) => {
    const subscriber = subscriberOf(options, request, reply);
    const body = checkedBody(NewBody, request.body);
    checkEndpoint(body);
    return shown(options, await (await notifications()).subscriptions.add(subscriber, body));
  });

  const change = operation(
    'notifications',
    'Changes rules, language, snooze or the subscription itself',
    answers(Item, 400, 404, 413, 503, 507),
    {
      params: Params,
      body: ChangeBody,
    },
  );
  app.patch<{ Params: { id: string } }>('/v3/notifications/:id', { bodyLimit, schema: change }, async (request) => {
    const holder = holderOf(options, request);
    const { snoozeMinutes, quiet, subscription, ...rest } = checkedBody(ChangeBody, request.body);
    if (subscription) {
      checkEndpoint(subscription);
    }
    if (quiet && quiet.minutes > 0) {
      checkCamera(options, personOf(options, request), quiet.path);
    }
    const wanted = { ...rest, ...subscription, ...snoozeOf(snoozeMinutes, options.clock.wallMs()) };
    const { subscriptions } = await notifications();
    const changed = await subscriptions.change(holder, request.params.id, wanted);
    if (!quiet) {
      return shown(options, changed);
    }
    const nowMs = Math.round(options.clock.wallMs());
    await subscriptions.quieten(holder, quiet.path, nowMs + quiet.minutes * 60_000);
    return shown(options, subscriptions.get(holder, request.params.id));
  });

  const remove = operation('notifications', 'Ends the notifications of a browser', answers(OkAnswer, 404, 503), {
    params: Params,
  });
  app.delete<{ Params: { id: string } }>('/v3/notifications/:id', { schema: remove }, async (request) => {
    const holder = holderOf(options, request);
    const { subscriptions } = await notifications();
    await subscriptions.remove(subscriptions.get(holder, request.params.id).id);
    return OK;
  });

  const test = operation('notifications', 'Sends a message to try it', answers(TestAnswer, 404, 429, 503), {
    params: Params,
  });
  app.post<{ Params: { id: string } }>('/v3/notifications/:id/test', { schema: test }, async (request) => {
    const holder = holderOf(options, request);
    return testAnswer(await (await notifications()).test(holder, request.params.id));
  });
}

/** For the page's service worker, which works while the page is closed. */
function pressRoute(app: FastifyInstance, options: NotificationRoutesOptions): void {
  const wrong = new LoginAttempts(options.clock, 20, 'at buttons of notifications');
  const schema = operation(
    'notifications',
    'A button of a notification was pressed. Its token is valid once, for ten minutes, for the person who got it',
    answers(PressAnswer, 400, 404, 413, 429, 503, 507),
    { body: PressBody },
  );
  app.post('/v3/notifications/press', { bodyLimit: 1 << 10, schema }, async (request) => {
    const person = personOf(options, request);
    const holder = holderOf(options, request);
    const { token } = checkedBody(PressBody, request.body);
    // Several people have the link of a guest.
    const key = `${person.name} ${holder.session ?? ''}`;
    wrong.take(key);
    const { text, until, undo } = await (await options.notifications()).press(holder, person, token);
    wrong.giveBack(key);
    return {
      text,
      until: until === undefined ? null : new Date(until).toISOString(),
      undo: undo?.token === undefined ? null : { title: undo.title, token: undo.token },
    };
  });
}

/** @throws PerchError unauthorized, badInput */
function checkCamera({ config }: NotificationRoutesOptions, person: Person, path: string): void {
  if (!person.may('playback', path)) {
    throw new PerchError('unauthorized', 'no permission to play this camera', { path });
  }
  if (!resolvePath(config(), path)?.settings) {
    throw new PerchError('badInput', 'quiet.path is no path of this box', { path });
  }
}

function checkEndpoint({ endpoint }: { readonly endpoint: string }): void {
  if (!endpoint.startsWith('https://') || !URL.canParse(endpoint)) {
    throw new PerchError('badInput', 'endpoint is not an https address');
  }
}

function pictureRoute(app: FastifyInstance, options: NotificationRoutesOptions): void {
  const schema = {
    ...operation('notifications', 'The picture of an event that was notified', answers(Type.Unknown(), 404), {
      params: Params,
      querystring: PictureQuery,
    }),
    produces: { 200: 'image/jpeg' },
  };
  app.get<{ Params: { id: string }; Querystring: { path?: unknown } }>(
    '/v3/notifications/:id/picture',
    { schema },
    async (request, reply) => {
      const path = typeof request.query.path === 'string' ? request.query.path : '';
      if (!personOf(options, request).may('playback', path)) {
        throw new PerchError('unauthorized', 'no permission to play this camera', { path });
      }
      const notifications = await options.notifications();
      return reply.type('image/jpeg').send(Buffer.from(await notifications.picture(path, request.params.id)));
    },
  );
}

/** @throws PerchError unauthorized for others than people and guests of cameras */
function personOf({ access, accounts }: NotificationRoutesOptions, request: FastifyRequest): Person {
  const { sessionUser = '', ip } = access.identify(request);
  const person = accounts.person(sessionUser);
  if (!person) {
    throw new PerchError('unauthorized', 'log in first', { ip });
  }
  if (accounts.people.guests.clip(sessionUser)) {
    throw new PerchError('unauthorized', 'a link to a clip has no notifications', { ip });
  }
  return person;
}

function holderOf(options: NotificationRoutesOptions, request: FastifyRequest): SubscriptionHolder {
  const { name: user, role } = personOf(options, request);
  return role === 'guest' ? { user, session: hashed(cookieOf(request.headers, NOTIFIED_COOKIE) ?? '') } : { user };
}

function subscriberOf(options: NotificationRoutesOptions, request: FastifyRequest, reply: FastifyReply) {
  const { access, accounts } = options;
  const { name: user, role } = personOf(options, request);
  const { headers } = request;
  const device = describeUserAgent(headers['user-agent'] ?? '');
  if (role !== 'guest') {
    const token = sessionTokenOf(headers);
    return { user, session: (token !== undefined && accounts.people.sessions.idOf(token)) || '', device };
  }
  const browser = cookieOf(headers, NOTIFIED_COOKIE) ?? randomBytes(BROWSER_BYTES).toString('base64url');
  reply.header('Set-Cookie', ownCookie(NOTIFIED_COOKIE, browser, access.origin(request)));
  return { user, session: hashed(browser), device };
}

const hashed = (text: string): string => createHash('sha256').update(text).digest('base64url');

function shown(
  options: NotificationRoutesOptions,
  { id, device, endpoint, created, snoozedUntil, ...one }: Subscription,
): Static<typeof Item> {
  const nowMs = options.clock.wallMs();
  return {
    id,
    device,
    endpoint,
    relay: relayOf(endpoint),
    created: new Date(created).toISOString(),
    snoozedUntil: snoozeText(snoozedUntil, nowMs),
    quiet: quietOf(one, nowMs).map(({ path, until }) => ({ path, until: new Date(until).toISOString() })),
    language: one.language,
    rules: one.rules,
    buttons: one.buttons ?? [...BUTTONS],
  };
}
