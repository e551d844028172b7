import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../agent/base/clock.ts';
import { codecOf } from '../../../agent/media/codecs.ts';
import { payloadTypeOf, writeSdp } from '../../../agent/media/sdp/write.ts';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { CLIPS, clip, type GstCamera, startGstCamera } from '../../peers/cameras/camera.ts';
import { CLIP_FPS, type ClipCodec, type CodedClip, codedClip } from '../../peers/cameras/coded-clip.ts';
import { ffmpegWarnings, ffprobe } from '../../peers/programs/ffmpeg.ts';
import { describeWith, inShort } from '../../peers/programs/peers.ts';
import { runProcess, startProcess } from '../../peers/programs/process.ts';
import { type Caller, rtpFrame, type ScriptedCamera, scriptedCamera } from '../../support/cameras/scripted-camera.ts';
import { startRecorder, temporaryFolder, WALL } from '../../support/disks/recordings.ts';
import { getBytes, openPlayback } from '../../support/harness/playback.ts';
import { payloadsOf, type Unit } from '../../support/media/units.ts';

/** The names in ffprobe. */
const FFMPEG_NAMES: Record<ClipCodec, string> = {
  av1: 'av1',
  vp8: 'vp8',
  vp9: 'vp9',
  mjpeg: 'mjpeg',
  'mpeg4-video': 'mpeg4',
  'mpeg-video': 'mpeg2video',
};
const CODECS = Object.keys(FFMPEG_NAMES) as ClipCodec[];
const SECONDS = 3;

