import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { WrongCredentials } from '../../../auth/throttle/wrong-credentials.ts';
import { PerchError } from '../../../base/errors.ts';
import type { HttpAccess, KnownPerson } from '../../auth/access.ts';
import { GUEST_COOKIE, noCookie, ownCookie } from '../../auth/credentials.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { ErrorAnswer, OkAnswer } from '../../messages/responses.ts';
import { paginate } from '../schema/paginate.ts';
import { CamerasChoice } from './people-routes.ts';
import { ownOrigin, paused } from './session-routes.ts';

const BODY_LIMIT_BYTES = 1 << 18;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/;

const NewGuest = Type.Object(
  {
    paths: CamerasChoice,
    live: Type.Optional(Type.Boolean()),
    recordings: Type.Optional(Type.Boolean()),
    until: Type.String({ maxLength: 64, description: 'RFC 3339, within 366 days.' }),
    note: Type.Optional(Type.String({ maxLength: 200, description: 'Note of the owner.' })),
  },
  { additionalProperties: false },
);
const GuestFields = {
  id: Type.String(),
  paths: CamerasChoice,
  live: Type.Boolean(),
  recordings: Type.Boolean(),
  created: Type.String({ description: 'RFC 3339.' }),
  until: Type.String({ description: 'RFC 3339.' }),
  over: Type.Boolean({ description: 'The link has expired.' }),
  note: Type.String(),
};
const GuestPage = Type.Object({
  itemCount: Type.Integer(),
  pageCount: Type.Integer(),
  items: Type.Array(Type.Object(GuestFields)),
});
const GuestMade = Type.Object({
  ...GuestFields,
  token: Type.String({ description: 'Shown once.' }),
  link: Type.String({ description: 'The address to share. Browsers do not send the part after #.' }),
});
const OpenBody = Type.Object({ token: Type.String({ minLength: 1, maxLength: 256 }) }, { additionalProperties: false });

interface Guest {
  readonly id: string;
  readonly cameras: 'all' | readonly string[];
  readonly live: boolean;
  readonly recordings: boolean;
  readonly createdMs: number;
  readonly untilMs: number;
  readonly note: string;
  readonly isOver: boolean;
}

/** Guest links, as needed here. */
interface GuestLookup {
  readonly guests: {
    list(): readonly Guest[];
    find(token: string): KnownPerson | undefined;
    /** Unix milliseconds. */
    untilMs(name: string): number | undefined;
  };
  addGuest(wish: {
    readonly cameras: 'all' | readonly string[];
    readonly live: boolean;
    readonly recordings: boolean;
    readonly untilMs: number;
    readonly note: string;
  }): Promise<{ readonly item: Guest; readonly token: string }>;
  removeGuest(id: string): Promise<boolean>;
}

interface GuestRoutesOptions {
  readonly access: Pick<HttpAccess, 'require' | 'origin'>;
  readonly people: GuestLookup;
  readonly wrongCredentials: WrongCredentials;
  wallMs(): number;
}

const tags = ['guests'];
const answers = { 200: OkAnswer, 400: ErrorAnswer, 401: ErrorAnswer, 404: ErrorAnswer, 429: ErrorAnswer };

/** Links that show some cameras for some time: created and revoked by the owner, on the main port only. */
export const guestRoutes: FastifyPluginAsync<GuestRoutesOptions> = async (app, options) => {
  app.addHook('onSend', async (_request, reply) => {
    reply.header('Cache-Control', 'no-store');
  });
  ownerRoutes(app, options);
  openRoutes(app, options);
};

function ownerRoutes(app: FastifyInstance, { access, people }: GuestRoutesOptions): void {
  const onRequest = (request: FastifyRequest) => access.require(request, 'admin', '');
  const list = { summary: 'Guest links', tags, response: { 200: GuestPage, 401: ErrorAnswer } };
  app.get('/v3/guests', { onRequest, schema: list }, ({ query }) => paginate(people.guests.list().map(shown), query));

  const made = { ...answers, 200: GuestMade };
  const make = {
    summary: 'Creates a link that shows some cameras for some time',
    tags,
    body: NewGuest,
    response: made,
  };
  app.post('/v3/guests', { onRequest, bodyLimit: BODY_LIMIT_BYTES, schema: make }, async (request) => {
    const { paths, live = true, recordings = false, until, note = '' } = checkedBody(NewGuest, request.body);
    const untilMs = TIME.test(until) ? Date.parse(until) : Number.NaN;
    if (Number.isNaN(untilMs)) {
      throw new PerchError('badInput', `until '${until}' is not a time such as 2026-01-31T12:00:00+01:00`);
    }
    const { item, token } = await people.addGuest({ cameras: paths, live, recordings, untilMs, note });
    return { ...shown(item), token, link: `${access.origin(request).baseUrl}/#/guest/${token}` };
  });

  const params = Type.Object({ id: Type.String() });
  const remove = { summary: 'Revokes a link and ends its playback', tags, params, response: answers };
  app.delete<{ Params: { id: string } }>('/v3/guests/:id', { onRequest, schema: remove }, async (request) => {
    if (!(await people.removeGuest(request.params.id))) {
      throw new PerchError('notFound', 'link not found');
    }
    return { status: 'ok' };
  });
}

function openRoutes(app: FastifyInstance, { access, people, wrongCredentials, wallMs }: GuestRoutesOptions): void {
  const open = { summary: "Exchanges a link's token for the guest's cookie", tags, body: OpenBody, response: answers };
  app.post('/v3/guest', { schema: open }, async (request, reply) => {
    const origin = ownOrigin(access, request);
    const { ip } = origin;
    const { token } = checkedBody(OpenBody, request.body);
    const person = await paused(wrongCredentials, ip, async () => {
      const found = people.guests.find(token);
      if (!found) {
        throw new PerchError('unauthorized', 'this link is invalid or has expired', { ip });
      }
      return found;
    });
    const lifeS = ((people.guests.untilMs(person.name) ?? 0) - wallMs()) / 1000;
    reply.header('Set-Cookie', ownCookie(GUEST_COOKIE, token, origin, lifeS));
    return { status: 'ok' };
  });

  const leave = { summary: "Removes the guest's cookie", tags, response: answers };
  app.delete('/v3/guest', { schema: leave }, async (request, reply) => {
    reply.header('Set-Cookie', noCookie(GUEST_COOKIE, ownOrigin(access, request)));
    return { status: 'ok' };
  });
}

const shown = ({ id, cameras, live, recordings, createdMs, untilMs, note, isOver }: Guest): object => ({
  id,
  paths: cameras,
  live,
  recordings,
  created: new Date(createdMs).toISOString(),
  until: new Date(untilMs).toISOString(),
  over: isOver,
  note,
});
