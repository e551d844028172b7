import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import type { HttpAccess } from '../../auth/access.ts';
import { answers, OrNull, operation, TimeText } from '../schema/schemas.ts';

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
