import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { INVITATION_MS } from '../../../auth/pairing/invitations.ts';
import type { ServerItem } from '../../../auth/pairing/paired-servers.ts';
import { PerchError } from '../../../base/errors.ts';
import { CamerasChoice } from '../../../http/api/accounts/people-routes.ts';
import { checkCameras, checkServerRights, rightsIn, ServerTerms } from '../../../http/api/accounts/server-terms.ts';
import { paginate } from '../../../http/api/schema/paginate.ts';
import { answers, OrNull, operation, pageOf, TimeText } from '../../../http/api/schema/schemas.ts';
import type { HttpAccess } from '../../../http/auth/access.ts';
import { serverOf } from '../../../http/auth/signed-requests.ts';
import { checkedBody } from '../../../http/messages/checked-body.ts';
import { noStore, OK, OkAnswer } from '../../../http/messages/responses.ts';
import type { Pairing } from './pairing.ts';
import { FactsAnswer, MAX_BODY_BYTES } from './schemas.ts';

const Pair = Type.Object(
  {
    secret: Type.String({ maxLength: 100 }),
    name: Type.String({ maxLength: 200 }),
    key: Type.String({ maxLength: 100, description: 'Ed25519, base64url of its 32 bytes.' }),
  },
  { additionalProperties: false },
);
const Invitation = Type.Object({
  invitation: Type.String({ description: 'For the owner of the server. Shown once.' }),
  until: TimeText,
});
const Item = Type.Object({
  id: Type.String(),
  name: Type.String(),
  cameras: CamerasChoice,
  live: Type.Boolean(),
  recordings: Type.Boolean(),
  talk: Type.Boolean(),
  turn: Type.Boolean(),
  switch: Type.Boolean(),
  settings: Type.Boolean(),
  fleet: Type.Boolean(),
  created: TimeText,
  seen: OrNull(TimeText),
});
export type PairedServerItem = Static<typeof Item>;
const Paired = Type.Object({
  server: Type.String({ description: 'The id of the server, for its signatures.' }),
  box: FactsAnswer,
});

interface PairedServerRoutesOptions {
  readonly access: Pick<HttpAccess, 'require' | 'identify' | 'origin'>;
  readonly pairing: Pairing;
  readonly wallMs: () => number;
}

const TAG = 'boxes';
const params = Type.Object({ id: Type.String() });

/** Servers that show cameras of this box, on the main port only: for the owner, and for the servers themselves. */
export const pairedServerRoutes: FastifyPluginAsync<PairedServerRoutesOptions> = async (app, options) => {
  noStore(app);
  await app.register(ownerRoutes, options);
  await app.register(serverRoutes, options);
};

const ownerRoutes: FastifyPluginAsync<PairedServerRoutesOptions> = async (app, { access, pairing, wallMs }) => {
  const { servers, invitations } = pairing;
  app.addHook('onRequest', (request: FastifyRequest) => access.require(request, 'admin', ''));
  const list = operation(TAG, 'Servers that show cameras of this box', answers(pageOf(Item)));
  app.get('/v3/pairedservers/list', { schema: list }, ({ query }) => paginate(servers.list().map(serverJson), query));
  const invite = operation(TAG, 'Invites a server, for ten minutes', answers(Invitation, 400), { body: ServerTerms });
  app.post('/v3/pairedservers/invitations', { bodyLimit: MAX_BODY_BYTES, schema: invite }, async (request) => {
    const rights = rightsIn(checkedBody(ServerTerms, request.body));
    checkCameras(rights.cameras, pairing.cameras);
    const { baseUrl } = access.origin(request);
    // First, because without https there is nothing to connect to.
    pairing.invitationOf('', baseUrl);
    const secret = invitations.create(rights);
    const until = new Date(wallMs() + INVITATION_MS).toISOString();
    return { invitation: pairing.invitationOf(secret, baseUrl), until };
  });
  const change = operation(TAG, 'Changes what a server may show', answers(Item, 400, 404), {
    params,
    body: ServerTerms,
  });
  app.patch<{ Params: { id: string } }>(
    '/v3/pairedservers/:id',
    { bodyLimit: MAX_BODY_BYTES, schema: change },
    async ({ params: { id }, body }) => {
      const rights = checkedBody(ServerTerms, body);
      const former = servers.item(id);
      const { live = true, recordings = true } = { ...former, ...rights };
      checkCameras(rights.cameras, pairing.cameras, former?.cameras);
      checkServerRights({ live, recordings });
      const changed = await servers.change(id, rights);
      if (!changed) {
        throw notFound();
      }
      return serverJson(changed);
    },
  );
  const remove = operation(TAG, 'Revokes a pairing: what the server plays ends at once', answers(OkAnswer, 404), {
    params,
  });
  app.delete<{ Params: { id: string } }>('/v3/pairedservers/:id', { schema: remove }, async ({ params: { id } }) => {
    if (!(await servers.remove(id))) {
      throw notFound();
    }
    pairing.connections.end(id);
    return OK;
  });
};

/** Requests of servers themselves: with the secret of an invitation, then signed. */
const serverRoutes: FastifyPluginAsync<PairedServerRoutesOptions> = async (app, { access, pairing }) => {
  const { servers, invitations, connections } = pairing;
  const itemOf = (request: FastifyRequest): ServerItem => {
    const id = serverOf(request);
    const item = id === undefined ? undefined : servers.item(id);
    if (!item) {
      throw new PerchError('unauthorized', 'only for paired servers: the request needs their signature');
    }
    return item;
  };
  const pair = operation(TAG, 'Pairs a server, with the secret of an invitation', answers(Paired, 400, 429), {
    body: Pair,
  });
  app.post('/v3/pairedservers/pair', { bodyLimit: 4_096, schema: pair }, async (request) => {
    const { secret, name, key } = checkedBody(Pair, request.body);
    const rights = invitations.take(secret, access.identify(request));
    const item = await servers.add(name, key, rights);
    return { server: item.id, box: pairing.factsFor(item) };
  });
  const self = operation(TAG, 'What this box offers to the server that asks', answers(FactsAnswer));
  app.get('/v3/pairedservers/self', { schema: self }, async (request) => pairing.factsFor(itemOf(request)));
  const leave = operation(TAG, 'Ends the pairing of the server that asks', answers(OkAnswer));
  app.delete('/v3/pairedservers/self', { schema: leave }, async (request) => {
    const { id } = itemOf(request);
    await servers.remove(id);
    connections.end(id, request.raw.socket);
    return OK;
  });
  const link = operation(TAG, 'A WebSocket for pings of the server that asks', answers(Type.Any(), 400));
  app.get('/v3/pairedservers/link', { schema: link }, async (request, reply) => {
    itemOf(request);
    pairing.servePings(request, reply);
    return reply;
  });
  const rtsp = operation(
    TAG,
    'RTSP within a WebSocket, for the cameras of the server that asks',
    answers(Type.Any(), 400, 503),
  );
  app.get('/v3/pairedservers/rtsp', { schema: rtsp }, async (request, reply) => {
    pairing.serveRtsp(itemOf(request).id, request, reply);
    return reply;
  });
};

const notFound = (): PerchError => new PerchError('notFound', 'paired server not found');

const serverJson = ({ createdMs, seenMs, ...item }: ServerItem): object => ({
  ...item,
  created: new Date(createdMs).toISOString(),
  seen: seenMs === undefined ? null : new Date(seenMs).toISOString(),
});