/** Checksums of all pictures that ffmpeg decodes, and its warnings. */
async function decoded(file: string): Promise<{ readonly pictures: string[]; readonly warnings: string }> {
  const input = ['-nostdin', '-hide_banner', '-v', 'warning', '-i', file];
  const { code, output } = await runProcess('ffmpeg', [
    ...input,
    '-an',
    '-fps_mode',
    'passthrough',
    '-f',
    'framemd5',
    '-',
  ]);
  expect(code, output).toBe(0);
  const lines = output.split('\n');
  return {
    pictures: lines.flatMap((line) => (/^\d/.test(line) ? [line.slice(-32)] : [])),
    warnings: lines
      .filter((line) => !/^[#\d]/.test(line))
      .join('\n')
      .trim(),
  };
}

describeWith(['ffmpeg'], 'pictures of ffmpeg', () => {
  // AV1 and JPEG come from cameras as well.
  test.for(inShort(CODECS, 'vp9', 'mpeg4-video', 'mpeg-video'))(
    '%s goes over RTP into a recording and out of playback: ffmpeg decodes the same pictures',
    async (codec) => {
      using folder = temporaryFolder();
      const { track, units, file: source } = await codedClip(codec, SECONDS);
      expect(track).toMatchObject({ codec, width: 320, height: 240 });
      expect(units.filter(({ key }) => key)).toHaveLength(codec === 'mjpeg' ? SECONDS * CLIP_FPS : SECONDS);
      await using running = startRecorder(folder.path, { segmentDurationMs: 2_000 }, [track]);
      for (const { pts, dts, key, data } of units) {
        running.stream.write(0, { pts, dts, key, data, wall: WALL + pts / 90 });
      }
      running.stream.close();
      await running.recorder.stop();
      expect(running.log.names).toHaveLength(2);
      for (const file of running.log.names) {
        const probed = await ffprobe(file);
        expect(probed.warnings).toBe('');
        expect(probed.streams).toMatchObject([{ codec_name: FFMPEG_NAMES[codec], width: 320, height: 240 }]);
        expect(await ffmpegWarnings(['-i', file])).toBe('');
      }
      await using playback = openPlayback(folder.path);
      const { pictures } = await decoded(source);
      expect(pictures).toHaveLength(SECONDS * CLIP_FPS);
      for (const format of ['fmp4', 'mp4'] as const) {
        const answer = join(folder.path, `answer-${format}.mp4`);
        writeFileSync(answer, await getBytes(playback, 0, 10, format));
        expect(await decoded(answer)).toEqual({ pictures, warnings: '' });
      }
    },
  );
});

const RAW = 'videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=25/1';
const playMpeg4 = (file: string): string =>
  `( filesrc location=${join(CLIPS, file)} ! qtdemux ! mpeg4videoparse ! rtpmp4vpay config-interval=1 name=pay0 pt=96 )`;
/** Each kind of camera in GStreamer, and the name of its codec in the API, in recordings and for RTSP readers. */
const CAMERAS = {
  vp8: {
    launch: `( ${RAW} ! vp8enc deadline=1 cpu-used=8 keyframe-max-dist=25 ! rtpvp8pay name=pay0 pt=96 )`,
    label: 'VP8',
    name: 'vp8',
  },
  vp9: {
    launch: `( ${RAW} ! vp9enc deadline=1 cpu-used=8 keyframe-max-dist=25 ! rtpvp9pay name=pay0 pt=96 )`,
    label: 'VP9',
    name: 'vp9',
  },
  jpeg: { launch: `( ${RAW} ! jpegenc quality=85 ! rtpjpegpay name=pay0 pt=26 )`, label: 'M-JPEG', name: 'mjpeg' },
  jpeg422: {
    launch: `( ${RAW} ! videoconvert ! video/x-raw,format=Y42B ! jpegenc quality=30 ! rtpjpegpay name=pay0 pt=26 )`,
    label: 'M-JPEG',
    name: 'mjpeg',
  },
  // From files: GStreamer's encoder does not resume when a reader connects.
  mpeg4: { launch: playMpeg4('mpeg4-60.mp4'), label: 'MPEG-4 Video', name: 'mpeg4' },
  'mpeg4-b': { launch: playMpeg4('mpeg4-b-60.mp4'), label: 'MPEG-4 Video', name: 'mpeg4' },
  mpeg2: {
    launch: `( filesrc location=${join(CLIPS, 'mpeg2-60.mp4')} ! qtdemux ! mpegvideoparse ! rtpmpvpay name=pay0 pt=32 )`,
    label: 'MPEG-1/2 Video',
    name: 'mpeg2video',
  },
} as const;
const LARGE = 'videotestsrc is-live=true ! video/x-raw,format=I420,width=2560,height=1440,framerate=2/1';
const CASES = inShort(Object.entries(CAMERAS), 'vp8', 'jpeg', 'mpeg2', 'mpeg4-b');
const RECORDED_SECONDS = 3;
/** ffmpeg's usual warning about VP9 over RTP. */
const EXPERIMENTAL = /.*RTP\/VP9 support is still experimental.*\n?/g;

describeWith(['ffmpeg', 'gstreamer'], 'the pictures of cameras', () => {
  let camera: GstCamera;
  let agent: Agent;
  beforeAll(async () => {
    const input = ['-f', 'lavfi', '-i', 'testsrc2=s=320x240:r=25', '-t', '60', '-g', '25'];
    await clip('mpeg4-60.mp4', [...input, '-c:v', 'mpeg4', '-bf', '0']);
    await clip('mpeg4-b-60.mp4', [...input, '-c:v', 'mpeg4', '-bf', '2']);
    await clip('mpeg2-60.mp4', [...input, '-c:v', 'mpeg2video', '-bf', '0']);
    camera = await startGstCamera({
      ...Object.fromEntries(CASES.map(([name, { launch }]) => [`/${name}`, launch])),
      '/large': `( ${LARGE} ! jpegenc ! rtpjpegpay name=pay0 pt=26 )`,
    });
    const paths = CASES.map(([name]) => `  ${name}: { source: '${camera.url(`/${name}`)}', record: yes }`);
    agent = await startAgent({ config: `playback: yes\npaths:\n${paths.join('\n')}\n` });
  });
  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    await camera?.[Symbol.asyncDispose]();
  });

  test.concurrent.for(CASES)(
    '%s: the API lists them, RTSP readers, recordings and playback decode them',
    async ([path, { label, name }]) => {
      const status = await until(async () => {
        const found = await agent.json<PathStatus>(`/v3/paths/get/${path}`);
        return found.ready ? found : undefined;
      });
      expect(status.tracks).toEqual([label]);

      const overTcp = ['-rtsp_transport', 'tcp'];
      const live = await ffprobe(agent.rtspUrl(path), overTcp);
      expect(live.warnings.replace(EXPERIMENTAL, '')).toBe('');
      expect(live.streams).toMatchObject([{ codec_name: name, width: 320, height: 240 }]);
      const played = await ffmpegWarnings([...overTcp, '-i', agent.rtspUrl(path), '-t', '2']);
      expect(played.replace(EXPERIMENTAL, '')).toBe('');

      const [span] = await until(async () => {
        const spans = await agent
          .json<{ start: string; duration: number }[]>(`/playback/list?path=${path}`)
          .catch(() => []);
        return (spans[0]?.duration ?? 0) >= RECORDED_SECONDS ? spans : undefined;
      });
      const query = `path=${path}&start=${encodeURIComponent(span?.start ?? '')}&duration=${RECORDED_SECONDS}`;
      for (const format of ['fmp4', 'mp4']) {
        const url = `${agent.url}/playback/get?${query}&format=${format}`;
        expect(await ffmpegWarnings(['-i', url])).toBe('');
        const answer = await ffprobe(url, ['-count_frames']);
        expect(answer.streams).toMatchObject([{ codec_name: name, width: 320, height: 240 }]);
        expect(Number(answer.streams[0]?.nb_read_frames)).toBeGreaterThan(RECORDED_SECONDS * 20);
      }
      expect(status.inboundFramesInError).toBe(0);
    },
  );

  test('images beyond 2,040 pixels are recorded in the size from the SDP: RTP has no field for it', async () => {
    const config = `playback: yes\npaths:\n  large: { source: '${camera.url('/large')}', record: yes }\n`;
    await using box = await startAgent({ config });
    const [span] = await until(async () => {
      const spans = await box.json<{ start: string; duration: number }[]>('/playback/list?path=large').catch(() => []);
      return (spans[0]?.duration ?? 0) >= 2 ? spans : undefined;
    });
    const url = `${box.url}/playback/get?path=large&start=${encodeURIComponent(span?.start ?? '')}&duration=2&format=mp4`;
    expect(await ffmpegWarnings(['-i', url])).toBe('');
    const { streams } = await ffprobe(url);
    expect(streams).toMatchObject([{ codec_name: 'mjpeg', width: 2560, height: 1440 }]);
  });

  test('rejects with a reason a codec that no player supports over HLS or WebRTC', async () => {
    for (const [path, label] of [
      ['vp8', 'VP8'],
      ['jpeg', 'M-JPEG'],
      ['mpeg4-b', 'MPEG-4 Video'],
    ] as const) {
      const answer = await fetch(`${agent.url}/hls/${path}/index.m3u8`);
      expect(answer.ok).toBe(false);
      expect(await answer.json()).toMatchObject({
        error: expect.stringContaining(`has ${label}, which HLS does not support`),
      });
    }
  });
});

