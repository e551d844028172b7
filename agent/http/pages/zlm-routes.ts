import type { FastifyPluginAsync } from 'fastify';
import Type from 'typebox';
import { answers, operation } from '../api/schema/schemas.ts';
import type { HttpAccess } from '../auth/access.ts';

interface ZlmRoutesOptions {
  readonly access: Pick<HttpAccess, 'require'>;
  readonly zlm: { readonly secret: string };
}

const Secret = Type.Object({ secret: Type.String({ description: 'zlmSecret, or the generated one.' }) });

/** The secret of ZLMediaKit's calls, for the owner, on the main port only. */
export const zlmRoutes: FastifyPluginAsync<ZlmRoutesOptions> = async (app, { access, zlm }) => {
  const schema = operation('box', "Secret of ZLMediaKit's calls, for the owner", answers(Secret));
  app.get('/v3/zlm', { schema, onRequest: (request) => access.require(request, 'admin', '') }, (_request, reply) => {
    reply.header('Cache-Control', 'no-store');
    return { secret: zlm.secret };
  });
};
