import { setTimeout as delay } from 'node:timers/promises';
import type { TestContext } from 'vitest';
import { type Clock, systemClock } from '../../../agent/base/clock.ts';
import { silentLogger } from '../../../agent/base/log.ts';
import {
  type Finding,
  FoundCameras,
  type FoundCamerasOptions,
  type KnownCamera,
} from '../../../agent/onvif/discovery/found-cameras.ts';
import { type OnvifCameraOptions, startOnvifCamera } from '../../onvif-camera/camera.ts';

const TURN_MS = 20;

/**
 * The system's clock, but `sleep` counts 20 ms for each turn of the event loop, however long that took: on a busy machine peers in this
 * process get as many turns to answer as on an idle one.
 */
const unhurriedClock: Clock = {
  ...systemClock,
  sleep: async (ms, signal) => {
    for (let leftMs = ms; leftMs > 0 && !signal.aborted; leftMs -= TURN_MS) {
      await delay(Math.min(TURN_MS, leftMs), undefined, { signal }).catch(() => {});
    }
  },
};

interface Found {
  readonly camera: KnownCamera;
  readonly finding: Finding;
}

/** A registry that scans loopback; `untilFound` waits for the first matching finding. */
export function openRegistry({ onTestFinished }: TestContext, port: number, more: Partial<FoundCamerasOptions> = {}) {
  const found = new FoundCameras({
    clock: unhurriedClock,
    log: silentLogger,
    includeLoopback: true,
    only: ['lo'],
    port,
    ...more,
  });
  const findings: Found[] = [];
  const wakes = new Set<() => void>();
  found.onFound((camera, finding) => {
    findings.push({ camera, finding });
    for (const wake of wakes) {
      wake();
    }
  });
  onTestFinished(() => found.close());
  const untilFound = async (isIt: (finding: Found) => boolean): Promise<Found> => {
    for (;;) {
      const it = findings.find(isIt);
      if (it) {
        return it;
      }
      await new Promise<void>((resolve) => {
        wakes.add(resolve);
      });
    }
  };
  return { found, findings, untilFound };
}

export async function openCamera({ onTestFinished }: TestContext, options: OnvifCameraOptions) {
  const camera = await startOnvifCamera(options);
  onTestFinished(() => camera[Symbol.asyncDispose]());
  return camera;
}
