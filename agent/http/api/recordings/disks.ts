import type { FastifyPluginAsync } from 'fastify';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { OkAnswer } from '../../messages/responses.ts';
import { paginate } from '../schema/paginate.ts';
import { answers, OrNull, PageQuery, pageOf, TimeText } from '../schema/schemas.ts';

export interface DiskLookup {
  list(): readonly object[];
  /** Accepts the disk mounted there. @returns false if it is not a recording folder */
  accept(folder: string): Promise<boolean>;
}

const DiskItem = Type.Object({
  folder: Type.String(),
  totalBytes: Type.Integer({ description: 'The last known size of a missing disk.' }),
  freeBytes: OrNull(Type.Integer({ description: 'Null while the disk is missing.' })),
  state: Type.Enum(['ok', 'filling', 'slowing', 'nearlyFull', 'full', 'readOnly', 'vanished', 'hanging', 'failing']),
  error: OrNull(Type.String()),
  since: TimeText,
  minFreeBytes: Type.Integer({ description: 'Below this, the oldest recordings are deleted. 0: never.' }),
  writtenBytesPerDay: OrNull(Type.Number()),
  fullInDays: OrNull(Type.Number()),
  keepsDays: OrNull(Type.Number()),
  deletionsHeld: OrNull(Type.String({ description: 'Why no recording is deleted by age now.' })),
  deletionsHeldWhy: OrNull(Type.Enum(['protection', 'clock', 'date'], { description: 'The same as a word.' })),
});
export type DiskItem = Static<typeof DiskItem>;
const Folder = Type.Object({ folder: Type.String({ minLength: 1 }) });

/** `/disks` */
export const diskRoutes: FastifyPluginAsync<{ disks: DiskLookup }> = async (app, { disks }) => {
  const all = { summary: 'Recording disks', tags: ['recordings'], querystring: PageQuery };
  app.get('/disks', { schema: { ...all, response: answers(pageOf(DiskItem), 400) } }, async ({ query }) =>
    paginate(disks.list(), query),
  );

  const accept = {
    summary: 'Accept the disk mounted at a folder in place of the one that was there before',
    tags: ['recordings'],
    body: Folder,
    response: answers(OkAnswer, 400, 404, 413),
  };
  app.post('/disks/accept', { bodyLimit: 16_384, schema: accept }, async ({ body }) => {
    const { folder } = (body ?? {}) as { folder?: unknown };
    if (typeof folder !== 'string' || folder === '') {
      throw new PerchError('badInput', 'the body is not a JSON object with folder');
    }
    if (!(await disks.accept(folder))) {
      throw new PerchError('notFound', `'${folder.slice(0, 240)}' is not a recording folder`);
    }
    return { status: 'ok' };
  });
};
