import { resolvePath } from '../../config/load/load.ts';
import { pathSettingsIn } from '../../config/schema/feature-keys.ts';
import type { Feature } from '../contract.ts';
import { MOTION } from './keys.ts';
import { motionRoutes } from './routes.ts';
import { StreamMotion } from './stream-motion.ts';

export const motion: Feature = {
  name: 'motion',
  keys: MOTION,
  open(host) {
    const streams = new StreamMotion(host);
    return {
      routes: [{ listener: 'api', mount: async (app) => motionRoutes(app, streams) }],
      problems: () => streams.problems(),
      applied: () => streams.apply(),
      streamOpened: () => streams.apply(),
      replacesEvents: (path, kind) => {
        const settings = kind === 'motion' ? resolvePath(host.config(), path)?.settings : undefined;
        return settings !== undefined && pathSettingsIn(settings, MOTION).motionSource === 'stream';
      },
      pathsClosed: async () => streams.close(),
    };
  },
};
