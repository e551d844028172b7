import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { random } from '../../../../test/support/base/random.ts';
import { PerchError } from '../../../base/errors.ts';
import { PositionWatch } from './position-watch.ts';

type Read = Awaited<ReturnType<ConstructorParameters<typeof PositionWatch>[0]['read']>>;

function begin() {
  const clock = new FakeClock();
  const camera = { at: { pan: 0, tilt: 0, zoom: 0 } as Read | PerchError, asked: 0 };
  const watch = new PositionWatch({
    clock,
    read: async () => {
      camera.asked += 1;
      if (camera.at instanceof PerchError) {
        throw camera.at;
      }
      return camera.at;
    },
  });
  return { clock, camera, watch };
}

test('a camera that has rested twice in the same place was moved if it is elsewhere then, and each time again', async () => {
  const { camera, watch } = begin();
  expect([await watch.look(), await watch.look()]).toEqual([false, false]);
  camera.at = { pan: 0.1, tilt: 0, zoom: 0 };
  expect(await watch.look()).toBe(true);
  expect(await watch.look()).toBe(false);
  camera.at = { pan: 0.1, tilt: 0, zoom: 0.3 };
  expect(await watch.look()).toBe(true);
  watch.reset(10_000);
  camera.at = { pan: -1, tilt: 0, zoom: 0 };
  expect([await watch.look(), await watch.look()]).toEqual([false, false]);
  // The other end of a full circle is where it was.
  camera.at = { pan: 0.995, tilt: 0, zoom: 0 };
  expect(await watch.look()).toBe(false);
});

test('what was read while Perch has turned the camera says nothing', async () => {
  const { camera, watch } = begin();
  await watch.look();
  await watch.look();
  camera.at = { pan: 0.5, tilt: 0, zoom: 0 };
  const looking = watch.look();
  watch.reset(10_000);
  expect(await looking).toBe(false);
});

test('a camera that does not answer is asked every five minutes', async () => {
  const { clock, camera, watch } = begin();
  camera.at = new PerchError('unavailable', 'the camera does not answer');
  for (let second = 0; second < 1_200; second += 1) {
    await clock.advance(1_000);
    if (watch.isDue) {
      expect(await watch.look()).toBe(false);
    }
  }
  expect(camera.asked).toBe(4);
});

test('numbers of any size and axes that come and go end nothing', async () => {
  const { camera, watch } = begin();
  const draw = random(3);
  const values = [undefined, 0, 1, -1, 1e300, Number.NaN, Number.POSITIVE_INFINITY, 0.5];
  const any = () => values[Math.floor(draw() * values.length)] as number;
  for (let i = 0; i < 2_000; i += 1) {
    camera.at = draw() < 0.1 ? undefined : { pan: any(), tilt: any(), zoom: any() };
    expect(typeof (await watch.look())).toBe('boolean');
    expect(watch.isDue).toBe(false);
  }
});
