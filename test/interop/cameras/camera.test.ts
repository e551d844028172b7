import { globSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { playClip, smallClip, startGstCamera } from '../../peers/cameras/camera.ts';
import { ffmpegWarnings, ffprobe } from '../../peers/programs/ffmpeg.ts';
import { byLength, describeWith, inShort } from '../../peers/programs/peers.ts';
import { freePort } from '../../support/base/free-port.ts';

const SECONDS = byLength(3, 60);

const pathWhen = (agent: Agent, name: string, is: (path: PathStatus) => boolean): Promise<PathStatus> =>
  until(async () => {
    const path = await agent.json<PathStatus>(`/v3/paths/get/${name}`);
    return is(path) ? path : undefined;
  });

/** The name in the API, the recorded codec, and GStreamer's elements that make it. */
const SOUNDS = [
  ['G711', 'flac', 'rate=8000,channels=1 ! alawenc ! rtppcmapay pt=8'],
  ['Opus', 'opus', 'rate=48000,channels=1 ! opusenc ! rtpopuspay pt=97'],
] as const;

const config = (url: string): string => `
readTimeout: 3s
playback: yes
api: yes
paths:
  garden:
    source: ${url}
    record: yes
`;

describeWith(['ffmpeg', 'gstreamer'], "GStreamer's RTSP server as the camera", () => {
  test('logs a wrong password with the camera and the remedy, and without any password', async () => {
    await using camera = await startGstCamera({ '/main': playClip(await smallClip(120)) }, { digest: 'admin:right' });
    const url = camera.url('/main').replace('://', '://admin:wrong-one@');
    await using agent = await startAgent({ config: config(url) });
    const path = await pathWhen(agent, 'garden', ({ lastError }) => lastError !== null);
    expect(path.lastError).toMatch(/garden/);
    expect(path.lastError).toMatch(/password/);
    expect(path).toMatchObject({ ready: false, sourceState: 'waiting', lastErrorTime: expect.any(String) });
    await agent.process.stop('SIGINT');
    expect(agent.process.output()).toMatch(/\[garden\].*password/);
    expect(agent.process.output()).not.toContain('wrong-one');
  });

  test('a camera that disappears and returns is pulled again, and its recordings from before and after are kept', async () => {
    const port = await freePort();
    const mounts = { '/main': playClip(await smallClip(120)) };
    const first = await startGstCamera(mounts, { port });
    await using agent = await startAgent({ config: config(first.url('/main')) });
    await pathWhen(agent, 'garden', ({ ready, bytesReceived }) => ready && bytesReceived > 100_000);
    await first[Symbol.asyncDispose]();
    const gone = await pathWhen(agent, 'garden', ({ ready }) => !ready);
    expect(gone.readyTime).toBeNull();
    const why = await pathWhen(agent, 'garden', ({ lastError }) => lastError !== null);
    expect(why.lastError).toMatch(/camera|connection/);
    await using second = await startGstCamera(mounts, { port });
    expect(second.port).toBe(port);
    await pathWhen(agent, 'garden', ({ ready, bytesReceived }) => ready && bytesReceived > 100_000);
    await agent.process.stop('SIGINT');
    const files = globSync(join(agent.dataDir, 'recordings/garden/*.mp4'));
    expect(files).toHaveLength(2);
    for (const file of files) {
      expect(await ffmpegWarnings(['-i', file])).toBe('');
    }
  });

  test.for(inShort(SOUNDS, 'G711'))('H.265 with %s reaches HLS and recordings', async ([codec, stored, coder]) => {
    const x265 =
      '( videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=15/1 ! x265enc tune=zerolatency speed-preset=ultrafast key-int-max=15 ! rtph265pay name=pay0 pt=96 config-interval=1';
    await using camera = await startGstCamera({
      '/main': `${x265}  audiotestsrc is-live=true ! audio/x-raw,${coder} name=pay1 )`,
    });
    await using agent = await startAgent({ config: config(camera.url('/main')) });
    const path = await pathWhen(agent, 'garden', ({ ready }) => ready);
    expect(path.tracks).toEqual(['H265', codec]);
    expect(await ffmpegWarnings(['-i', `${agent.url}/hls/garden/index.m3u8`, '-t', String(SECONDS)])).toBe('');
    await agent.process.stop('SIGINT');
    const [file = ''] = globSync(join(agent.dataDir, 'recordings/garden/*.mp4'));
    const probed = await ffprobe(file);
    expect(probed.streams.map((stream) => stream.codec_name)).toEqual(['hevc', stored]);
    expect(probed.warnings).toBe('');
    expect(await ffmpegWarnings(['-i', file])).toBe('');
  });
});
