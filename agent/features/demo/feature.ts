import { join } from 'node:path';
import { DEMO_PATH } from '../../config/values/path-name.ts';
import type { Feature } from '../contract.ts';
import { type Demo, isOfDemo, startDemo, wantsDemo } from './demo.ts';
import { DemoRecordings } from './demo-recordings.ts';

/** The demo camera, as long as no camera is configured. */
export const demo: Feature = {
  name: 'demo',
  pathText: (config, path) =>
    isOfDemo(config, path) ? 'of the demo camera, which exists until a camera is configured' : undefined,
  open(host) {
    const { recordings } = host;
    const left = new DemoRecordings({
      ...host,
      file: join(host.dataDir, 'demo-recordings.json'),
      remove: (isMeant) => recordings.space.deletePath(DEMO_PATH, isMeant),
      removeEvents: (fromUs, untilUs) => recordings.events.deleteWithin(DEMO_PATH, fromUs, untilUs),
      isOpen: (file) => recordings.isOpen(file),
    });
    let shown: Demo | undefined;
    /** No longer shown, and closed after its paths, which would otherwise report a missing camera. */
    let idle: Demo[] = [];
    return {
      configure: (config) => {
        if (wantsDemo(config)) {
          shown ??= startDemo(host, host.applyAgain);
        } else {
          idle = shown ? [...idle, shown] : idle;
          shown = undefined;
        }
      },
      withPaths: (config) => (shown && wantsDemo(config) ? { ...config, paths: shown.paths(config) } : config),
      applied: async () => {
        const closed = idle.map((one) => one.close());
        idle = [];
        await Promise.all(closed);
        left.follow(shown !== undefined);
      },
      segmentHooks: () => (shown ? left : undefined),
      pathsClosed: async () => {
        await Promise.all([shown, ...idle].map((one) => one?.close()));
        await left.close();
      },
    };
  },
};
