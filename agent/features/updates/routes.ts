import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../base/errors.ts';
import { answers, OrNull, operation, TimeText } from '../../http/api/schema/schemas.ts';
import { slowBody } from '../../http/listener/slow-body.ts';
import { skipBody } from '../../http/listener/unread-body.ts';
import { checkedBody } from '../../http/messages/checked-body.ts';

const BINARY = 'application/octet-stream';
/** Perch, and its Node for two architectures. */
const bodyLimit = 330 << 20;

const UpdateState = Type.Object({
  version: Type.String({ description: 'Running version.' }),
  canInstall: Type.Boolean(),
  lacking: OrNull(
    Type.Enum(['noService', 'noKey'], {
      description: 'Why it cannot: Perch was not installed as a Debian package, or the package has no update key.',
    }),
  ),
  system: OrNull(
    Type.Enum(['a', 'b'], {
      description:
        'The running one of the two systems of the image. Such a box accepts updates of the whole system, too.',
    }),
  ),
  isReceiving: Type.Boolean({ description: 'A file is being checked, downloaded or received.' }),
  address: OrNull(Type.String({ description: '`updateAddress`: where Perch searches for updates on request.' })),
  last: OrNull(
    Type.Object({
      ok: Type.Boolean(),
      state: Type.String({
        description: 'installing, waiting or going back during the update; then good, gone back, refused or failed.',
      }),
      why: OrNull(Type.String({ description: 'One word.' })),
      text: Type.String(),
      from: OrNull(Type.String()),
      to: OrNull(Type.String()),
      percent: OrNull(Type.Number({ description: 'Progress of writing and verifying the other system, 0 to 100.' })),
      time: OrNull(TimeText),
    }),
  ),
});
export type UpdateState = Static<typeof UpdateState>;

const UpdatePlan = Type.Object({
  version: Type.String(),
  current: Type.String({ description: 'Running version.' }),
  made: TimeText,
  packages: Type.Array(Type.Object({ name: Type.String(), architecture: Type.String(), sizeBytes: Type.Integer() })),
});
export type UpdatePlan = Static<typeof UpdatePlan>;

const NewestUpdate = Type.Object({
  version: Type.String(),
  current: Type.String({ description: 'Running version.' }),
  isNewer: Type.Boolean(),
});
export type NewestUpdate = Static<typeof NewestUpdate>;
const Wanted = Type.Object({ version: Type.String({ description: 'From `POST /v3/update/look`.' }) });

export interface UpdateControl {
  state(): Promise<UpdateState>;
  /** @throws PerchError badInput, exhausted while another one is received */
  check(pieces: AsyncIterable<Uint8Array>): Promise<UpdatePlan>;
  /** Resolves when it is being installed. @throws PerchError besides: unsupported, timeout */
  install(pieces: AsyncIterable<Uint8Array>): Promise<UpdatePlan>;
  /** The newest version at the configured address. @throws PerchError unsupported, timeout, unavailable */
  findNewest(): Promise<NewestUpdate>;
  /** Downloads this version from there and installs it. @throws PerchError as `findNewest` and `install` */
  fetch(version: string): Promise<UpdatePlan>;
}

const FAILURES = [400, 409, 413, 415, 429, 501, 503, 504, 507];
const SENT = { body: Type.String({ format: 'binary' }), consumes: BINARY };

/** Updates of the box. */
export async function updateRoutes(app: FastifyInstance, updates: UpdateControl): Promise<void> {
  await app.register(async (scope) => sentUpdates(scope, updates));

  const get = operation('box', 'The running version, and the result of the last update', answers(UpdateState));
  app.get('/v3/update', { schema: get }, () => updates.state());
  const find = operation(
    'box',
    'The newest version at `updateAddress`; nothing is changed',
    answers(NewestUpdate, 501, 503, 504),
  );
  app.post('/v3/update/look', { schema: find }, () => updates.findNewest());
  const fetched = operation(
    'box',
    'Download an update from `updateAddress` and install it',
    answers(UpdatePlan, 400, 501, 503, 504, 507),
    { body: Wanted },
  );
  app.post('/v3/update/fetch', { schema: fetched }, async ({ body }) =>
    updates.fetch(checkedBody(Wanted, body).version),
  );
}

/** Files of hundreds of megabytes, which are streamed. */
function sentUpdates(app: FastifyInstance, updates: UpdateControl): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(BINARY, (_request, body, done) => done(null, body));

  const post = (path: string, summary: string, use: UpdateControl['check' | 'install']): void => {
    const schema = operation('box', summary, answers(UpdatePlan, ...FAILURES), SENT);
    app.post(path, { schema, bodyLimit }, (request) => taken(request, use));
  };
  post(
    '/v3/update/check',
    'Check an update: its contents and whether this box accepts it; nothing is changed',
    (pieces) => updates.check(pieces),
  );
  post('/v3/update', 'Install an update and restart; return to the previous version if it does not work', (pieces) =>
    updates.install(pieces),
  );
}

/** Reads the rest of a body that is rejected early, so that the client gets the reply. */
async function taken<T>(
  { body, raw }: FastifyRequest,
  use: (pieces: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  if (!(body instanceof Readable)) {
    throw new PerchError('badInput', `the body must be the update, with Content-Type: ${BINARY}`);
  }
  const pieces = slowBody(raw, body.iterator({ destroyOnReturn: false }));
  try {
    return await use(pieces);
  } catch (error) {
    await pieces.return(undefined);
    await (body.readableEnded ? undefined : skipBody(raw));
    throw error;
  }
}
