import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent } from '../peers/agent/agent.ts';
import { type BarClip, barClip, SMALL } from '../peers/cameras/bar-clip.ts';
import { publishClip } from '../peers/clients/publisher.ts';
import { ffmpegWarnings, ffprobe } from '../peers/programs/ffmpeg.ts';
import { gstreamerSaid } from '../peers/programs/gstreamer.ts';
import { byLength, describeWith, inShort } from '../peers/programs/peers.ts';
import { runProcess } from '../peers/programs/process.ts';

const SECONDS = byLength(3, 60);
const CAMERAS: Readonly<Record<string, BarClip>> = {
  aac: { ...SMALL, audio: 'aac' },
  'reordered-alaw': { ...SMALL, bFrames: 2, audio: 'pcm_alaw' },
  'h265-opus': { ...SMALL, video: 'h265', audio: 'opus' },
  'long-groups': { ...SMALL, groupSeconds: 10 },
};

const TO_FFMPEG = inShort(Object.keys(CAMERAS), 'reordered-alaw', 'long-groups');
const TO_GSTREAMER = inShort(Object.keys(CAMERAS), 'h265-opus');

describeWith(['ffmpeg', 'gstreamer'], 'live.mp4, read by players', () => {
  const started: AsyncDisposable[] = [];
  let agent: Agent;
  beforeAll(async () => {
    agent = await startAgent({ config: 'paths:\n  all_others:\n' });
    started.push(agent);
    const publishing = Object.entries(CAMERAS)
      .filter(([name]) => [...TO_FFMPEG, ...TO_GSTREAMER].includes(name))
      .map(async ([name, of]) =>
        publishClip(agent, name, await barClip(of), { isEndless: true, isSilent: of.audio === undefined }),
      );
    started.unshift(...(await Promise.all(publishing)));
  });
  afterAll(async () => {
    for (const one of started) {
      await one[Symbol.asyncDispose]();
    }
  });

  test.concurrent.for(TO_FFMPEG)('camera %s: ffmpeg decodes all of it without a warning', async (name) => {
    const url = `http://127.0.0.1:${agent.ports.hls}/${name}/live.mp4`;
    expect(await ffmpegWarnings(['-i', url, '-t', String(SECONDS)])).toBe('');
  });

  test.concurrent('players without Opus request FLAC instead', async () => {
    const url = `http://127.0.0.1:${agent.ports.hls}/h265-opus/live.mp4?audio=flac`;
    const { streams, warnings } = await ffprobe(url, ['-read_intervals', '%+2', '-show_packets']);
    expect(streams.map(({ codec_name }) => codec_name)).toEqual(['hevc', 'flac']);
    expect(warnings).toBe('');
  });

  test.concurrent.for(TO_GSTREAMER)('camera %s: GStreamer plays it in its own time, below /hls/ too', async (name) => {
    const url = `${agent.url}/hls/${name}/live.mp4`;
    const until = (count: number) => ['!', 'identity', `eos-after=${count}`, '!', 'fakesink', 'sync=true'];
    const pictures = ['d.video_0', '!', 'queue', '!', 'videoconvert', ...until(SECONDS * SMALL.fps)];
    // All frames of sound are shorter than 45 ms.
    const sound = CAMERAS[name]?.audio ? ['d.audio_0', '!', 'queue', ...until(SECONDS * 22)] : [];
    const player = ['-q', 'uridecodebin3', `uri=${url}`, 'name=d', ...pictures, ...sound];
    const { code, output } = await runProcess('gst-launch-1.0', player);
    expect(gstreamerSaid(code, output)).toBe('');
  });
});
