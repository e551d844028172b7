import { expect, test } from 'vitest';
import type { Quirks } from '../../../test/onvif-camera/quirks.ts';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { openOnvifControl } from '../../../test/support/cameras/onvif-control.ts';
import { PerchError } from '../../base/errors.ts';
import type { ServiceName } from '../device/device-service.ts';
import type { OnvifSession } from '../device/onvif-session.ts';
import { type CameraProfile, readProfiles } from '../device/profiles.ts';
import { readReply, responseOf } from '../soap/reply.ts';
import { writeEnvelope } from '../soap/xml/envelope.ts';
import { readEncoderChoices } from './encoder-choices.ts';
import { readIrCutFilter } from './imaging.ts';
import { readMasks } from './masks.ts';
import { readOverlay } from './overlay.ts';
import { Ways } from './ways.ts';

const SQUARE = [
  [-1, 1],
  [0, 1],
  [0, 0],
  [-1, 0],
] as const;
const SIZES = [
  { width: 640, height: 360 },
  { width: 320, height: 180 },
];

test('encoder options: Media 2', async () => {
  const { control } = await openOnvifControl();
  const { encoder, choices } = await control.ownSettings();
  expect(encoder).toEqual({ codec: 'H264', width: 640, height: 360, fps: 15, bitrateKbps: 1000, groupFrames: 60 });
  const offered = {
    sizes: SIZES,
    fps: [5, 10, 15],
    bitrateKbps: { min: 32, max: 4096 },
    groupFrames: { min: 1, max: 400 },
  };
  expect(choices).toEqual([
    { codec: 'H264', ...offered },
    { codec: 'H265', ...offered },
  ]);
});

test.for<[string, Quirks]>([
  ['Media 1', { media: '1' }],
  ['Media 1, for Media 2 is broken', { media: '2 broken' }],
])('what the encoder offers: %s, with the present codec only', async ([, quirks]) => {
  const { control } = await openOnvifControl(quirks);
  const { choices } = await control.ownSettings();
  expect(choices).toEqual([
    {
      codec: 'H264',
      sizes: SIZES,
      fps: Array.from({ length: 15 }, (_, i) => i + 1),
      bitrateKbps: { min: 32, max: 4096 },
      groupFrames: { min: 1, max: 400 },
    },
  ]);
});

test.for<[string, Quirks]>([
  ['Media 2', {}],
  ['Media 1', { media: '1' }],
])('a size is changed, and the former configuration is restored as it was: %s', async ([, quirks]) => {
  const { camera, control } = await openOnvifControl(quirks);
  const before = { ...camera.state.profile('main') };
  const former = await control.formerEncoder();
  const change = await control.setEncoder({ width: 320, height: 180, bitrateKbps: 500 });
  expect(change).toMatchObject({ isDone: true, after: { width: 320, height: 180, bitrateKbps: 500, groupFrames: 60 } });
  await control.restoreEncoder(former);
  expect(camera.state.profile('main')).toEqual(before);
});

test('a codec is changed by Media 2 only', async () => {
  const { camera, control } = await openOnvifControl();
  expect(await control.setEncoder({ codec: 'H265' })).toMatchObject({ isDone: true, after: { codec: 'H265' } });
  const sent = camera.requests.find(({ operation }) => operation === 'SetVideoEncoderConfiguration')?.text ?? '';
  expect(sent).not.toContain('Profile="Main"');
  const old = await openOnvifControl({ media: '1' });
  await expect(old.control.setEncoder({ codec: 'H265' })).rejects.toThrow('by ONVIF Media 2 only');
});

const SET_BY_MEDIA = [
  'SetVideoEncoderConfiguration',
  'GetVideoEncoderConfigurations',
  'GetVideoEncoderConfigurationOptions',
  'GetOSDOptions',
  'GetOSDs',
  'CreateOSD',
  'SetOSD',
  'DeleteOSD',
  'SetSynchronizationPoint',
] as const;

