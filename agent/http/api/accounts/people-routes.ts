import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import type { HttpAccess, KnownPerson } from '../../auth/access.ts';
import { sessionTokenOf } from '../../auth/credentials.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { ErrorAnswer, OkAnswer } from '../../messages/responses.ts';
import { paginate } from '../schema/paginate.ts';

const BODY_LIMIT_BYTES = 1 << 18;

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
});
const SessionItem = Type.Object({
  id: Type.String(),
  user: Type.String(),
  created: Type.String({ description: 'RFC 3339.' }),
  lastUsed: Type.String({ description: 'RFC 3339.' }),
  address: Type.String({ description: 'Address of the log-in, updated daily.' }),
  device: Type.String({ description: 'Such as `Chrome, Android`.' }),
  current: Type.Boolean({ description: 'The session of this request.' }),
});
const pageOf = <T extends Type.TSchema>(item: T) =>
  Type.Object({ itemCount: Type.Integer(), pageCount: Type.Integer(), items: Type.Array(item) });

interface ViewerRights {
  readonly cameras: 'all' | readonly string[];
  readonly live: boolean;
  readonly recordings: boolean;
}

/** Users and sessions, as needed here. */
interface PeopleLookup {
  readonly users: {
    readonly owner: string | undefined;
    readonly viewers: readonly (ViewerRights & { readonly name: string })[];
  };
  addUser(viewer: ViewerRights & { readonly name: string }, password: string): Promise<void>;
  changeUser(name: string, rights: Partial<ViewerRights>, password?: string): Promise<void>;
  removeUser(name: string): Promise<void>;
  restoreUser(name: string): Promise<void>;
  /** @param user undefined: all */
  listSessions(user: string | undefined): readonly {
    readonly id: string;
    readonly user: string;
    readonly createdMs: number;
    readonly seenMs: number;
    readonly ip: string;
    readonly device: string;
  }[];
  endSession(id: string, user: string | undefined): Promise<boolean>;
  readonly sessions: { idOf(token: string): string | undefined };
}

interface PeopleRoutesOptions {
  readonly access: Pick<HttpAccess, 'require' | 'limitedPerson'>;
  readonly people: PeopleLookup;
}

const answers = { 200: OkAnswer, 400: ErrorAnswer, 401: ErrorAnswer, 404: ErrorAnswer };
const NameTaken = Type.Object(ErrorAnswer.properties, { description: 'The name is in use.' });

/** Users and sessions, for the owner; each person lists and ends their own sessions. On the main port only. */
export const peopleRoutes: FastifyPluginAsync<PeopleRoutesOptions> = async (app, options) => {
  app.addHook('onSend', async (_request, reply) => {
    reply.header('Cache-Control', 'no-store');
  });
  userRoutes(app, options);
  sessionListRoutes(app, options);
};

function userRoutes(app: FastifyInstance, { access, people }: PeopleRoutesOptions): void {
  const tags = ['users'];
  const onRequest = (request: FastifyRequest) => access.require(request, 'admin', '');
  const bodyLimit = BODY_LIMIT_BYTES;
  const list = {
    summary: 'The owner and the viewers',
    tags,
    response: { 200: pageOf(UserItem), 401: ErrorAnswer },
  };
  app.get('/v3/users', { onRequest, schema: list }, ({ query }) => {
    const { owner, viewers } = people.users;
    const first = owner === undefined ? [] : [{ name: owner, role: 'owner', ...ALL }];
    return paginate([...first, ...viewers.map((viewer) => ({ role: 'viewer', ...viewer }))], query);
  });

  const add = { summary: 'Adds a viewer', tags, body: NewUser, response: { ...answers, 409: NameTaken } };
  app.post('/v3/users', { onRequest, bodyLimit, schema: add }, async (request) => {
    const { name, password, cameras = 'all', live = true, recordings = false } = checkedBody(NewUser, request.body);
    await people.addUser({ name: name.normalize('NFC'), cameras, live, recordings }, password);
    return { status: 'ok' };
  });

  const params = Type.Object({ name: Type.String() });
  const change = {
    summary: "Changes a viewer's rights, or the password, which ends their sessions",
    ...{ tags, params, body: UserChange, response: answers },
  };
  app.patch<{ Params: { name: string } }>(
    '/v3/users/:name',
    { onRequest, bodyLimit, schema: change },
    async (request) => {
      const { password, ...rights } = checkedBody(UserChange, request.body);
      await people.changeUser(request.params.name.normalize('NFC'), rights, password);
      return { status: 'ok' };
    },
  );

  const remove = { summary: 'Removes a viewer and ends their sessions', tags, params, response: answers };
  app.delete<{ Params: { name: string } }>(
    '/v3/users/:name',
    { onRequest, schema: remove },
    async ({ params: { name } }) => {
      await people.removeUser(name.normalize('NFC'));
      return { status: 'ok' };
    },
  );

  const restore = {
    summary: 'Restores a viewer with the same password: one of the last ten removed since the start',
    ...{ tags, params, response: { ...answers, 409: NameTaken } },
  };
  app.post<{ Params: { name: string } }>(
    '/v3/users/:name/restore',
    { onRequest, bodyLimit, schema: restore },
    async ({ params: { name } }) => {
      await people.restoreUser(name.normalize('NFC'));
      return { status: 'ok' };
    },
  );
}

const ALL = { cameras: 'all', live: true, recordings: true } as const;

function sessionListRoutes(app: FastifyInstance, { access, people }: PeopleRoutesOptions): void {
  const tags = ['session'];
  const list = {
    summary: 'Sessions of this user; for the owner those of all users',
    tags,
    response: { 200: pageOf(SessionItem), 401: ErrorAnswer },
  };
  app.get('/v3/sessions', { schema: list }, async (request) => {
    const whose = await whoseSessions(access, request);
    const token = sessionTokenOf(request.headers);
    const currentId = token === undefined ? undefined : people.sessions.idOf(token);
    const items = people.listSessions(whose?.name).map(({ id, user, createdMs, seenMs, ip, device }) => {
      const [created, lastUsed] = [new Date(createdMs).toISOString(), new Date(seenMs).toISOString()];
      return { id, user, created, lastUsed, address: ip, device, current: id === currentId };
    });
    return paginate(items, request.query);
  });

  const end = { summary: 'Ends a session', tags, params: Type.Object({ id: Type.String() }), response: answers };
  app.delete<{ Params: { id: string } }>('/v3/sessions/:id', { schema: end }, async (request) => {
    const whose = await whoseSessions(access, request);
    if (!(await people.endSession(request.params.id, whose?.name))) {
      throw new PerchError('notFound', 'session not found');
    }
    return { status: 'ok' };
  });
}

/** Undefined: all. Guests have none. */
async function whoseSessions(
  access: PeopleRoutesOptions['access'],
  request: FastifyRequest,
): Promise<KnownPerson | undefined> {
  const person = access.limitedPerson(request);
  if (person?.role === 'viewer') {
    return person;
  }
  await access.require(request, 'admin', '');
  return undefined;
}
