import { expect, test } from 'vitest';
import type { Quirks } from '../../test/onvif-camera/quirks.ts';
import { openOnvifControl } from '../../test/support/cameras/onvif-control.ts';
import { masksOf } from './masks.ts';

async function begin(quirks: Quirks) {
  const { control } = await openOnvifControl(quirks);
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