test.for(
  SET_BY_MEDIA.flatMap((operation) =>
    (['ActionNotSupported', 'unknown words 400', 'unknown words 500', 404, 405] as const).map(
      (answer) => [operation, answer] as const,
    ),
  ),
)('%s that Media 2 of the camera answers with %s goes to Media 1 at once', async ([operation, answer]) => {
  const { camera, control } = await openOnvifControl({ lacks: [{ service: 'media2', operation, answer }] });
  const { choices, overlay } = await control.ownSettings();
  expect(choices[0]).toMatchObject({ codec: 'H264', sizes: SIZES });
  expect(overlay).toEqual({ text: '', showsTime: false });
  const former = await control.formerEncoder();
  const change = await control.setEncoder({ bitrateKbps: 500 });
  expect(change).toMatchObject({ isDone: true, after: { bitrateKbps: 500, groupFrames: 60 } });
  await control.restoreEncoder(former);
  expect(camera.state.profile('main')?.kbitPerSecond).toBe(1000);
  for (const text of ['Gate', 'Yard', '']) {
    await control.setOverlay({ text });
    expect((await control.ownSettings()).overlay.text).toBe(text);
  }
  await control.keyFrame();
  expect(camera.state.keyFrameRequests).toEqual(['main']);
});

test('the Media service that works is asked first from then on', async () => {
  const lacks = { service: 'media2', operation: 'SetVideoEncoderConfiguration', answer: 'ActionNotSupported' } as const;
  const { camera, control } = await openOnvifControl({ lacks: [lacks] });
  await control.setEncoder({ bitrateKbps: 500 });
  const before = camera.operations.length;
  await control.setEncoder({ bitrateKbps: 600 });
  const sent = camera.operations.slice(before).filter((one) => one === 'SetVideoEncoderConfiguration');
  expect(sent).toHaveLength(1);
});

test('Media 2 sets what Media 1 does not, also if Media 1 alone lists the profiles', async () => {
  const refused = { answer: 'ActionNotSupported' } as const;
  const { control } = await openOnvifControl({
    lacks: [
      { ...refused, service: 'media2', operation: 'GetProfiles' },
      { ...refused, service: 'media', operation: 'SetVideoEncoderConfiguration' },
      { ...refused, service: 'media', operation: 'CreateOSD' },
    ],
  });
  expect(await control.setEncoder({ bitrateKbps: 500 })).toMatchObject({ isDone: true });
  await control.setOverlay({ text: 'Gate' });
  expect((await control.ownSettings()).overlay.text).toBe('Gate');
});

test('masks are set by Media 2 while Media 1 lists the profiles', async () => {
  const lacks = { service: 'media2', operation: 'GetProfiles', answer: 'ActionNotSupported' } as const;
  const { control } = await openOnvifControl({ masks: 'polygons', lacks: [lacks] });
  const points = [
    [0, 0],
    [0.5, 0],
    [0.5, 0.5],
    [0, 0.5],
  ] as const;
  await control.setMask({ points });
  expect((await control.masks())?.masks).toMatchObject([{ points }]);
});

test('half a size is not asked of a camera', async () => {
  const { control } = await openOnvifControl();
  await expect(control.setEncoder({ width: 320 })).rejects.toThrow('a size is a width and a height');
});

test('a camera that takes only the filter itself gets only that, and at once from then on', async () => {
  const { camera, control } = await openOnvifControl({ refusesWholeImaging: true });
  camera.state.imaging.set('Brightness', '50');
  const sent = () => camera.operations.filter((operation) => operation === 'SetImagingSettings').length;
  await control.setIrCutFilter('OFF');
  expect(camera.state.imaging.get('IrCutFilter')).toBe('OFF');
  const before = sent();
  await control.setIrCutFilter('ON');
  expect(camera.state.imaging.get('IrCutFilter')).toBe('ON');
  expect(sent() - before).toBe(1);
});

