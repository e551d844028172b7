import { expect, onTestFinished, test } from 'vitest';
import { startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import type { Quirks } from '../../../test/onvif-camera/quirks.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { OnvifControl } from '../../onvif/control/onvif-control.ts';
import { openSession } from '../../onvif/device/onvif-session.ts';
import { LoginMemory } from '../../onvif/soap/login/login-memory.ts';
import { masksOf } from './masks.ts';

async function begin(quirks: Quirks) {
  const camera = await startOnvifCamera({ quirks });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const logins = new LoginMemory(systemClock);
  const { signal } = new AbortController();
  const open = () => openSession({ url: camera.url, signal, logins, callDeadlineMs: 1_500 });
  const control = new OnvifControl({ open, profile: 'main', clock: systemClock, log: silentLogger });
  onTestFinished(() => control.close());
  return masksOf({ control: (path) => (path === 'hall' ? control : undefined) });
}

test('a change answers with the masks as the camera then has them', async () => {
  const masks = await begin({ masks: 'polygons' });
  const points = [
    [0, 0],
    [0.5, 0],
    [0, 0.5],
  ];
  const options = { maxMasks: 4, maxPoints: 8, rectangleOnly: false };
  expect(await masks.set('hall', { points })).toEqual({
    ...options,
    masks: [{ token: 'mask1', points, enabled: true }],
  });
  expect(await masks.get('hall')).toMatchObject({ masks: [{ token: 'mask1' }] });
  expect(await masks.remove('hall', 'mask1')).toEqual({ ...options, masks: [] });
});

test('a camera without masks takes none; a change of them is unsupported', async () => {
  const masks = await begin({});
  expect(await masks.get('hall')).toEqual({ maxMasks: 0, maxPoints: 0, rectangleOnly: false, masks: [] });
  const points = [
    [0, 0],
    [0.5, 0],
    [0, 0.5],
  ];
  await expect(masks.set('hall', { points })).rejects.toMatchObject({ code: 'unsupported' });
  await expect(masks.remove('hall', 'mask1')).rejects.toMatchObject({ code: 'unsupported' });
});

test('a path without a camera is not found', async () => {
  await expect((await begin({})).get('yard')).rejects.toMatchObject({ code: 'notFound' });
});
