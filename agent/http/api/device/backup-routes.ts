import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import type { WrongCredentials } from '../../../auth/throttle/wrong-credentials.ts';
import { PerchError } from '../../../base/errors.ts';
import type { PublishEvent } from '../../../base/event-bus.ts';
import type { HttpAccess } from '../../auth/access.ts';
import { letIn } from '../../listener/newcomers.ts';
import { sendFile } from '../../messages/send-file.ts';
import { ownOrigin, paused } from '../accounts/session-routes.ts';
import { answers, OrNull, TimeText } from '../schema/schemas.ts';
import { restarter } from './restart.ts';

/** Of the file as it is sent. */
const bodyLimit = 4 << 20;
const BINARY = 'application/octet-stream';
const SETUP_CODE = 'perch-setup-code';

const Named = Type.Object({ path: Type.String(), title: OrNull(Type.String()) });
const Names = Type.Array(Type.String());
const Counts = { added: Type.Integer(), removed: Type.Integer(), same: Type.Integer() };
const RestorePlan = Type.Object({
  made: TimeText,
  version: Type.String({ description: 'Of the Perch that made it.' }),
  host: Type.String({ description: 'Of the device that made it.' }),
  cameras: Type.Object({
    added: Type.Array(Named),
    removed: Type.Array(Named),
    changed: Type.Array(Named),
    same: Type.Integer(),
  }),
  people: Type.Object({
    added: Names,
    removed: Names,
    changed: Type.Array(Type.String(), {
      description: 'With another password or role, who have to log in again; or with other rights.',
    }),
    same: Names,
  }),
  links: Type.Object(Counts, { description: 'To guests.' }),
  devicePasswords: Type.Object(Counts, { description: 'Without those revoked on this device.' }),
  settings: Type.Array(Type.String(), { description: 'Keys of the configuration that change, but for paths.' }),
  address: Type.String({ description: 'Of the page after the restore; the port may differ.' }),
  tlsAddress: Type.String({ description: 'The same over https; empty: off.' }),
  problems: Type.Array(Type.String(), { description: 'Paths that are wrong in it, as they were in that box.' }),
});
export type RestorePlan = Static<typeof RestorePlan>;

const Restored = Type.Object({
  status: Type.Literal('ok'),
  seconds: Type.Integer({ description: 'That the start usually takes which follows.' }),
});
const SetUp = Type.Object({
  [SETUP_CODE]: Type.Optional(Type.String({ description: 'While the device has no owner and needs the code.' })),
});

/** What the routes need of the device. */
export interface BackupControl {
  make(): Promise<{ readonly name: string; readonly bytes: Buffer }>;
  /**
   * The one place there is, for a body and what is done with it: what is read may be large.
   * @returns what gives it back
   * @throws PerchError exhausted while somebody else has it
   */
  take(): () => void;
  /** @throws PerchError badInput */
  check(bytes: Uint8Array): Promise<RestorePlan>;
  /** Lays it down for the next start. @throws PerchError badInput, unavailable */
  stage(bytes: Uint8Array): Promise<void>;
}

interface BackupRoutesOptions {
  readonly access: Pick<HttpAccess, 'require' | 'origin'>;
  readonly backup: BackupControl;
  readonly accounts: {
    readonly owner: string | undefined;
    /** @throws PerchError when this is nobody who may make the device his own */
    checkSetUp(setupCode: string | undefined, asker: { readonly ip: string; readonly isPrivate: boolean }): void;
  };
  readonly wrongCredentials: WrongCredentials;
  readonly publish: PublishEvent;
  readonly startTookMs: number;
  readonly restart?: () => void;
}

const tags = ['box'];
const FAILURES = [400, 409, 413, 415, 429, 503, 507];

/** A backup holds every password and key of the device: for the owner alone, or for whoever may become it. */
export const backupRoutes: FastifyPluginAsync<BackupRoutesOptions> = async (app, options) => {
  const { access, backup, accounts } = options;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(BINARY, { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.addHook('onSend', async (_request, reply) => {
    reply.header('Cache-Control', 'no-store');
  });

  const get = {
    summary: 'The configuration, people, passwords and keys of the device as one file, without recordings',
    ...{ tags, response: answers(Type.String(), 400, 503, 507), produces: { 200: BINARY } },
  };
  app.get('/v3/backup', { schema: get }, async (request, reply) => {
    await access.require(request, 'admin', '');
    if (accounts.owner === undefined) {
      throw new PerchError('badInput', 'this device has no owner yet: set a password first');
    }
    const { name, bytes } = await backup.make();
    return sendFile(reply, { name, type: BINARY, bytes });
  });

  const sent = {
    ...{ tags, headers: SetUp, body: Type.String({ format: 'binary' }), consumes: BINARY },
  };
  const places = new WeakMap<FastifyRequest, () => void>();
  // Before a byte of the body is taken.
  const onRequest = async (request: FastifyRequest, reply: FastifyReply) => {
    await mayRestore(options, request);
    letIn(request, true);
    // The time that a body may take is limited for every request.
    const giveBack = backup.take();
    places.set(request, giveBack);
    if (reply.raw.destroyed) {
      giveBack();
    } else {
      reply.raw.once('close', giveBack);
    }
  };
  // A rejected body is skipped after the answer, which takes as long as the client sends.
  const onError = async (request: FastifyRequest) => places.get(request)?.();
  const judged = {
    ...{ summary: 'Check a backup: its contents and what it would change; nothing is written', ...sent },
    response: answers(RestorePlan, ...FAILURES),
  };
  app.post('/v3/restore/check', { schema: judged, bodyLimit, onRequest, onError }, async (request) => {
    return backup.check(await backupIn(options, request));
  });

  const restored = {
    ...{ summary: 'Restore a backup and restart; recordings stay', ...sent },
    response: answers(Restored, ...FAILURES, 501),
  };
  app.post('/v3/restore', { schema: restored, bodyLimit, onRequest, onError }, async (request, reply) => {
    const bytes = await backupIn(options, request);
    const restart = restarter(options);
    await backup.stage(bytes);
    return { status: 'ok', seconds: restart(reply) };
  });
};

async function backupIn(options: BackupRoutesOptions, request: FastifyRequest): Promise<Uint8Array> {
  // Somebody may have become the owner while it came in.
  await mayRestore(options, request);
  if (!(request.body instanceof Uint8Array)) {
    throw new PerchError('badInput', `the body must be the backup, with Content-Type: ${BINARY}`);
  }
  return request.body;
}

/** The owner; before there is one, whoever may become it. */
async function mayRestore(options: BackupRoutesOptions, request: FastifyRequest): Promise<void> {
  const { access, accounts, wrongCredentials } = options;
  if (accounts.owner !== undefined) {
    return access.require(request, 'admin', '');
  }
  const origin = ownOrigin(access, request);
  const code = request.headers[SETUP_CODE];
  await paused(wrongCredentials, origin.ip, async () =>
    accounts.checkSetUp(typeof code === 'string' ? code : undefined, origin),
  );
}
