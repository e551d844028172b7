import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import type { HttpAccess } from '../../auth/access.ts';
import { answers, operation } from '../schema/schemas.ts';

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
