import type { FastifyPluginAsync } from 'fastify';
import Type from 'typebox';
import type { HttpAccess } from '../../auth/access.ts';
import { sendFile } from '../../messages/send-file.ts';
import { answers } from '../schema/schemas.ts';

const GZIP = 'application/gzip';

interface DiagnosticsRouteOptions {
  readonly access: Pick<HttpAccess, 'require'>;
  readonly diagnosis: { make(): Promise<{ readonly name: string; readonly bytes: Buffer }> };
}

/** `GET /v3/diagnostics`, for the owner, on the main port only: it contains names and addresses of cameras. */
export const diagnosticsRoute: FastifyPluginAsync<DiagnosticsRouteOptions> = async (app, { access, diagnosis }) => {
  const schema = {
    summary: 'Support bundle without passwords, as one file: settings, states, host and recent log',
    ...{ tags: ['box'], response: answers(Type.String()), produces: { 200: GZIP } },
  };
  app.get('/v3/diagnostics', { schema }, async (request, reply) => {
    await access.require(request, 'admin', '');
    const { name, bytes } = await diagnosis.make();
    return sendFile(reply, { name, type: GZIP, bytes });
  });
};