test('the infrared filter', async () => {
  const { camera, control } = await openOnvifControl();
  expect((await control.ownSettings()).irCutFilter).toEqual({ now: 'AUTO', modes: ['ON', 'OFF', 'AUTO'] });
  camera.state.imaging.set('Brightness', '50');
  await control.setIrCutFilter('OFF');
  expect(Object.fromEntries(camera.state.imaging)).toEqual({ IrCutFilter: 'OFF', Brightness: '50' });
  const sent = camera.requests.find(({ operation }) => operation === 'SetImagingSettings')?.text ?? '';
  expect(sent).toContain('>50</tt:Brightness>');
});

test.for<[string, Quirks]>([
  ['Media 2', {}],
  ['Media 1', { media: '1' }],
])('a text and the time are drawn on the picture, changed and removed: %s', async ([, quirks]) => {
  const { camera, control } = await openOnvifControl(quirks);
  const overlay = async () => (await control.ownSettings()).overlay;
  expect(await overlay()).toEqual({ text: '', showsTime: false });
  await control.setOverlay({ text: 'Gate <1> & "ü"' });
  await control.setOverlay({ showsTime: true });
  expect(await overlay()).toEqual({ text: 'Gate <1> & "ü"', showsTime: true });
  expect([...camera.state.osds.values()].map(({ kind, position }) => [kind, position])).toEqual([
    ['Plain', 'UpperLeft'],
    ['DateAndTime', 'LowerLeft'],
  ]);
  await control.setOverlay({ text: 'Yard' });
  expect(camera.state.osds.size).toBe(2);
  expect((await overlay()).text).toBe('Yard');
  await control.setOverlay({ text: '', showsTime: false });
  expect(camera.state.osds.size).toBe(0);
});

test('a camera without texts offers none', async () => {
  const { control } = await openOnvifControl({ hasNoOsd: true });
  expect((await control.ownSettings()).overlay).toEqual({ text: undefined, showsTime: undefined });
  await expect(control.setOverlay({ text: 'Gate' })).rejects.toMatchObject({ context: { camera: 'notSupported' } });
});

test('damaged options are read as far as they go, or rejected as PerchError', async () => {
  const { camera } = await openOnvifControl({ masks: 'polygons' });
  camera.state.masks.set('m', { points: SQUARE, type: 'Color', isEnabled: true });
  const next = random(90);
  const replies = new Map<string, Buffer>();
  let isDamaged = false;
  const call = async (service: ServiceName, body: string, response: string) => {
    const url = `http://127.0.0.1:${camera.port}/onvif/${service}_service`;
    const headers = { connection: 'close' };
    const tell = async () =>
      Buffer.from(
        await (await fetch(url, { method: 'POST', headers, body: writeEnvelope('1.2', '', body) })).arrayBuffer(),
      );
    const whole = replies.get(body) ?? (await tell());
    replies.set(body, whole);
    const bytes = isDamaged ? Buffer.from(mutate(whole, next)) : whole;
    const reply = readReply({ status: 200, headers: {}, body: bytes, isTrusted: undefined });
    return responseOf(reply, { camera: 'c', path: '/', response }, true);
  };
  const session = { host: 'cam', has: () => true, call } as unknown as OnvifSession;
  for (const service of ['media', 'media2'] as const) {
    const body =
      service === 'media' ? '<trt:GetProfiles/>' : '<tr2:GetProfiles><tr2:Type>All</tr2:Type></tr2:GetProfiles>';
    const [profile] = readProfiles(await call(service, body, 'GetProfilesResponse'), service);
    if (!profile) {
      throw new Error('no profile');
    }
    isDamaged = true;
    let read = 0;
    for (let i = 0; i < 200; i += 1) {
      const byWays =
        (reader: typeof readEncoderChoices | typeof readOverlay) => (one: OnvifSession, own: CameraProfile) =>
          reader(one, new Ways(), own);
      for (const reader of [byWays(readEncoderChoices), readIrCutFilter, byWays(readOverlay), readMasks]) {
        await reader(session, profile).then(
          (value) => {
            read += value === undefined ? 0 : 1;
            expect(JSON.stringify(value) ?? '').not.toMatch(/null|NaN/);
          },
          (error: unknown) => expect(error).toBeInstanceOf(PerchError),
        );
      }
    }
    expect(read).toBeGreaterThan(100);
    isDamaged = false;
  }
});
