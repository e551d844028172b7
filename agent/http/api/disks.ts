import type { FastifyPluginAsync } from 'fastify';
import { PerchError } from '../../base/errors.ts';
import { paginate } from './paginate.ts';

const MAX_BODY_BYTES = 16_384;

export interface DiskLookup {
  /** The folders that recordings go to, and how their disks are doing. */
  list(): readonly object[];
  /** What is mounted there is right from now on. @returns false when recordings do not go to this folder */
  accept(folder: string): Promise<boolean>;
}

/** `/disks`: whether recordings find room. */
export const diskRoutes: FastifyPluginAsync<{ disks: DiskLookup }> = async (app, { disks }) => {
  app.get('/disks', async ({ query }) => paginate(disks.list(), query));

  app.post('/disks/accept', { bodyLimit: MAX_BODY_BYTES }, async ({ body }) => {
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
