import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import type { WrongCredentials } from '../../../auth/throttle/wrong-credentials.ts';
import { PerchError } from '../../../base/errors.ts';
import type { PublishEvent } from '../../../base/event-bus.ts';
import type { HttpAccess } from '../../auth/access.ts';
import { letIn } from '../../listener/pre-login.ts';
import { noStore } from '../../messages/responses.ts';
import { ownOrigin, paused } from '../accounts/session-routes.ts';
import { answers, OrNull, operation, TimeText } from '../schema/schemas.ts';
import type { BackupMaker } from './backup-download.ts';
import { restarter } from './restart.ts';

/** Bytes. */
const bodyLimit = 4 << 20;
const BINARY = 'application/octet-stream';
const SETUP_CODE = 'perch-setup-code';

const Named = Type.Object({ path: Type.String(), title: OrNull(Type.String()) });
const Names = Type.Array(Type.String());
const Counts = { added: Type.Integer(), removed: Type.Integer(), same: Type.Integer() };
const RestorePlan = Type.Object({
  made: TimeText,
  version: Type.String({ description: 'Version of the Perch that made the backup.' }),
  host: Type.String({ description: 'Host name of the box that made the backup.' }),
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
      description: 'People with a different password or role, which requires a new login, or with different rights.',
    }),
    same: Names,
  }),
  links: Type.Object(Counts, { description: 'Links for guests.' }),
  devicePasswords: Type.Object(Counts, { description: 'Device passwords, without those revoked on this box.' }),
  settings: Type.Array(Type.String(), { description: 'Keys of the configuration that change, except those of paths.' }),
  address: Type.String({ description: '`address` after the restore: the page may then be at a different port.' }),
  tlsAddress: Type.String({ description: '`tlsAddress` after the restore. Empty: https is off.' }),
  problems: Type.Array(Type.String(), { description: 'Invalid paths in the backup.' }),
});
export type RestorePlan = Static<typeof RestorePlan>;

const Restored = Type.Object({
  status: Type.Literal('ok'),
  seconds: Type.Integer({ description: 'Usual duration of the restart, in seconds.' }),
});
const SetUp = Type.Object({
  [SETUP_CODE]: Type.Optional(Type.String({ description: 'The setup code, while the box has no owner and needs it.' })),
});

export interface BackupControl extends BackupMaker {
  /** Reserves the memory for one backup. @returns releases it @throws PerchError exhausted while it is taken */
  reserve(): () => void;
  /** @throws PerchError badInput */
  check(bytes: Uint8Array): Promise<RestorePlan>;
  /** Stages it for the next start. @throws PerchError badInput, unavailable */
  stage(bytes: Uint8Array): Promise<void>;
}

interface BackupRoutesOptions {
  readonly access: Pick<HttpAccess, 'require' | 'origin'>;
  readonly backup: BackupControl;
  readonly accounts: {
    readonly owner: string | undefined;
    /** @throws PerchError if this client may not claim the box */
    checkSetUp(setupCode: string | undefined, asker: { readonly ip: string; readonly isPrivate: boolean }): void;
  };
  readonly wrongCredentials: WrongCredentials;
  readonly publish: PublishEvent;
  readonly startTookMs: number;
  readonly restart?: () => void;
}

const FAILURES = [400, 409, 413, 415, 429, 503, 507];

/** Restoring: for the owner, or for a client that may claim the box. */
export const restoreRoutes: FastifyPluginAsync<BackupRoutesOptions> = async (app, options) => {
  const { backup } = options;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(BINARY, { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  noStore(app);

  const sent = { headers: SetUp, body: Type.String({ format: 'binary' }), consumes: BINARY };
  const releases = new WeakMap<FastifyRequest, () => void>();
  // Before the body is read.
  const onRequest = async (request: FastifyRequest, reply: FastifyReply) => {
    await mayRestore(options, request);
    letIn(request, true);
    // The request time of the listener limits the reservation.
    const release = backup.reserve();
    releases.set(request, release);
    if (reply.raw.destroyed) {
      release();
    } else {
      reply.raw.once('close', release);
    }
  };
  // A rejected body is skipped after the reply, for as long as the client sends.
  const onError = async (request: FastifyRequest) => releases.get(request)?.();
  const check = operation(
    'box',
    'Check a backup: its contents and what it would change; nothing is written',
    answers(RestorePlan, ...FAILURES),
    sent,
  );
  app.post('/v3/restore/check', { schema: check, bodyLimit, onRequest, onError }, async (request) => {
    return backup.check(await backupIn(options, request));
  });

  const restore = operation(
    'box',
    'Restore a backup and restart; recordings stay',
    answers(Restored, ...FAILURES, 501),
    sent,
  );
  app.post('/v3/restore', { schema: restore, bodyLimit, onRequest, onError }, async (request, reply) => {
    const bytes = await backupIn(options, request);
    const restart = restarter(options);
    await backup.stage(bytes);
    return { status: 'ok', seconds: restart(reply) };
  });
};

async function backupIn(options: BackupRoutesOptions, request: FastifyRequest): Promise<Uint8Array> {
  // The box may have been claimed meanwhile.
  await mayRestore(options, request);
  if (!(request.body instanceof Uint8Array)) {
    throw new PerchError('badInput', `the body must be the backup, with Content-Type: ${BINARY}`);
  }
  return request.body;
}

/** The owner; before the claim, a client that may claim the box. */
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
