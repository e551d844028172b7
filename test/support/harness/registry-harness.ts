import type { TestContext } from 'vitest';
import { systemClock } from '../../../agent/base/clock.ts';
import { silentLogger } from '../../../agent/base/log.ts';
import {
  type Finding,
  FoundCameras,
  type FoundCamerasOptions,
  type KnownCamera,
} from '../../../agent/onvif/discovery/found-cameras.ts';
import { type OnvifCameraOptions, startOnvifCamera } from '../../onvif-camera/camera.ts';

interface Told {
  readonly camera: KnownCamera;
  readonly finding: Finding;
}

/** A registry that looks at loopback; `untilTold` waits for the first finding that is like this. */
export function openRegistry({ onTestFinished }: TestContext, port: number, more: Partial<FoundCamerasOptions> = {}) {
  const found = new FoundCameras({
    clock: systemClock,
    log: silentLogger,
    includeLoopback: true,
    only: ['lo'],
    port,
    ...more,
  });
  const told: Told[] = [];
  const wakes = new Set<() => void>();
  found.onFound((camera, finding) => {
    told.push({ camera, finding });
    for (const wake of wakes) {
      wake();
    }
  });
  onTestFinished(() => found.close());
  const untilTold = async (isIt: (told: Told) => boolean): Promise<Told> => {
    for (;;) {
      const it = told.find(isIt);
      if (it) {
        return it;
      }
      await new Promise<void>((resolve) => {
        wakes.add(resolve);
      });
    }
  };
  return { found, told, untilTold };
}

export async function openCamera({ onTestFinished }: TestContext, options: OnvifCameraOptions) {
  const camera = await startOnvifCamera(options);
  onTestFinished(() => camera[Symbol.asyncDispose]());
  return camera;
}