/** A simulated camera that repeats a clip in real time. */
function clipCamera({ track, units }: CodedClip): Promise<ScriptedCamera> {
  const packetize = codecOf(track).packetize;
  const sdp = writeSdp([track], { name: 'camera', host: '127.0.0.1', sessionId: 1 });
  let sequence = 0;
  const show = (caller: Caller, number: number): void => {
    const unit = units[number % units.length] as Unit;
    const header = { type: payloadTypeOf(track, 0), ticks: (number * 90_000) / CLIP_FPS };
    for (const { bytes, marker } of payloadsOf((sink) => packetize?.(unit.data, 1188, true, sink))) {
      sequence = (sequence + 1) & 0xffff;
      caller.send(rtpFrame(0, bytes, { ...header, sequence, marker }));
    }
  };
  return scriptedCamera((request, caller) => {
    if (request.method !== 'PLAY') {
      return undefined;
    }
    caller.reply(request, 200);
    let number = 0;
    const stop = systemClock.every(1000 / CLIP_FPS, () => {
      show(caller, number);
      number += 1;
    });
    caller.socket.once('close', stop);
    return true;
  }, sdp);
}

describeWith(['ffmpeg'], 'AV1, which neither ffmpeg nor GStreamer take over RTSP here', () => {
  test('passes from a camera through one Perch to another, whose recording ffmpeg decodes', async () => {
    await using camera = await clipCamera(await codedClip('av1', SECONDS));
    await using first = await startAgent({
      config: `paths:\n  cam: { source: 'rtsp://127.0.0.1:${camera.port}/' }\n`,
    });
    await using second = await startAgent({
      config: `playback: yes\npaths:\n  again: { source: '${first.rtspUrl('cam')}', record: yes }\n`,
    });
    const [span] = await until(async () => {
      const spans = await second
        .json<{ start: string; duration: number }[]>('/playback/list?path=again')
        .catch(() => []);
      return (spans[0]?.duration ?? 0) >= RECORDED_SECONDS ? spans : undefined;
    });
    const status = await second.json<PathStatus>('/v3/paths/get/again');
    expect(status).toMatchObject({
      tracks2: [{ codec: 'AV1', codecProps: { width: 320, height: 240, profile: 0, level: 0, tier: 0 } }],
      inboundFramesInError: 0,
    });
    const query = `path=again&start=${encodeURIComponent(span?.start ?? '')}&duration=${RECORDED_SECONDS}`;
    const url = `${second.url}/playback/get?${query}`;
    expect(await ffmpegWarnings(['-i', url])).toBe('');
    const { streams } = await ffprobe(url, ['-count_frames']);
    expect(streams).toMatchObject([{ codec_name: 'av1', width: 320, height: 240 }]);
    expect(Number(streams[0]?.nb_read_frames)).toBeGreaterThan(RECORDED_SECONDS * 20);
  });
});

