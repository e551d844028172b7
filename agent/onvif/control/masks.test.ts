import { expect, test } from 'vitest';
import type { Quirks } from '../../../test/onvif-camera/quirks.ts';
import { openOnvifControl } from '../../../test/support/cameras/onvif-control.ts';

const UPPER_LEFT = [
  [0, 0],
  [0.5, 0],
  [0.5, 0.5],
  [0, 0.5],
] as const;
const TRIANGLE = [
  [0.25, 0.25],
  [0.75, 0.25],
  [0.5, 0.75],
] as const;

test('a mask is created, moved and removed; coordinates are shares of the picture from its upper left corner', async () => {
  const { camera, control } = await openOnvifControl({ masks: 'polygons' });
  expect(await control.masks()).toEqual({ maxMasks: 4, maxPoints: 8, isRectangleOnly: false, masks: [] });
  await control.setMask({ points: UPPER_LEFT });
  expect([...camera.state.masks]).toEqual([
    [
      'mask1',
      {
        points: [
          [-1, 1],
          [0, 1],
          [0, 0],
          [-1, 0],
        ],
        ...{ type: 'Color', isEnabled: true },
      },
    ],
  ]);
  expect((await control.masks())?.masks).toEqual([{ token: 'mask1', points: UPPER_LEFT, isEnabled: true }]);
  await control.setMask({ token: 'mask1', points: TRIANGLE });
  expect((await control.masks())?.masks).toEqual([{ token: 'mask1', points: TRIANGLE, isEnabled: true }]);
  const sent = camera.requests.find(({ operation }) => operation === 'SetMask')?.text ?? '';
  expect(sent).toContain('<tr2:Color X="16" Y="128" Z="128"/>');
  await control.removeMask('mask1');
  expect((await control.masks())?.masks).toEqual([]);
});

test('more masks or points than the camera takes, and unknown masks, are the error of the client', async () => {
  const { control } = await openOnvifControl({ masks: 'polygons' });
  for (let i = 0; i < 4; i += 1) {
    await control.setMask({ points: TRIANGLE });
  }
  const complaint = (code: string) => ({ code });
  await expect(control.setMask({ points: TRIANGLE })).rejects.toMatchObject(complaint('badInput'));
  const many = Array.from({ length: 9 }, (_, i) => [i / 10, i / 10] as const);
  await expect(control.setMask({ token: 'mask1', points: many })).rejects.toMatchObject(complaint('badInput'));
  await expect(control.removeMask('other')).rejects.toMatchObject(complaint('notFound'));
});

test('a camera that takes rectangles only gets no other polygon', async () => {
  const { camera, control } = await openOnvifControl({ masks: 'rectangles' });
  expect(await control.masks()).toMatchObject({ isRectangleOnly: true, maxPoints: 4 });
  await expect(control.setMask({ points: TRIANGLE })).rejects.toThrow('rectangles only');
  await control.setMask({ points: UPPER_LEFT });
  expect(camera.state.masks.size).toBe(1);
});

test.for<[string, Quirks]>([
  ['without masks', {}],
  ['with Media 1 only', { masks: 'polygons', media: '1' }],
])('a camera %s offers none', async ([, quirks]) => {
  const { control } = await openOnvifControl(quirks);
  expect(await control.masks()).toBeUndefined();
  await expect(control.setMask({ points: UPPER_LEFT })).rejects.toMatchObject({ context: { camera: 'notSupported' } });
});
