import type { FastifyPluginAsync } from 'fastify';
import Type from 'typebox';
import type { HttpAccess } from '../auth/access.ts';
import { ErrorAnswer } from '../messages/responses.ts';

interface ZlmRoutesOptions {
  readonly access: Pick<HttpAccess, 'require'>;
  readonly zlm: { readonly secret: string };
}

const Secret = Type.Object({ secret: Type.String({ description: 'zlmSecret, or the one that Perch made.' }) });

/** The secret of ZLMediaKit's calls, for the owner, on the main port only. */
export const zlmRoutes: FastifyPluginAsync<ZlmRoutesOptions> = async (app, { access, zlm }) => {
  const schema = {
    summary: "Secret of ZLMediaKit's calls, for the owner",
    tags: ['box'],
    response: { 200: Secret, 401: ErrorAnswer },
  };
  app.get('/v3/zlm', { schema, onRequest: (request) => access.require(request, 'admin', '') }, (_request, reply) => {
    reply.header('Cache-Control', 'no-store');
    return { secret: zlm.secret };
  });
};
