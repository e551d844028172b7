import { join } from 'node:path';
import { resolvePath } from '../../config/load/load.ts';
import { pathSettingsIn } from '../../config/schema/feature-keys.ts';
import { loadLate } from '../../protocols/late.ts';
import type { Feature } from '../contract.ts';
import { MOTION } from './keys.ts';
import type { MotionMoments } from './moments/motion-moments.ts';
import { motionRoutes } from './routes.ts';
import { StreamMotion } from './stream-motion.ts';

export const motion: Feature = {
  name: 'motion',
  keys: MOTION,
  open(host) {
    let opened: Promise<MotionMoments> | undefined;
    const moments = (): Promise<MotionMoments> => {
      opened ??= loadLate('search for motion', async () => {
        const { MotionMoments } = await import('./moments/motion-moments.ts');
        return new MotionMoments(host, join(host.dataDir, 'motion.db'), streams.rulesOf);
      });
      opened.catch(() => {
        // The next search, or the next stream, tries again.
        opened = undefined;
      });
      return opened;
    };
    const streams = new StreamMotion(host, moments);
    return {
      routes: [{ listener: 'api', mount: async (app, access) => motionRoutes(app, { streams, moments, access }) }],
      problems: () => streams.problems(),
      applied: () => streams.apply(),
      streamOpened: () => streams.apply(),
      movement: (path) => streams.movement(path),
      zones: (path) => streams.zones(path),
      zonesAt: (path, x, y) => streams.zonesAt(path, x, y),
      replacesEvents: (path, kind) => {
        const settings = kind === 'motion' ? resolvePath(host.config(), path)?.settings : undefined;
        return settings !== undefined && pathSettingsIn(settings, MOTION).motionSource === 'stream';
      },
      pathsClosed: async () => {
        streams.close();
        await (await opened?.catch(() => undefined))?.close();
      },
    };
  },
};
