import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import type { HttpAccess } from '../../auth/access.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { answers, OrNull, operation, TimeText } from '../schema/schemas.ts';

const MAX_BODY_BYTES = 8_192;

const Failure = {
  error: OrNull(Type.String({ description: 'For people.' })),
  why: OrNull(
    Type.String({
      description:
        'name, unreachable, timeout, certificate, notPrivate, login, denied, noBucket, region, clock, full, slow, missing, readOnly, damaged, noS3, or other.',
    }),
  ),
};
const Count = { files: Type.Integer(), bytes: Type.Integer() };
const ArchiveState = Type.Object({
  state: Type.Enum(['off', 'idle', 'uploading', 'outOfHours', 'failing']),
  ...Failure,
  since: OrNull(Type.String({ format: 'date-time', description: 'Of the failure.' })),
  waiting: Type.Object({ ...Count, oldest: OrNull(TimeText) }, { description: 'Recordings to be archived.' }),
  archived: Type.Object(Count, { description: 'What the archive has of this box.' }),
  current: OrNull(
    Type.Object({ path: Type.String(), start: TimeText, bytes: Type.Integer(), sentBytes: Type.Integer() }),
  ),
});
export type ArchiveState = Static<typeof ArchiveState>;

const ArchiveTest = Type.Object(
  {
    archive: Type.Optional(Type.Enum(['s3', 'folder'])),
    archiveFolder: Type.Optional(Type.String({ maxLength: 1_000 })),
    archiveURL: Type.Optional(Type.String({ maxLength: 300 })),
    archiveBucket: Type.Optional(Type.String({ maxLength: 63 })),
    archivePrefix: Type.Optional(Type.String({ maxLength: 200 })),
    archiveRegion: Type.Optional(Type.String({ maxLength: 64 })),
    archiveAccessKey: Type.Optional(Type.String({ maxLength: 256 })),
    archiveSecretKey: Type.Optional(Type.String({ maxLength: 256 })),
    archivePathStyle: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false, description: 'Absent values are those of the configuration.' },
);
export type ArchiveTest = Static<typeof ArchiveTest>;
const ArchiveResult = Type.Object({ isGood: Type.Boolean(), ...Failure });
export type ArchiveResult = Static<typeof ArchiveResult>;

export interface ArchiveControl {
  readonly status: ArchiveState;
  /** Stores, reads, lists and deletes a small object. @throws PerchError badInput for invalid settings, exhausted during another test */
  test(settings: ArchiveTest): Promise<ArchiveResult>;
}

interface ArchiveRoutesOptions {
  readonly access: Pick<HttpAccess, 'require'>;
  readonly archive: ArchiveControl;
}

/** The archive of recordings, for the owner, on the main port only. */
export const archiveRoutes: FastifyPluginAsync<ArchiveRoutesOptions> = async (app, { access, archive }) => {
  app.addHook('onRequest', (request: FastifyRequest) => access.require(request, 'admin', ''));
  const state = operation('box', 'State of the archive, and what waits for it', answers(ArchiveState));
  app.get('/v3/archive', { schema: state }, async () => archive.status);
  const test = operation('box', 'Try to store, read and delete at an archive', answers(ArchiveResult, 400, 413, 429), {
    body: ArchiveTest,
  });
  app.post('/v3/archive/test', { bodyLimit: MAX_BODY_BYTES, schema: test }, async ({ body }) =>
    archive.test(checkedBody(ArchiveTest, body)),
  );
};
