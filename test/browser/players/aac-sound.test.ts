import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../../peers/browser/browser.ts';
import { listen } from '../../peers/browser/webrtc-listener.ts';
import { type GstCamera, startGstCamera } from '../../peers/cameras/camera.ts';
import { describeWith, inShort } from '../../peers/programs/peers.ts';

const FREQUENCY_HZ = 440;
const LOUDNESS = 0.2 / Math.SQRT2;
const CAMERAS = {
  phone: { rate: 8_000, channels: 1 },
  speech: { rate: 16_000, channels: 1 },
  cd: { rate: 44_100, channels: 2 },
  film: { rate: 48_000, channels: 2 },
} as const;

/** The clip whose sample rate Opus lacks, in both channels. */
const NAMES = inShort(Object.keys(CAMERAS) as (keyof typeof CAMERAS)[], 'cd');

const isNear = (value = 0, expected: number, part: number): boolean => Math.abs(value - expected) < expected * part;

const PICTURE =
  'videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=15/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 ! rtph264pay name=pay0 pt=96';
const tone = (rate: number, channels: number): string =>
  `audiotestsrc is-live=true freq=${FREQUENCY_HZ} volume=0.2 ! audio/x-raw,rate=${rate},channels=${channels}`;
const launch = ({ rate, channels }: { rate: number; channels: number }): string =>
  `( ${PICTURE}  ${tone(rate, channels)} ! avenc_aac bitrate=64000 ! aacparse ! rtpmp4gpay name=pay1 pt=97 )`;
/** A codec that is not transcoded. */
const MP3 = `( ${PICTURE}  ${tone(48_000, 1)} ! lamemp3enc ! mpegaudioparse ! rtpmpapay name=pay1 pt=14 )`;

describeWith(['chromium', 'gstreamer'], 'AAC of cameras over WebRTC', () => {
  let camera: GstCamera;
  let agent: Agent;
  let viewer: Viewer;
  beforeAll(async () => {
    const mounts = NAMES.map((name) => [`/${name}`, launch(CAMERAS[name])]);
    camera = await startGstCamera({ ...Object.fromEntries(mounts), '/radio': MP3 });
    const paths = [...NAMES, 'radio'].map((name) => `  ${name}: { source: '${camera.url(`/${name}`)}' }`);
    agent = await startAgent({ config: `paths:\n${paths.join('\n')}\n` });
    viewer = await startViewer();
  });
  afterAll(async () => {
    for (const one of [viewer, agent, camera]) {
      await one?.[Symbol.asyncDispose]();
    }
  });

  const ready = (name: string) =>
    until(async () => {
      const path = await agent.json<PathStatus>(`/v3/paths/get/${name}`);
      return path.ready ? path : undefined;
    });

  test.for(NAMES)('%s sounds as it was sent', async (name) => {
    const { channels } = CAMERAS[name];
    expect(await ready(name)).toMatchObject({ tracks: ['H264', 'MPEG-4 Audio'], webrtcSilence: null });
    const base = `http://127.0.0.1:${agent.ports.webrtc}/${name}`;
    const page = await viewer.open(`${base}/`);
    const listener = await listen(page, { url: `${base}/whep`, media: ['video', 'audio'] });
    // Chromium stretches sound while it adapts its jitter buffer.
    const heard = await listener.heard(({ loudness, frequencyHz }) =>
      [0, 1].every((i) => isNear(loudness[i], LOUDNESS, 0.1) && isNear(frequencyHz[i], FREQUENCY_HZ, 0.01)),
    );
    expect(heard).toMatchObject({ status: 201, leftOut: '', mimeType: 'audio/opus' });
    expect(heard.answer.includes('stereo=1')).toBe(channels === 2);
    await listener.close();
    await page.close();
  });

  test('audio that cannot be transcoded is a silent track, named in the answer and in the API', async () => {
    const why = 'MPEG-1/2 Audio (browsers cannot play it over WebRTC: MPEG-1/2 Audio cannot be transcoded to Opus)';
    expect(await ready('radio')).toMatchObject({ webrtcSilence: why });
    const base = `http://127.0.0.1:${agent.ports.webrtc}/radio`;
    const page = await viewer.open(`${base}/`);
    const listener = await listen(page, { url: `${base}/whep`, media: ['video', 'audio'] });
    const heard = await listener.heard(({ pictures }) => pictures.length > 15);
    expect(heard).toMatchObject({ status: 201, leftOut: `audio ${why}`, firstSoundMs: undefined });
    expect(heard.answer).toContain('m=audio 9 ');
    await listener.close();
    await page.close();
  });

  test('a camera has sound again after an interruption', async () => {
    const { port } = camera;
    await camera[Symbol.asyncDispose]();
    await until(async () => {
      const path = await agent.json<PathStatus>('/v3/paths/get/cd');
      return path.ready ? undefined : path;
    });
    camera = await startGstCamera({ '/cd': launch(CAMERAS.cd) }, { port });
    await ready('cd');
    const base = `http://127.0.0.1:${agent.ports.webrtc}/cd`;
    const page = await viewer.open(`${base}/`);
    const listener = await listen(page, { url: `${base}/whep`, media: ['audio'] });
    const heard = await listener.heard(({ loudness }) => isNear(loudness[0], LOUDNESS, 0.1));
    expect(heard.mimeType).toBe('audio/opus');
    await listener.close();
    await page.close();
  });
});
