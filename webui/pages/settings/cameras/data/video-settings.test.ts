import { expect, test } from 'vitest';
import type { CameraSettings } from '../../../../api-client/api-types.ts';
import { changeOf, stepsOf, valuesOf } from './video-settings.ts';

const OFFER = {
  sizes: [
    { width: 1920, height: 1080 },
    { width: 640, height: 360 },
  ],
  ...{ fps: [5, 15, 25], bitrateKbps: { min: 256, max: 1024 }, groupFrames: { min: 1, max: 60 } },
};
const VIDEO: CameraSettings = {
  encoder: { codec: 'H264', width: 640, height: 360, fps: 15, bitrateKbps: 700, groupFrames: 30 },
  choices: [
    { codec: 'H264', ...OFFER },
    { codec: 'H265', ...OFFER, sizes: OFFER.sizes.slice(1) },
    { codec: 'JPEG', ...OFFER },
  ],
  ...{ irCutFilter: null, text: null, showsTime: null },
};

test('the form has what the camera states, and offers what it lets be set', () => {
  const values = valuesOf(VIDEO);
  expect(values).toMatchObject({ codec: 'H264', size: '640x360', fps: 15, bitrateKbps: 700, keySeconds: 2 });
  expect(stepsOf(VIDEO, values)).toEqual({
    codecs: ['H264', 'H265'],
    sizes: ['640x360', '1920x1080'],
    fps: [5, 15, 25],
    bitratesKbps: [256, 384, 512, 768, 1024],
    keySeconds: [1, 2, 3, 4],
  });
});

test('each codec has its own offer; a single value is no choice', () => {
  expect(stepsOf(VIDEO, { ...valuesOf(VIDEO), codec: 'H265' }).sizes).toEqual([]);
});

test('each step of the bit rate is another text', () => {
  const at1000 = { ...VIDEO, encoder: { ...VIDEO.encoder, bitrateKbps: 1000 } };
  expect(stepsOf(at1000, valuesOf(at1000)).bitratesKbps).toEqual([256, 384, 512, 768]);
});

test('a camera that offers nothing shows nothing', () => {
  const none = { ...VIDEO, choices: [] };
  expect(stepsOf(none, valuesOf(none))).toEqual({ codecs: [], sizes: [], fps: [], bitratesKbps: [], keySeconds: [] });
});

test('only changes are sent; key frames keep their distance in time', () => {
  const values = valuesOf(VIDEO);
  expect(changeOf({ size: '1920x1080' }, values)).toEqual({ width: 1920, height: 1080 });
  expect(changeOf({ fps: 25 }, { ...values, fps: 25 })).toEqual({ fps: 25, groupFrames: 50 });
  expect(changeOf({ keySeconds: 4 }, { ...values, keySeconds: 4 })).toEqual({ groupFrames: 60 });
  expect(changeOf({ text: '', showsTime: true }, values)).toEqual({ text: '', showsTime: true });
});
