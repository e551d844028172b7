import { expect, test } from 'vitest';
import type { Quirks } from '../../../test/onvif-camera/quirks.ts';
import { openOnvifControl } from '../../../test/support/cameras/onvif-control.ts';
import type { OnvifControl } from '../../onvif/control/onvif-control.ts';
import { masksOf, steeringOf } from './steering.ts';

test('a camera that was paused while it moved is stopped once more without a rejection, but does not move', async () => {
  const steering = steeringOf(
    { control: () => undefined, withEvenIfOff: () => undefined, isOff: (path) => path === 'gate' },
    () => {},
  );
  await expect(steering.stop('gate')).resolves.toBeUndefined();
  await expect(steering.move('gate', { pan: 1, tilt: 0, zoom: 0 })).rejects.toThrow('no camera with ONVIF');
  await expect(steering.stop('other')).rejects.toThrow('no camera with ONVIF');
});

test('listeners learn of a move by a person before the camera does, and of none by the box', async () => {
  const done: string[] = [];
  const ptz = {
    move: async () => void done.push('move'),
    goToPreset: async () => void done.push('preset'),
    presets: async () => [],
  };
  const outputs = { set: async () => void done.push('switch') };
  const control = { ptz, outputs } as unknown as OnvifControl;
  const steering = steeringOf(
    {
      control: (path) => (path === 'yard' ? control : undefined),
      withEvenIfOff: (_, work) => work(control),
      isOff: () => false,
    },
    () => {},
  );
  const end = steering.steered((path) => done.push(`listener ${path}`));
  await steering.goToPreset('yard', '1');
  await steering.asPerson.setOutput('yard', 'relay-1', true);
  await steering.asPerson.presets('yard');
  await steering.asPerson.move('yard', { pan: 1 });
  await expect(steering.asPerson.move('elsewhere', { pan: 1 })).rejects.toThrow('no camera with ONVIF');
  expect(done).toEqual(['preset', 'switch', 'listener yard', 'move']);
  end();
  await steering.asPerson.goToPreset('yard', '1');
  expect(done.at(-1)).toBe('preset');
  const switched: unknown[] = [];
  const stop = steering.switched((...what) => switched.push(what));
  await steering.setOutput('yard', 'relay-1', true);
  await steering.asPerson.setOutput('yard', 'relay-1', false);
  stop();
  await steering.asPerson.setOutput('yard', 'relay-1', true);
  expect(switched).toEqual([['yard', 'relay-1', false]]);
});

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
