import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import type { HttpAccess } from '../../auth/access.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { noStore } from '../../messages/responses.ts';
import { answers, OrNull, operation } from '../schema/schemas.ts';

interface StorageLookup {
  use(): Promise<StorageUse>;
  places(): Promise<MountedDisk[]>;
  openPlace(folder: string, signal: AbortSignal): Promise<string>;
}

const Days = (description: string) => OrNull(Type.Number({ description }));
const Use = Type.Object({
  bytes: Type.Integer(),
  bytesPerDay: Days('Bytes recorded per day, at the rate of the last day. Null: not known yet.'),
  reachesBackDays: Days('Age of the oldest recording, in days.'),
  items: Type.Array(
    Type.Object({
      path: Type.String(),
      title: OrNull(Type.String()),
      configured: Type.Boolean({ description: 'false: recordings of a camera that was removed.' }),
      files: Type.Integer(),
      bytes: Type.Integer(),
      bytesPerDay: Days('Bytes recorded per day, at the rate of the last day.'),
      reachesBackDays: Days('Age of the oldest recording of the camera, in days.'),
      wantedDays: Days('recordDeleteAfter in days; for a removed camera, its last value. Null: for ever, or unknown.'),
      fitsDays: Days('Days that fit on the disk and within recordMaxSize, at the rate of the last day.'),
    }),
  ),
});
export type StorageUse = Static<typeof Use>;
const MountedDisk = Type.Object({
  folder: Type.String(),
  device: Type.String(),
  type: Type.String({ description: 'Type of the file system.' }),
  totalBytes: Type.Integer(),
  freeBytes: Type.Integer(),
  removable: Type.Boolean(),
  network: Type.Boolean(),
  writable: Type.Boolean({ description: 'Perch may write to the disk.' }),
  canBeOpened: Type.Boolean({ description: 'POST /v3/disks/places/open can let Perch write to the disk.' }),
  recordsHere: Type.Array(Type.String(), { description: 'Folders on the disk that are recorded to.' }),
  isChosen: Type.Boolean({ description: 'Cameras without their own recordPath record to this disk.' }),
  recordPath: Type.String({ description: 'recordPath for pathDefaults that records to this disk.' }),
  older: OrNull(
    Type.Object(
      { files: Type.Integer(), bytes: Type.Integer(), end: Type.String({ format: 'date-time' }) },
      {
        description: 'Recordings in folders of the disk that are no longer recorded to, and the end of the last one.',
      },
    ),
  ),
});
export type MountedDisk = Static<typeof MountedDisk>;
const Places = Type.Object({
  items: Type.Array(MountedDisk, { description: 'Disks, the one with the most free space first.' }),
});
const Open = Type.Object({ folder: Type.String({ maxLength: 1_000, description: '`folder` of one of the places.' }) });
const Opened = Type.Object({ text: Type.String({ description: 'Perch restarts a few seconds later.' }) });

/** Space that recordings use, and disks for them: for the owner, on the main port only. */
export const storageRoutes: FastifyPluginAsync<{
  readonly access: Pick<HttpAccess, 'require'>;
  readonly storage: StorageLookup;
}> = async (app, { access, storage }) => {
  app.addHook('onRequest', (request: FastifyRequest) => access.require(request, 'admin', ''));
  noStore(app);
  const use = operation('recordings', 'Space that recordings use, by camera, for the owner', answers(Use));
  app.get('/v3/recordings/usage', { schema: use }, () => storage.use());
  const places = operation('recordings', 'Mounted disks that recordings could go to, for the owner', answers(Places));
  app.get('/v3/disks/places', { schema: places }, async () => ({ items: await storage.places() }));
  const open = operation(
    'recordings',
    'Let Perch write on a disk, for the owner',
    answers(Opened, 400, 409, 501, 504),
    {
      body: Open,
    },
  );
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());
  app.post('/v3/disks/places/open', { schema: open }, async ({ body }) => ({
    text: await storage.openPlace(checkedBody(Open, body).folder, closing.signal),
  }));
};
