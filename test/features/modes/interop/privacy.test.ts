import { once } from 'node:events';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PathStatus } from '../../../../agent/paths/path-status.ts';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { playClip, smallClip, startGstCamera } from '../../../peers/cameras/camera.ts';
import { startPublisher } from '../../../peers/clients/publisher.ts';
import { ffmpegWarnings } from '../../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { pull } from '../../../support/clients/rtsp-pull.ts';

/** Limit for the end of all streams of a private camera. */
const PRIVATE_MS = 1_000;

const config = (url: string): string => `
paths:
  hall:
    source: ${url}
    record: yes
    modes: {away: {privacy: yes}}
  pub:
    modes: {away: {privacy: yes}}
`;

const pathWhen = (agent: Agent, name: string, is: (path: PathStatus) => boolean): Promise<PathStatus> =>
  until(async () => {
    const path = await agent.json<PathStatus>(`/v3/paths/get/${name}`);
    return is(path) ? path : undefined;
  });

async function setMode(agent: Agent, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${agent.url}/v3/mode`, { method: 'POST', body: JSON.stringify(body) });
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

/** Each client of the camera, and when its stream ended. */
async function watchAll(agent: Agent, path: string) {
  const rtsp = await pull(agent.rtspUrl(path));
  rtsp.resume();
  const socket = new WebSocket(`ws://127.0.0.1:${agent.port}/hls/${path}/mse`);
  const live = await fetch(`${agent.url}/hls/${path}/live.mp4`);
  await until(async () => (await fetch(`${agent.url}/hls/${path}/index.m3u8`)).ok || undefined);
  await once(socket, 'message');
  return Promise.all([
    once(rtsp, 'close'),
    once(socket, 'close'),
    live.body?.pipeTo(new WritableStream()).catch(() => {}),
  ]);
}

describeWith(['ffmpeg', 'gstreamer'], 'a private mode', () => {
  test('ends every stream, recording and publisher within a second, and rejects others until it ends', async () => {
    await using camera = await startGstCamera({ '/main': playClip(await smallClip(120)) });
    await using agent = await startAgent({ config: config(camera.url('/main')) });
    await using _publisher = await startPublisher(agent.rtspUrl('pub'));
    await pathWhen(agent, 'hall', ({ recording }) => recording?.active === true);
    await pathWhen(agent, 'pub', ({ ready }) => ready);
    const ended = await Promise.all(['hall', 'pub'].map(async (name) => ({ all: watchAll(agent, name) })));
    // All of them play.
    await until(async () => {
      const paths = await Promise.all(['hall', 'pub'].map((name) => agent.json<PathStatus>(`/v3/paths/get/${name}`)));
      return paths.every(({ readers }) => readers.length >= 4) || undefined;
    });
    const beganMs = performance.now();
    expect(await setMode(agent, { mode: 'away' })).toMatchObject({ mode: 'away', by: 'user' });
    await Promise.all(ended.map(({ all }) => all));
    expect(performance.now() - beganMs).toBeLessThan(PRIVATE_MS);
    for (const name of ['hall', 'pub']) {
      const status = await agent.json<PathStatus>(`/v3/paths/get/${name}`);
      expect(status).toMatchObject({ ready: false, privacy: true, source: null, readers: [] });
      await expect(pull(agent.rtspUrl(name))).rejects.toThrow('404');
      for (const url of [`hls/${name}/index.m3u8`, `hls/${name}/live.mp4`]) {
        expect((await fetch(`${agent.url}/${url}`)).status).toBe(404);
      }
      const offer = { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: 'v=0\r\n' };
      expect((await fetch(`${agent.url}/webrtc/${name}/whep`, offer)).ok).toBe(false);
    }
    const files = globSync(join(agent.dataDir, 'recordings/hall/*.mp4'));
    expect(files).toHaveLength(1);
    expect(await ffmpegWarnings(['-i', files[0] ?? ''])).toBe('');
    await setMode(agent, { mode: 'home' });
    await pathWhen(agent, 'hall', ({ ready, recording }) => ready && recording?.active === true);
  });

  test('a mode without audio neither sends nor records the audio of a publisher', async () => {
    await using agent = await startAgent({ config: 'paths: {pub: {modes: {night: {audio: no}}}}' });
    await using _first = await startPublisher(agent.rtspUrl('pub'));
    expect((await pathWhen(agent, 'pub', ({ ready }) => ready)).tracks).toEqual(['H264', 'MPEG-4 Audio']);
    await setMode(agent, { mode: 'night' });
    await using _second = await startPublisher(agent.rtspUrl('pub'));
    expect((await pathWhen(agent, 'pub', ({ ready }) => ready)).tracks).toEqual(['H264']);
  });

  test('the mode outlives a power cut', async () => {
    await using camera = await startGstCamera({ '/main': playClip(await smallClip(120)) });
    await using first = await startAgent({ config: config(camera.url('/main')) });
    await setMode(first, { mode: 'away', hold: true });
    await first.process.stop('SIGKILL');
    const { dataDir } = first;
    await using second = await startAgent({ config: config(camera.url('/main')), dataDir });
    expect(await second.json('/v3/mode')).toMatchObject({ mode: 'away', hold: true });
    expect(await second.json('/v3/paths/get/hall')).toMatchObject({ privacy: true, ready: false });
  });
});
