import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { GuestClip, GuestItem } from '../../../auth/accounts/guests.ts';
import type { People } from '../../../auth/accounts/people.ts';
import type { WrongCredentials } from '../../../auth/throttle/wrong-credentials.ts';
import { PerchError } from '../../../base/errors.ts';
import type { HttpAccess } from '../../auth/access.ts';
import { GUEST_COOKIE, noCookie, ownCookie } from '../../auth/credentials.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { noStore, OK, OkAnswer } from '../../messages/responses.ts';
import { paginate } from '../schema/paginate.ts';
import { answers, OrNull, operation, pageOf, TimeText } from '../schema/schemas.ts';
import { CamerasChoice } from './people-routes.ts';
import { ownOrigin, paused } from './session-routes.ts';

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/;

const NewGuest = Type.Object(
  {
    paths: Type.Optional(CamerasChoice),
    live: Type.Optional(Type.Boolean()),
    recordings: Type.Optional(Type.Boolean()),
    clip: Type.Optional(
      Type.String({
        format: 'uuid',
        description: 'Id of a clip in the library, which the link shows instead of cameras.',
      }),
    ),
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
  clip: OrNull(Type.Object({ path: Type.String(), start: TimeText, end: TimeText })),
  created: TimeText,
  until: TimeText,
  over: Type.Boolean({ description: 'The link has expired.' }),
  note: Type.String(),
};
const GuestMade = Type.Object({
  ...GuestFields,
  token: Type.String({ description: 'Shown once.' }),
  link: Type.String({ description: 'The address to share. Browsers do not send the part after #.' }),
});
const OpenBody = Type.Object({ token: Type.String({ minLength: 1, maxLength: 256 }) }, { additionalProperties: false });

interface GuestRoutesOptions {
  readonly access: Pick<HttpAccess, 'require' | 'origin'>;
  readonly people: Pick<People, 'guests' | 'addGuest' | 'removeGuest'>;
  readonly wrongCredentials: WrongCredentials;
  readonly clips: {
    /** @throws PerchError notFound for an id that is not in the library */
    find(id: string): GuestClip;
  };
  wallMs(): number;
}

const params = Type.Object({ id: Type.String() });
const changed = answers(OkAnswer, 400, 404, 429);
const list = operation('guests', 'Guest links', answers(pageOf(Type.Object(GuestFields))));
const make = operation(
  'guests',
  'Creates a link that shows some cameras or one clip for some time',
  answers(GuestMade, 400, 404, 429),
  { body: NewGuest },
);
const remove = operation('guests', 'Revokes a link and ends its playback', changed, { params });
const open = operation('guests', "Exchanges a link's token for the guest's cookie", changed, { body: OpenBody });
const leave = operation('guests', "Removes the guest's cookie", changed);

/** Links that show some cameras or one clip for some time: created and revoked by the owner, on the main port only. */
export const guestRoutes: FastifyPluginAsync<GuestRoutesOptions> = async (app, options) => {
  noStore(app);
  ownerRoutes(app, options);
  openRoutes(app, options);
};

function ownerRoutes(app: FastifyInstance, { access, people, clips }: GuestRoutesOptions): void {
  const onRequest = (request: FastifyRequest) => access.require(request, 'admin', '');
  app.get('/v3/guests', { onRequest, schema: list }, ({ query }) =>
    paginate(people.guests.list().map(guestJson), query),
  );

  app.post('/v3/guests', { onRequest, bodyLimit: 1 << 18, schema: make }, async (request) => {
    const { paths, clip: id, live, recordings = false, until, note = '' } = checkedBody(NewGuest, request.body);
    const untilMs = TIME.test(until) ? Date.parse(until) : Number.NaN;
    if (Number.isNaN(untilMs)) {
      throw new PerchError('badInput', `until '${until}' is not a time such as 2026-01-31T12:00:00+01:00`);
    }
    if ((paths === undefined) === (id === undefined) || (id !== undefined && (live || recordings))) {
      throw new PerchError('badInput', 'a link needs either paths, with live and recordings, or a clip');
    }
    const shows =
      id === undefined
        ? { cameras: paths ?? [], live: live ?? true, recordings }
        : { cameras: [], live: false, recordings: false, clip: clips.find(id) };
    const { item, token } = await people.addGuest({ ...shows, untilMs, note });
    return { ...guestJson(item), token, link: `${access.origin(request).baseUrl}/#/guest/${token}` };
  });

  app.delete<{ Params: { id: string } }>('/v3/guests/:id', { onRequest, schema: remove }, async (request) => {
    if (!(await people.removeGuest(request.params.id))) {
      throw new PerchError('notFound', 'link not found');
    }
    return OK;
  });
}

function openRoutes(app: FastifyInstance, { access, people, wrongCredentials, wallMs }: GuestRoutesOptions): void {
  app.post('/v3/guest', { schema: open }, async (request, reply) => {
    const origin = ownOrigin(access, request);
    const { ip } = origin;
    const { token } = checkedBody(OpenBody, request.body);
    const person = await paused(wrongCredentials, ip, async () => {
      const found = people.guests.find(token);
      if (!found) {
        throw new PerchError('unauthorized', 'this link is invalid, was revoked or has expired', { ip });
      }
      return found;
    });
    const lifeS = ((people.guests.untilMs(person.name) ?? 0) - wallMs()) / 1000;
    reply.header('Set-Cookie', ownCookie(GUEST_COOKIE, token, origin, lifeS));
    return OK;
  });

  app.delete('/v3/guest', { schema: leave }, async (request, reply) => {
    reply.header('Set-Cookie', noCookie(GUEST_COOKIE, ownOrigin(access, request)));
    return OK;
  });
}

const timeText = (us: number): string => new Date(us / 1000).toISOString();

const guestJson = ({ id, cameras, live, recordings, clip, createdMs, untilMs, note, isOver }: GuestItem): object => ({
  id,
  paths: cameras,
  live,
  recordings,
  clip: clip ? { path: clip.path, start: timeText(clip.startUs), end: timeText(clip.endUs) } : null,
  created: new Date(createdMs).toISOString(),
  until: new Date(untilMs).toISOString(),
  over: isOver,
  note,
});
