import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { HttpAccess } from '../../auth/access.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { answers, OrNull } from '../schema/schemas.ts';

interface StorageLookup {
  use(): Promise<object>;
  places(): Promise<readonly object[]>;
  openPlace(folder: string, signal: AbortSignal): Promise<string>;
}

const Days = (description: string) => OrNull(Type.Number({ description }));
const Use = Type.Object({
  bytes: Type.Integer(),
  bytesPerDay: Days('At the rate of the last day; null: not known yet.'),
  reachesBackDays: Days('How old the oldest recording is.'),
  items: Type.Array(
    Type.Object({
      path: Type.String(),
      title: OrNull(Type.String()),
      configured: Type.Boolean({ description: 'false: recordings of a camera that was removed.' }),
      files: Type.Integer(),
      bytes: Type.Integer(),
      bytesPerDay: Days('At the rate of the last day.'),
      reachesBackDays: Days('How old its oldest recording is.'),
      wantedDays: Days('recordDeleteAfter, of a camera that was removed the last; null: for ever, or not known.'),
      fitsDays: Days('As many find room, at the rate of the last day: on the disk, and by recordMaxSize.'),
    }),
  ),
});
const Places = Type.Object({
  items: Type.Array(
    Type.Object({
      folder: Type.String(),
      device: Type.String(),
      type: Type.String({ description: 'Of the file system.' }),
      totalBytes: Type.Integer(),
      freeBytes: Type.Integer(),
      removable: Type.Boolean(),
      network: Type.Boolean(),
      writable: Type.Boolean({ description: 'Perch may write there.' }),
      canBeOpened: Type.Boolean({ description: 'POST /v3/disks/places/open lets Perch write there.' }),
      recordsHere: Type.Array(Type.String(), { description: 'Folders on it that recordings go to now.' }),
      isChosen: Type.Boolean({ description: 'Cameras without a recordPath of their own record there.' }),
      recordPath: Type.String({ description: 'To be set in pathDefaults for recording there.' }),
      older: OrNull(
        Type.Object(
          { files: Type.Integer(), bytes: Type.Integer(), end: Type.String({ format: 'date-time' }) },
          {
            description: 'Recordings on it in folders that nothing is recorded to now, and when the last of them ends.',
          },
        ),
      ),
    }),
    { description: 'The one with the most room first.' },
  ),
});
const Open = Type.Object({ folder: Type.String({ maxLength: 1_000, description: 'Of one of the places.' }) });
const Opened = Type.Object({ text: Type.String({ description: 'Perch restarts a few seconds later.' }) });

/** What recordings take, and where they could go: for the owner, on the main port only. */
export const storageRoutes: FastifyPluginAsync<{
  readonly access: Pick<HttpAccess, 'require'>;
  readonly storage: StorageLookup;
}> = async (app, { access, storage }) => {
  const tags = ['recordings'];
  app.addHook('onRequest', (request: FastifyRequest) => access.require(request, 'admin', ''));
  app.addHook('onSend', async (_request, reply) => {
    reply.header('Cache-Control', 'no-store');
  });
  const use = { summary: 'What recordings take, camera by camera, for the owner', tags, response: answers(Use) };
  app.get('/v3/recordings/usage', { schema: use }, () => storage.use());
  const places = {
    summary: 'Mounted disks that recordings could go to, for the owner',
    tags,
    response: answers(Places),
  };
  app.get('/v3/disks/places', { schema: places }, async () => ({ items: await storage.places() }));
  const open = {
    summary: 'Let Perch write on a disk, for the owner',
    tags,
    body: Open,
    response: answers(Opened, 400, 409, 501, 504),
  };
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());
  app.post('/v3/disks/places/open', { schema: open }, async ({ body }) => ({
    text: await storage.openPlace(checkedBody(Open, body).folder, closing.signal),
  }));
};
