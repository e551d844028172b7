import type { FastifyPluginAsync } from 'fastify';
import Type from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { OkAnswer } from '../../messages/responses.ts';
import { paginate } from '../schema/paginate.ts';
import { answers, OrNull, PageQuery, pageOf, TimeText } from '../schema/schemas.ts';

const MAX_BODY_BYTES = 16_384;

export interface DiskLookup {
  /** The folders that recordings go to, and how their disks are doing. */
  list(): readonly object[];
  /** What is mounted there is right from now on. @returns false when recordings do not go to this folder */
  accept(folder: string): Promise<boolean>;
}

const DiskItem = Type.Object({
  folder: Type.String(),
  totalBytes: Type.Integer({ description: 'Of a disk that is not there: its last known size.' }),
  freeBytes: OrNull(Type.Integer({ description: 'Null while the disk is not there.' })),
  state: Type.Enum(['ok', 'filling', 'nearlyFull', 'full', 'readOnly', 'vanished', 'hanging', 'failing']),
  error: OrNull(Type.String()),
  since: TimeText,
  minFreeBytes: Type.Integer({ description: 'Below it the oldest recordings are deleted. 0: never.' }),
  writtenBytesPerDay: OrNull(Type.Number()),
  fullInDays: OrNull(Type.Number()),
  keepsDays: OrNull(Type.Number()),
  deletionsHeld: OrNull(Type.String({ description: 'Why nothing is deleted by its age at the moment.' })),
  deletionsHeldWhy: OrNull(Type.Enum(['protection', 'clock', 'date'], { description: 'The same in one word.' })),
});
const Folder = Type.Object({ folder: Type.String({ minLength: 1 }) });

/** `/disks`: whether recordings find room. */
export const diskRoutes: FastifyPluginAsync<{ disks: DiskLookup }> = async (app, { disks }) => {
  const all = { summary: 'Disks that recordings go to', tags: ['recordings'], querystring: PageQuery };
  app.get('/disks', { schema: { ...all, response: answers(pageOf(DiskItem), 400) } }, async ({ query }) =>
    paginate(disks.list(), query),
  );

  const accept = {
    summary: 'What is mounted at a folder is right from now on, although it is not the disk that was there before',
    ...{ tags: ['recordings'], body: Folder, response: answers(OkAnswer, 400, 404, 413) },
  };
  app.post('/disks/accept', { bodyLimit: MAX_BODY_BYTES, schema: accept }, async ({ body }) => {
    const { folder } = (body ?? {}) as { folder?: unknown };
    if (typeof folder !== 'string' || folder === '') {
      throw new PerchError('badInput', 'the body is not a JSON object with folder');
    }
    if (!(await disks.accept(folder))) {
      throw new PerchError('notFound', `recordings do not go to the folder '${folder.slice(0, 240)}'`);
    }
    return { status: 'ok' };
  });
};
