// @also without-ffi in long

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { A_LAW } from '../../../agent/media/g711/decode.ts';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { startAgent, until } from '../../peers/agent/agent.ts';
import { startViewer } from '../../peers/browser/browser.ts';
import { send } from '../../peers/browser/webrtc-publisher.ts';
import { watch } from '../../peers/browser/webrtc-viewer.ts';
import { startGstCamera } from '../../peers/cameras/camera.ts';
import { byLength, describeWith } from '../../peers/programs/peers.ts';

const SECONDS = byLength(3, 30);
const RATE_HZ = 8_000;
const VIDEO =
  '( videotestsrc is-live=1 ! video/x-raw,width=320,height=240,framerate=10/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=20 ! rtph264pay name=pay0 pt=96 )';

describeWith(['chromium', 'gstreamer'], 'Chromium talks through a camera', () => {
  test('while the camera plays; one viewer at a time; and with a message if it has no loudspeaker', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'perch-talk-'));
    const heard = join(folder, 'heard.alaw');
    await using camera = await startGstCamera({ '/gate': VIDEO }, { backChannel: heard });
    await using deaf = await startGstCamera({ '/hall': VIDEO });
    await using agent = await startAgent({
      config: `api: yes\npaths:\n  gate: { source: '${camera.url('/gate')}' }\n  hall: { source: '${deaf.url('/hall')}' }\n`,
    });
    await using viewer = await startViewer();
    const path = (name: string) => agent.json<PathStatus>(`/v3/paths/get/${name}`);
    await until(async () => ((await path('gate')).ready && (await path('hall')).ready) || undefined);
    const url = (name: string, purpose: string) => `http://127.0.0.1:${agent.ports.webrtc}/${name}/${purpose}`;
    const page = await viewer.open(`${agent.url}/health`);

    const watching = await watch(page, { url: url('gate', 'whep'), media: ['video'] });
    const talking = await send(page, { url: url('gate', 'talk'), audio: 'any', trickles: true });
    expect(await talking.report()).toMatchObject({ status: 201, error: '' });
    const second = await (await send(page, { url: url('gate', 'talk'), audio: 'any' })).report();
    expect(second.status).toBe(400);
    expect(second.error).toMatch(/talk/);
    await until(() => readFileSync(heard).length >= SECONDS * RATE_HZ || undefined);
    // The fake microphone beeps; silence repeats one code.
    const loud = readFileSync(heard).filter((code) => Math.abs(A_LAW[code] ?? 0) > 2_000);
    expect(loud.length).toBeGreaterThan((SECONDS * RATE_HZ) / 100);
    expect((await path('gate')).talk).toBe('yes');
    // The picture is unaffected.
    const before = await watching.report();
    await watching.shown(before.pictures + 10);
    expect(await talking.close()).toBe(200);

    const again = await until(async () => {
      const next = await send(page, { url: url('gate', 'talk'), audio: 'any' });
      return (await next.report()).status === 201 ? next : undefined;
    });
    const size = readFileSync(heard).length;
    await until(() => readFileSync(heard).length > size + RATE_HZ / 2 || undefined);
    await again.close();

    const refused = await (await send(page, { url: url('hall', 'talk'), audio: 'any' })).report();
    expect(refused.status).toBe(400);
    expect(refused.error).toMatch(/back channel|loudspeaker|talked to/);
    await page.close();
    rmSync(folder, { recursive: true });
  });

  test.for(['G726-32', 'AAL2-G726-24', 'MPEG4-GENERIC', 'MP4A-LATM'])(
    'and is heard by a loudspeaker that takes %s',
    async (backEncoding) => {
      const folder = mkdtempSync(join(tmpdir(), 'perch-talk-'));
      const heard = join(folder, 'heard.alaw');
      await using camera = await startGstCamera({ '/gate': VIDEO }, { backChannel: heard, backEncoding });
      await using agent = await startAgent({
        config: `api: yes\npaths:\n  gate: { source: '${camera.url('/gate')}' }\n`,
      });
      await using viewer = await startViewer();
      await until(async () => (await agent.json<PathStatus>('/v3/paths/get/gate')).ready || undefined);
      const page = await viewer.open(`${agent.url}/health`);
      const url = `http://127.0.0.1:${agent.ports.webrtc}/gate/talk`;
      const talking = await send(page, { url, audio: 'any', trickles: true });
      expect(await talking.report()).toMatchObject({ status: 201, error: '' });
      await until(() => readFileSync(heard).length >= 3 * RATE_HZ || undefined);
      expect(await talking.close()).toBe(200);
      const levels = readFileSync(heard).map((code) => Math.abs(A_LAW[code] ?? 0) >> 8);
      // The fake microphone beeps once a second for a fifth of it, at full loudness: noise is neither loud nor silent.
      const loud = levels.filter((level) => level > 16).length / levels.length;
      const silent = levels.filter((level) => level < 2).length / levels.length;
      expect(loud).toBeGreaterThan(0.01);
      expect(silent).toBeGreaterThan(0.5);
      await page.close();
      rmSync(folder, { recursive: true });
    },
  );
});
