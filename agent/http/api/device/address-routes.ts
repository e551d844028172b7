import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { encode } from 'uqr';
import type { HttpAccess } from '../../auth/access.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { noStore } from '../../messages/responses.ts';
import { answers, OrNull, operation, TimeText } from '../schema/schemas.ts';

/** ISO/IEC 18004 §6.3.8: the quiet zone of each side. */
const QUIET_SQUARES = 4;
const Certificate = Type.Object({
  isOwn: Type.Boolean({ description: 'Made by this box, so phones and computers have to trust it (`/trust`).' }),
  fingerprint: Type.String({
    description: 'SHA-256, of the own authority as `/trust` shows it, else of the certificate.',
  }),
  names: Type.Array(Type.String()),
  addresses: Type.Array(Type.String()),
  until: TimeText,
});

const HttpsState = Type.Object({
  address: Type.String({ description: '`tlsAddress`; empty: off.' }),
  usualAddress: Type.String({ description: 'What switches it on: the host of `address` with port 8443.' }),
  port: OrNull(Type.Integer({ description: 'Open port. Null: off, or another program has the port.' })),
  httpPort: OrNull(Type.Integer({ description: 'Open port of plain http.' })),
  redirect: Type.Boolean({ description: '`tlsRedirect`.' }),
  certificate: OrNull(Certificate),
});
export type HttpsState = Static<typeof HttpsState>;

interface HttpsRouteOptions {
  readonly access: Pick<HttpAccess, 'require'>;
  readonly state: () => HttpsState;
}

/** `GET /v3/https`, for the owner, on the main port only. */
export const httpsRoute: FastifyPluginAsync<HttpsRouteOptions> = async (app, { access, state }) => {
  app.addHook('onRequest', (request: FastifyRequest) => access.require(request, 'admin', ''));
  const schema = operation('box', 'Ports and certificate of the page over https', answers(HttpsState));
  app.get('/v3/https', { schema }, async () => state());
};

const TextBody = Type.Object(
  // In UTF-8 they fit in a code with 15 % correction: 2,331 bytes.
  { text: Type.String({ minLength: 1, maxLength: 750 }) },
  { additionalProperties: false },
);
const QrCode = Type.Object({
  size: Type.Integer({ description: 'Squares of one side, with the quiet zone of four.' }),
  path: Type.String({ description: 'Dark squares as `d` of an SVG path; a square is one unit.' }),
});

/** `POST /v3/qr`, for the owner, on the main port only. */
export const qrRoute: FastifyPluginAsync<{ readonly access: Pick<HttpAccess, 'require'> }> = async (
  app,
  { access },
) => {
  // The text may be the secret of an authenticator app.
  noStore(app);
  app.addHook('onRequest', (request: FastifyRequest) => access.require(request, 'admin', ''));
  const schema = operation('box', 'A text as a QR code', answers(QrCode, 400), { body: TextBody });
  app.post('/v3/qr', { schema }, async ({ body }) => {
    const { data, size } = encode(checkedBody(TextBody, body).text, { ecc: 'M', border: QUIET_SQUARES });
    const path = data.flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : ''))).join('');
    return { size, path };
  });
};

const PublishServer = Type.Object({
  name: Type.String({ description: 'Name of the protocol, such as `rtmp`.' }),
  label: Type.String({ description: 'Name for people, such as `RTMP server`.' }),
  key: Type.String({ description: 'Key of the configuration that turns the server on.' }),
  isOn: Type.Boolean(),
  urls: Type.Array(Type.String(), {
    description:
      'Addresses that programs publish to, given even while the server is off. HOST, PATH, USER and PASSWORD stand for the actual values.',
  }),
});
export type PublishServer = Static<typeof PublishServer>;

interface ServerRoutesOptions {
  readonly access: Pick<HttpAccess, 'require'>;
  readonly servers: () => readonly PublishServer[];
}

/** `GET /v3/servers`, for the owner, on the main port only. */
export const serverRoutes: FastifyPluginAsync<ServerRoutesOptions> = async (app, { access, servers }) => {
  app.addHook('onRequest', (request: FastifyRequest) => access.require(request, 'admin', ''));
  const answer = answers(Type.Object({ items: Type.Array(PublishServer) }));
  const schema = operation('box', 'Servers that programs publish to', answer);
  app.get('/v3/servers', { schema }, async () => ({ items: [...servers()] }));
};