describeWith(['ffmpeg'], 'MPEG-1 and MPEG-2 video of ffmpeg over RTSP', () => {
  let agent: Agent;
  beforeAll(async () => {
    agent = await startAgent({ config: 'paths:\n  all_others:\n' });
  });
  afterAll(() => agent?.[Symbol.asyncDispose]());

  test.for(['mpeg1video', 'mpeg2video'] as const)('%s with B-frames reaches readers as it was', async (codec) => {
    const input = ['-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x240:rate=25'];
    const coding = ['-c:v', codec, '-bf', '2', '-g', '25', '-b:v', '500k'];
    const output = ['-f', 'rtsp', '-rtsp_transport', 'tcp', agent.rtspUrl(codec)];
    const publisher = startProcess('ffmpeg', ['-nostdin', '-v', 'error', ...input, ...coding, ...output]);
    try {
      const { tracks } = await until(async () => {
        const path = await agent.json<PathStatus>(`/v3/paths/get/${codec}`).catch(() => undefined);
        return path?.ready ? path : undefined;
      });
      expect(tracks).toEqual(['MPEG-1/2 Video']);
      for (const transport of ['tcp', 'udp']) {
        const { streams } = await ffprobe(agent.rtspUrl(codec), ['-rtsp_transport', transport]);
        expect(streams).toMatchObject([{ codec_name: codec, width: 320, height: 240 }]);
      }
      expect(await ffmpegWarnings(['-rtsp_transport', 'tcp', '-i', agent.rtspUrl(codec), '-t', '2'])).toBe('');
    } finally {
      await publisher.stop('SIGKILL');
    }
  });
});
