import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { isBoxAddress } from '../../auth/pairing/invitation-text.ts';
import { INVITATION_MS } from '../../auth/pairing/invitations.ts';
import type { ServerRights } from '../../auth/pairing/paired-servers.ts';
import { PerchError } from '../../base/errors.ts';
import { rightsIn, ServerTerms } from '../../http/api/accounts/server-terms.ts';
import { paginate } from '../../http/api/schema/paginate.ts';
import { answers, OrNull, operation, pageOf, TimeText } from '../../http/api/schema/schemas.ts';
import type { HttpAccess } from '../../http/auth/access.ts';
import { checkedBody } from '../../http/messages/checked-body.ts';
import { noStore } from '../../http/messages/responses.ts';

const MAX_BODY_BYTES = 1 << 18;
const TAG = 'boxes';

const Ask = Type.Object(
  {
    addresses: Type.Optional(
      Type.Array(Type.String({ maxLength: 300 }), {
        minItems: 1,
        maxItems: 8,
        description:
          '`host:port` of https at which boxes reach this server. Default: those of the request and of this server.',
      }),
    ),
  },
  { additionalProperties: false },
);
const Invitation = Type.Object({
  invitation: Type.String({ description: 'For the owner of the box. Shown once.' }),
  until: TimeText,
});
const Join = Type.Object(
  {
    invitation: Type.String({ maxLength: 2_000 }),
    ...ServerTerms.properties,
  },
  { additionalProperties: false },
);
const Item = Type.Object({
  id: Type.String({ description: 'As in `/v3/pairedservers/list`.' }),
  name: Type.String(),
  state: Type.Enum(['connecting', 'connected', 'away', 'refused']),
  since: TimeText,
  error: OrNull(Type.String({ description: 'Why there is no connection.' })),
  address: OrNull(Type.String({ description: '`host:port` in use.' })),
  addresses: Type.Array(Type.String()),
  replicas: Type.Array(Type.String(), {
    description: "Servers of the same fleet, `host:port`, to which this box is connected by the fleet's order.",
  }),
});
export type AwayServerItem = Static<typeof Item>;

export interface AwayControl {
  /** @param addresses `host:port`, or undefined for those of the request and of this server @throws PerchError */
  invite(addresses: readonly string[] | undefined, origin: string): string;
  list(): readonly AwayServerItem[];
  /** @throws PerchError */
  join(invitation: string, rights: ServerRights): Promise<AwayServerItem>;
}

interface AwayRoutesOptions {
  readonly access: Pick<HttpAccess, 'require' | 'origin'>;
  readonly away: AwayControl;
  readonly wallMs: () => number;
}

/** Both sides of links, for their owners. */
export function awayRoutes(app: FastifyInstance, { access, away, wallMs }: AwayRoutesOptions): void {
  noStore(app);
  app.addHook('onRequest', (request: FastifyRequest) => access.require(request, 'admin', ''));
  const invite = operation(TAG, 'Invites a box that connects to this server itself', answers(Invitation, 400, 501), {
    body: Ask,
  });
  app.post('/v3/away/invitations', { bodyLimit: MAX_BODY_BYTES, schema: invite }, async (request) => {
    const { addresses } = checkedBody(Ask, request.body);
    const wrong = addresses?.find((address) => !isBoxAddress(address));
    if (wrong !== undefined) {
      throw new PerchError('badInput', `'${wrong}' is not host:port of https`);
    }
    const invitation = away.invite(addresses, access.origin(request).baseUrl);
    return { invitation, until: new Date(wallMs() + INVITATION_MS).toISOString() };
  });
  const list = operation(TAG, 'Servers to which this box connects itself', answers(pageOf(Item)));
  app.get('/v3/away/servers/list', { schema: list }, ({ query }) => paginate(away.list(), query));
  const join = operation(
    TAG,
    "Connects to a server and pairs with it, by the server's invitation",
    answers(Item, 400, 503, 504),
    {
      body: Join,
    },
  );
  app.post('/v3/away/servers', { bodyLimit: MAX_BODY_BYTES, schema: join }, async ({ body }) => {
    const { invitation, ...terms } = checkedBody(Join, body);
    const rights = rightsIn(terms);
    return away.join(invitation, { fleet: rights.cameras === 'all' && rights.recordings, ...rights });
  });
}

/** The address that boxes connect to. @param take answers the request for a WebSocket */
export function linkRoute(
  app: FastifyInstance,
  path: string,
  take: (request: FastifyRequest, reply: FastifyReply) => Promise<void>,
): void {
  const link = operation(TAG, 'A WebSocket for a box that connects to this server', answers(Type.Any(), 400, 429));
  app.get(path, { schema: link }, async (request, reply) => {
    await take(request, reply);
    return reply;
  });
}
