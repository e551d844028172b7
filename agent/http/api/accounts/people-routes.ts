import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import type { People } from '../../../auth/accounts/people.ts';
import type { Person } from '../../../auth/accounts/person.ts';
import { PerchError } from '../../../base/errors.ts';
import type { HttpAccess } from '../../auth/access.ts';
import { sessionTokenOf } from '../../auth/credentials.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { ErrorAnswer, noStore, OK, OkAnswer } from '../../messages/responses.ts';
import { paginate } from '../schema/paginate.ts';
import { answers, operation, pageOf, TimeText } from '../schema/schemas.ts';

const Password = Type.String({ minLength: 1, maxLength: 1024 });
/** What a viewer or guest may see. */
export const CamerasChoice = Type.Union(
  [Type.Literal('all'), Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { maxItems: 500 })],
  { description: "'all', or names of paths; a camera's sub stream is included." },
);
const Rights = {
  cameras: Type.Optional(CamerasChoice),
  live: Type.Optional(Type.Boolean()),
  recordings: Type.Optional(Type.Boolean()),
  talk: Type.Optional(Type.Boolean({ description: 'Through the loudspeakers of these cameras.' })),
  turn: Type.Optional(Type.Boolean({ description: 'Pan, tilt, zoom and presets of these cameras.' })),
  switch: Type.Optional(Type.Boolean({ description: 'Lights, sirens and relays of these cameras.' })),
};
const NewUser = Type.Object(
  { name: Type.String({ minLength: 1, maxLength: 64 }), password: Password, ...Rights },
  { additionalProperties: false },
);
const UserChange = Type.Object({ password: Type.Optional(Password), ...Rights }, { additionalProperties: false });
const UserItem = Type.Object({
  name: Type.String(),
  role: Type.Enum(['owner', 'viewer']),
  cameras: CamerasChoice,
  live: Type.Boolean(),
  recordings: Type.Boolean(),
  talk: Type.Boolean(),
  turn: Type.Boolean(),
  switch: Type.Boolean(),
});
export type UserItem = Static<typeof UserItem>;
const SessionItem = Type.Object({
  id: Type.String(),
  user: Type.String(),
  created: TimeText,
  lastUsed: TimeText,
  address: Type.String({ description: 'Address of the login, updated daily.' }),
  device: Type.String({ description: 'Such as `Chrome, Android`.' }),
  current: Type.Boolean({ description: 'The session of this request.' }),
});
export type SessionItem = Static<typeof SessionItem>;
interface PeopleRoutesOptions {
  readonly access: Pick<HttpAccess, 'require' | 'limitedPerson'>;
  readonly people: People;
}

const NameTaken = Type.Object(ErrorAnswer.properties, { description: 'The name is in use.' });

/** Users and sessions, for the owner; each person lists and ends their own sessions. On the main port only. */
export const peopleRoutes: FastifyPluginAsync<PeopleRoutesOptions> = async (app, options) => {
  noStore(app);
  userRoutes(app, options);
  sessionListRoutes(app, options);
};

function userRoutes(app: FastifyInstance, { access, people }: PeopleRoutesOptions): void {
  const onRequest = (request: FastifyRequest) => access.require(request, 'admin', '');
  const bodyLimit = 1 << 18;
  const list = operation('users', 'The owner and the viewers', answers(pageOf(UserItem)));
  app.get('/v3/users', { onRequest, schema: list }, ({ query }) => {
    const { owner, viewers } = people.users;
    const first = owner === undefined ? [] : [{ name: owner, role: 'owner', ...ALL }];
    return paginate([...first, ...viewers.map((viewer) => ({ role: 'viewer', ...viewer }))], query);
  });

  const created = { ...answers(OkAnswer, 400, 404), 409: NameTaken };
  const add = operation('users', 'Adds a viewer', created, { body: NewUser });
  app.post('/v3/users', { onRequest, bodyLimit, schema: add }, async (request) => {
    const { name, password, ...rights } = checkedBody(NewUser, request.body);
    await people.addUser({ ...DEFAULT_RIGHTS, ...rights, name: name.normalize('NFC') }, password);
    return OK;
  });

  const params = Type.Object({ name: Type.String() });
  const change = operation(
    'users',
    "Changes a viewer's rights, or the password, which ends their sessions",
    answers(OkAnswer, 400, 404),
    { params, body: UserChange },
  );
  app.patch<{ Params: { name: string } }>(
    '/v3/users/:name',
    { onRequest, bodyLimit, schema: change },
    async (request) => {
      const { password, ...rights } = checkedBody(UserChange, request.body);
      await people.changeUser(request.params.name.normalize('NFC'), rights, password);
      return OK;
    },
  );

  const remove = operation('users', 'Removes a viewer and ends their sessions', answers(OkAnswer, 400, 404), {
    params,
  });
  app.delete<{ Params: { name: string } }>(
    '/v3/users/:name',
    { onRequest, schema: remove },
    async ({ params: { name } }) => {
      await people.removeUser(name.normalize('NFC'));
      return OK;
    },
  );

  const restore = operation(
    'users',
    'Restores a viewer with the same password: one of the last ten removed since the start',
    created,
    { params },
  );
  app.post<{ Params: { name: string } }>(
    '/v3/users/:name/restore',
    { onRequest, bodyLimit, schema: restore },
    async ({ params: { name } }) => {
      await people.restoreUser(name.normalize('NFC'));
      return OK;
    },
  );
}

const ALL = { cameras: 'all', live: true, recordings: true, talk: true, turn: true, switch: true } as const;
const DEFAULT_RIGHTS = {
  cameras: 'all',
  live: true,
  recordings: false,
  talk: false,
  turn: false,
  switch: false,
} as const;

function sessionListRoutes(app: FastifyInstance, { access, people }: PeopleRoutesOptions): void {
  const list = operation(
    'session',
    'Sessions of this user; for the owner those of all users',
    answers(pageOf(SessionItem)),
  );
  app.get('/v3/sessions', { schema: list }, async (request) => {
    const whose = await whoseSessions(access, request);
    const token = sessionTokenOf(request.headers);
    const currentId = token === undefined ? undefined : people.sessions.idOf(token);
    const items = people.sessions.list(whose?.name).map(({ id, user, createdMs, seenMs, ip, device }) => {
      const [created, lastUsed] = [new Date(createdMs).toISOString(), new Date(seenMs).toISOString()];
      return { id, user, created, lastUsed, address: ip, device, current: id === currentId };
    });
    return paginate(items, request.query);
  });

  const end = operation('session', 'Ends a session', answers(OkAnswer, 400, 404), {
    params: Type.Object({ id: Type.String() }),
  });
  app.delete<{ Params: { id: string } }>('/v3/sessions/:id', { schema: end }, async (request) => {
    const whose = await whoseSessions(access, request);
    if (!(await people.sessions.endById(request.params.id, whose?.name))) {
      throw new PerchError('notFound', 'session not found');
    }
    return OK;
  });
}

/** The person whose sessions the request may name, or undefined for all sessions. Guests have none. */
async function whoseSessions(
  access: PeopleRoutesOptions['access'],
  request: FastifyRequest,
): Promise<Person | undefined> {
  const person = access.limitedPerson(request);
  if (person?.role === 'viewer') {
    return person;
  }
  await access.require(request, 'admin', '');
  return undefined;
}
