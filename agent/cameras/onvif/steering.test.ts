import { expect, test } from 'vitest';
import { steeringOf } from './steering.ts';

test('a camera that was paused while it moved is stopped once more without a rejection, but does not move', async () => {
  const steering = steeringOf({ control: () => undefined, isOff: (path) => path === 'gate' }, () => {});
  await expect(steering.stop('gate')).resolves.toBeUndefined();
  await expect(steering.move('gate', { pan: 1, tilt: 0, zoom: 0 })).rejects.toThrow('no camera with ONVIF');
  await expect(steering.stop('other')).rejects.toThrow('no camera with ONVIF');
});
