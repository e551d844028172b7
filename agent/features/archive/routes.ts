import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import { answers, OrNull, operation, TimeText } from '../../http/api/schema/schemas.ts';
import { checkedBody } from '../../http/messages/checked-body.ts';
import { OK, OkAnswer } from '../../http/messages/responses.ts';

const MAX_BODY_BYTES = 8_192;

const Failure = {
  error: OrNull(Type.String({ description: 'Error message, for people.' })),
  why: OrNull(
    Type.String({
      description:
        'The failure in one word: name, unreachable, timeout, certificate, notPrivate, login, denied, noBucket, region, clock, full, slow, missing, readOnly, damaged, gone, key (the encryption key cannot be read), noS3, or other.',
    }),
  ),
};
const Count = { files: Type.Integer(), bytes: Type.Integer() };
const ArchiveState = Type.Object({
  state: Type.Enum(['off', 'idle', 'uploading', 'outOfHours', 'failing']),
  ...Failure,
  since: OrNull(Type.String({ format: 'date-time', description: 'Start of the failure.' })),
  waiting: Type.Object(
    { ...Count, oldest: OrNull(TimeText) },
    { description: 'Recordings that wait for the archive.' },
  ),
  warning: OrNull(Type.Enum(['sameDisk'], { description: 'sameDisk: the folder is on a disk with recordings.' })),
  encryption: Type.Object({
    isOn: Type.Boolean({ description: 'New recordings are encrypted in the archive.' }),
    keyId: OrNull(Type.String({ description: 'Id of the encryption key.' })),
    isKeyNoted: Type.Boolean({ description: 'The key was written down and is not shown again.' }),
  }),
  archived: Type.Object(Count, { description: 'Recordings of this box in the archive.' }),
  unreadFiles: Type.Integer({
    description: 'Archived files that are not listed yet, since Perch has not read their ends.',
  }),
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
    archiveEncryption: Type.Optional(Type.Enum(['auto', 'no', 'yes'])),
  },
  { additionalProperties: false, description: 'A value that is absent is that of the configuration.' },
);
export type ArchiveTest = Static<typeof ArchiveTest>;
const ArchiveResult = Type.Object({
  isGood: Type.Boolean(),
  ...Failure,
  warning: OrNull(Type.Enum(['sameDisk'])),
});
export type ArchiveResult = Static<typeof ArchiveResult>;

export interface ArchiveControl {
  readonly status: ArchiveState;
  /** Stores, reads, lists and deletes a small object. @throws PerchError badInput for invalid settings, exhausted during another test */
  test(settings: ArchiveTest): Promise<ArchiveResult>;
  /** The key that encrypts, for the owner to write down. @throws PerchError notFound once it is written down, or if there is none */
  showKey(): Promise<ShownKey>;
  keyNoted(): Promise<void>;
  /** Adds a key by its text. @returns its id @throws PerchError badInput */
  addKey(typed: string): Promise<string>;
}

const ShownKey = Type.Object({ key: Type.String(), id: Type.String() });
type ShownKey = Static<typeof ShownKey>;
const KeyId = Type.Object({ id: Type.String() });
const TypedKey = Type.Object({ key: Type.String({ maxLength: 200 }) }, { additionalProperties: false });

/** The archive of recordings. */
export function archiveRoutes(app: FastifyInstance, archive: ArchiveControl): void {
  const state = operation('box', 'State of the archive, and what waits for it', answers(ArchiveState));
  app.get('/v3/archive', { schema: state }, async () => archive.status);
  const test = operation('box', 'Try to store, read and delete at an archive', answers(ArchiveResult, 400, 413, 429), {
    body: ArchiveTest,
  });
  app.post('/v3/archive/test', { bodyLimit: MAX_BODY_BYTES, schema: test }, async ({ body }) =>
    archive.test(checkedBody(ArchiveTest, body)),
  );
  const show = operation('box', 'The key of the encrypted archive, until it was written down', answers(ShownKey, 404));
  app.post('/v3/archive/key/show', { schema: show }, async (_, reply) => {
    reply.header('Cache-Control', 'no-store');
    return archive.showKey();
  });
  const noted = operation('box', 'The key was written down: it is not shown again', answers(OkAnswer));
  app.post('/v3/archive/key/noted', { schema: noted }, async () => {
    await archive.keyNoted();
    return OK;
  });
  const add = operation('box', 'Take a key that was written down, for its recordings', answers(KeyId, 400, 413, 429), {
    body: TypedKey,
  });
  app.post('/v3/archive/key/add', { bodyLimit: MAX_BODY_BYTES, schema: add }, async ({ body }) => ({
    id: await archive.addKey(checkedBody(TypedKey, body).key),
  }));
}
