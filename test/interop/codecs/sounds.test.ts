import { globSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { type GstCamera, startGstCamera } from '../../peers/cameras/camera.ts';
import { ffmpegWarnings, ffprobe } from '../../peers/programs/ffmpeg.ts';
import { gstreamerSaid } from '../../peers/programs/gstreamer.ts';
import { describeWith, inShort } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';

const PICTURE =
  'videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=10/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10';
const SOUND = 'audiotestsrc is-live=true ! audio/x-raw,';
/** A camera with pictures and the audio of `sound`. */
const withSound = (sound: string): string => `( ${PICTURE} ! rtph264pay name=pay0 pt=96  ${SOUND}${sound} name=pay1 )`;
const MULTIPLEX = `( ${PICTURE} ! h264parse ! mpegtsmux alignment=7 ! rtpmp2tpay name=pay0 pt=33 )`;

interface Sound {
  readonly sound: string;
  readonly track: string;
  readonly props: unknown;
  /** As ffprobe names it in recordings; undefined: MP4 cannot hold it. */
  readonly stored?: string;
  readonly hls?: string;
  /** As RTSP readers see it. */
  readonly rtsp: string;
}

const SOUNDS: Record<string, Sound> = {
  latm: {
    sound: 'rate=48000,channels=2 ! avenc_aac ! aacparse ! rtpmp4apay pt=97',
    track: 'MPEG-4 Audio',
    props: { sampleRate: 48_000, channelCount: 2 },
    stored: 'aac',
    hls: 'aac',
    rtsp: 'aac',
  },
  mp3: {
    sound: 'rate=44100,channels=2 ! lamemp3enc target=bitrate cbr=true bitrate=128 ! mpegaudioparse ! rtpmpapay pt=14',
    track: 'MPEG-1/2 Audio',
    props: null,
    stored: 'mp3',
    rtsp: 'mp3',
  },
  layer2: {
    sound: 'rate=48000,channels=1 ! twolamemp2enc bitrate=64 ! mpegaudioparse ! rtpmpapay pt=14',
    track: 'MPEG-1/2 Audio',
    props: null,
    stored: 'mp3',
    rtsp: 'mp2',
  },
  ac3: {
    sound: 'rate=48000,channels=2 ! avenc_ac3 ! ac3parse ! rtpac3pay pt=97',
    track: 'AC3',
    props: { sampleRate: 48_000, channelCount: 2 },
    stored: 'ac3',
    hls: 'ac3',
    rtsp: 'ac3',
  },
  l16: {
    sound: 'rate=48000,channels=2 ! audioconvert ! audio/x-raw,format=S16BE ! rtpL16pay pt=97',
    track: 'LPCM',
    props: { bitDepth: 16, sampleRate: 48_000, channelCount: 2 },
    stored: 'flac',
    hls: 'flac',
    rtsp: 'pcm_s16be',
  },
  l24: {
    sound: 'rate=16000,channels=1 ! audioconvert ! audio/x-raw,format=S24BE ! rtpL24pay pt=97',
    track: 'LPCM',
    props: { bitDepth: 24, sampleRate: 16_000, channelCount: 1 },
    stored: 'flac',
    hls: 'flac',
    rtsp: 'pcm_s24be',
  },
  g722: {
    sound: 'rate=16000,channels=1 ! avenc_g722 ! rtpg722pay pt=9',
    track: 'G722',
    props: null,
    stored: 'flac',
    hls: 'flac',
    rtsp: 'adpcm_g722',
  },
};

/** AC-3 and layer 3 are tested with recordings in transport streams; G.722 has its own suite. */
const CASES = inShort(Object.entries(SOUNDS), 'latm', 'layer2', 'l24');

/** 5.1 as browsers and GStreamer send it. */
const SIX_CHANNELS =
  'rate=48000,channels=6,channel-mask=(bitmask)0x3f ! audioconvert ! opusenc bitrate=256000 ! rtpopuspay pt=97';
const SURROUND = { '/surround': withSound(SIX_CHANNELS), '/surroundAlone': `( ${SOUND}${SIX_CHANNELS} name=pay0 )` };

/** Enough for a part of the recording on the disk. */
const RECORDED_BYTES = 150_000;

describeWith(['ffmpeg', 'gstreamer'], 'the sounds of cameras', () => {
  let camera: GstCamera;
  let agent: Agent;
  beforeAll(async () => {
    const mounts = CASES.map(([name, { sound }]) => [`/${name}`, withSound(sound)]);
    camera = await startGstCamera({ ...Object.fromEntries(mounts), '/multiplex': MULTIPLEX, ...SURROUND });
    const paths = [...CASES.map(([name]) => name), 'multiplex', 'surround', 'surroundAlone'].map(
      (name) => `  ${name}: { source: '${camera.url(`/${name}`)}', record: yes }`,
    );
    agent = await startAgent({ config: `paths:\n${paths.join('\n')}\n` });
  });
  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    await camera?.[Symbol.asyncDispose]();
  });

  const pathWhen = (name: string, is: (path: PathStatus) => boolean): Promise<PathStatus> =>
    until(async () => {
      const path = await agent.json<PathStatus>(`/v3/paths/get/${name}`);
      return is(path) ? path : undefined;
    });
  const codecsOf = async (input: string, args: readonly string[] = []): Promise<string[]> => {
    const probed = await ffprobe(input, args);
    expect(probed.warnings).toBe('');
    return probed.streams.map((stream) => stream.codec_name).sort();
  };
  const expected = (sound: string | undefined): string[] => ['h264', ...(sound ? [sound] : [])].sort();

  test.concurrent.for(CASES)(
    '%s: the API lists it, recordings, HLS and RTSP readers decode it',
    async ([name, { track, props, stored, hls, rtsp }]) => {
      const path = await pathWhen(name, ({ ready }) => ready);
      expect(path.tracks2).toMatchObject([{ codec: 'H264' }, { codec: track, codecProps: props }]);

      const playlist = `${agent.url}/hls/${name}/index.m3u8`;
      // Audio that not every player supports is in a variant next to one without it: the picture is in both.
      expect([...new Set(await codecsOf(playlist))]).toEqual(expected(hls));
      expect(await ffmpegWarnings(['-i', playlist, '-t', '2'])).toBe('');

      const url = agent.rtspUrl(name);
      const overTcp = ['-rtsp_transport', 'tcp'];
      expect(await codecsOf(url, overTcp)).toEqual(expected(rtsp));
      expect(await ffmpegWarnings([...overTcp, '-i', url, '-t', '2'])).toBe('');

      await pathWhen(
        name,
        ({ bytesReceived, recording }) => recording?.active === true && bytesReceived > RECORDED_BYTES,
      );
      const [file = ''] = globSync(join(agent.dataDir, `recordings/${name}/*.mp4`));
      expect(await codecsOf(file)).toEqual(expected(stored));
      expect(await ffmpegWarnings(['-i', file])).toBe('');

      const [recording] = await agent.json<{ start: string }[]>(`/playback/list?path=${name}`);
      for (const format of ['fmp4', 'mp4']) {
        const query = `path=${name}&start=${encodeURIComponent(recording?.start ?? '')}&duration=1.5&format=${format}`;
        const part = `${agent.url}/playback/get?${query}`;
        expect(await codecsOf(part)).toEqual(expected(stored));
        expect(await ffmpegWarnings(['-i', part])).toBe('');
      }
    },
  );

  test.concurrent('Opus with six channels is passed on in recordings, HLS and RTSP', async () => {
    const path = await pathWhen('surround', ({ ready }) => ready);
    expect(path.tracks2).toMatchObject([{ codec: 'H264' }, { codec: 'Opus', codecProps: { channelCount: 6 } }]);
    const soundOf = async (input: string) => (await ffprobe(input)).streams.find((one) => one.codec_type === 'audio');
    const playlist = `${agent.url}/hls/surround/index.m3u8`;
    expect(await soundOf(playlist)).toMatchObject({ codec_name: 'opus', channels: 6 });
    expect(await ffmpegWarnings(['-i', playlist, '-t', '2'])).toBe('');
    // ffmpeg does not know its name in RTSP. GStreamer 1.22 occasionally links neither of two tracks.
    const wanted = `rtspsrc location=${agent.rtspUrl('surroundAlone')} protocols=tcp ! rtpopusdepay`;
    const sink = 'opusdec ! audio/x-raw,channels=6 ! fakesink num-buffers=50';
    const player = await runProcess('gst-launch-1.0', ['-q', ...`${wanted} ! ${sink}`.split(' ')]);
    expect(gstreamerSaid(player.code, player.output)).toBe('');

    await pathWhen('surround', ({ bytesReceived }) => bytesReceived > RECORDED_BYTES);
    const [file = ''] = globSync(join(agent.dataDir, 'recordings/surround/*.mp4'));
    expect(await soundOf(file)).toMatchObject({ codec_name: 'opus', channels: 6 });
    expect(await ffmpegWarnings(['-i', file])).toBe('');
  });

  test('passes a multiplex on to RTSP readers unchanged; recorder and HLS report why they cannot carry it', async () => {
    const path = await pathWhen('multiplex', ({ ready, recording }) => ready && recording?.error != null);
    expect(path).toMatchObject({
      tracks: ['MPEG-TS'],
      recording: { active: false, error: 'nothing in this stream can be recorded: it has MPEG-TS' },
    });
    const refused = await fetch(`${agent.url}/hls/multiplex/index.m3u8`);
    expect(refused.status).toBe(500);
    expect(await refused.json()).toMatchObject({
      error: expect.stringContaining('has MPEG-TS, which HLS does not support'),
    });
    const probed = await ffprobe(agent.rtspUrl('multiplex'), ['-rtsp_transport', 'tcp']);
    expect(probed.streams.map((stream) => stream.codec_name)).toContain('h264');
  });

  test('the log names a stream without any usable track once, and no audio that MP4 can hold', () => {
    const lines = agent.process.output().split('\n');
    const logged = (words: string) => lines.filter((line) => line.includes(words));
    expect(logged('can be recorded: it has MPEG-TS')).toHaveLength(1);
    expect(logged('MP4 cannot hold')).toEqual([]);
  });
});
