import { expect, test } from 'vitest';
import { startOnvifCamera } from '../../test/onvif-camera/camera.ts';
import { KEYS } from '../../test/support/harness/loaded-config.ts';
import { parseConfig } from '../config/load/load.ts';
import { CameraSnapshots } from './snapshots.ts';

const never = new AbortController().signal;
const credentials = { user: 'me', password: 'hunter2' };
const OTHER = 'urn:uuid:5d5d5d5d-0000-4000-8000-000000000001';

test('a different camera at a known address gets no login for a snapshot', async () => {
  await using camera = await startOnvifCamera({ credentials, quirks: { servicesWantLogin: true } });
  const block = { ...credentials, onvif: camera.url, endpoint: camera.endpoint };
  const text = JSON.stringify({ paths: { cam: { source: camera.rtspUrl(), camera: block } } });
  const { config } = parseConfig(text, 'perch.yml', {}, { recordPath: '/data/%path/%s%f', cwd: '/', keys: KEYS });
  const stills = new CameraSnapshots(() => config ?? expect.fail('no configuration'));
  const fetch = () => stills.sourceOf('cam')?.fetch(never);
  expect((await fetch())?.length).toBeGreaterThan(0);
  await camera.stop();
  await expect(fetch()).rejects.toMatchObject({ name: 'PerchError' });
  camera.state.quirks.servicesWantLogin = false;
  camera.state.identity = { ...camera.state.identity, endpoint: OTHER };
  await camera.start();
  const before = camera.requests.length;
  await expect(fetch()).rejects.toThrow('another camera is at its address now');
  const shown = camera.requests.slice(before).filter(({ hasToken, authorization }) => hasToken || authorization);
  expect(shown).toEqual([]);
});
