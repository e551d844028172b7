import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { ErrorAnswer, noStore, sendFile } from '../../messages/responses.ts';
import { answers, operation } from '../schema/schemas.ts';
import { type ConfirmOptions, isConfirmed, PasswordBody, wrongPassword } from './confirm-password.ts';

const BINARY = 'application/octet-stream';

export interface BackupMaker {
  make(): Promise<{ readonly name: string; readonly bytes: Buffer }>;
}

interface BackupDownloadOptions extends ConfirmOptions {
  readonly backup: BackupMaker;
  readonly accounts: ConfirmOptions['accounts'] & { readonly owner: string | undefined };
}

/** A backup contains every password and key of the box: for the owner. A session gets it only with the user's own password. */
export const backupDownload: FastifyPluginAsync<BackupDownloadOptions> = async (app, options) => {
  const { access, backup, accounts } = options;
  noStore(app);
  app.addHook('onRequest', async (request: FastifyRequest) => {
    await access.require(request, 'admin', '');
    if (accounts.owner === undefined) {
      throw new PerchError('badInput', 'this box has no owner yet: set a password first');
    }
  });
  const send = async (reply: FastifyReply) => {
    const { name, bytes } = await backup.make();
    return sendFile(reply, { name, type: BINARY, bytes });
  };
  const about = 'The configuration, people, passwords and keys of the box as one file, without recordings';
  const binary = { produces: { 200: BINARY } };

  const get = operation('box', about, { ...answers(Type.String(), 400, 503, 507), 403: ErrorAnswer }, binary);
  app.get('/v3/backup', { schema: get }, async (request, reply) => {
    if (access.identify(request).sessionUser !== undefined) {
      const error = 'a backup contains every password: send a POST with {"password": "…"}, your own';
      return reply.code(403).send({ status: 'error', error });
    }
    return send(reply);
  });

  const response = { ...answers(Type.String(), 400, 413, 429, 503, 507), 403: ErrorAnswer };
  const post = operation('box', "The same, for the password of the session's user", response, {
    ...binary,
    body: PasswordBody,
  });
  app.post('/v3/backup', { schema: post }, async (request, reply) =>
    (await isConfirmed(options, request)) ? send(reply) : wrongPassword(reply),
  );
};
