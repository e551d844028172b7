import { globSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openMedia } from '../../../../agent/playback/signing/media-samples.ts';
import { AGENT, type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { startViewer } from '../../../peers/browser/browser.ts';
import { openVideo } from '../../../peers/browser/recorded-video.ts';
import { ffmpegWarnings } from '../../../peers/programs/ffmpeg.ts';
import { gstreamerSaid } from '../../../peers/programs/gstreamer.ts';
import { AV_PYTHON, describeWith, PYTHON } from '../../../peers/programs/peers.ts';
import { runProcess, startProcess } from '../../../peers/programs/process.ts';
import { freeUdpPort } from '../../../support/base/free-udp-port.ts';
import { verified } from '../../../support/disks/signed-recordings.ts';

const LIMIT = { timeout: 90_000 };
const SECONDS = 6;
const AV_SCRIPT = join(import.meta.dirname, '../../../peers/clients/av-rtmp.py');
const PICTURES = ['-f', 'lavfi', '-i', 'testsrc2=size=160x96:rate=15'];
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '15', '-bf', '2'];

interface Camera {
  /** Arguments of ffmpeg, or encoders of the current FFmpeg over Enhanced RTMP. */
  readonly encode: readonly string[] | { readonly video: string; readonly audio: string };
  readonly rateHz?: number;
  /** RTP cannot carry it. */
  readonly isTs?: boolean;
}

/** Every codec that a recording can hold and a sender of the time has. */
const CAMERAS: Readonly<Record<string, Camera>> = {
  'h264-aac': { encode: [...H264, '-c:a', 'aac'] },
  'h265-opus': {
    encode: [
      ...['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none:bframes=0', '-g', '15'],
      ...['-c:a', 'libopus'],
    ],
  },
  'av1-flac': { encode: { video: 'libsvtav1', audio: 'flac' } },
  'vp8-opus': { encode: ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-g', '15', '-c:a', 'libopus'] },
  'vp9-ac3': { encode: { video: 'libvpx-vp9', audio: 'ac3' } },
  'mpeg4-mp3': { encode: ['-c:v', 'mpeg4', '-g', '15', '-c:a', 'libmp3lame'] },
  'mpeg2-ac3': { encode: ['-c:v', 'mpeg2video', '-g', '15', '-bf', '0', '-c:a', 'ac3'], isTs: true },
  'mjpeg-g711': {
    encode: ['-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p', '-huffman', 'default', '-c:a', 'pcm_alaw'],
    rateHz: 8_000,
  },
  'h264-g711': { encode: [...H264, '-c:a', 'pcm_mulaw'], rateHz: 8_000 },
  'h264-lpcm': { encode: [...H264, '-c:a', 'pcm_s16be'] },
};
/** Clips that MPEG-TS carries. */
const IN_TS = ['h264-aac', 'h265-opus', 'mpeg4-mp3', 'mpeg2-ac3'];
const NAMES = [...Object.keys(CAMERAS), ...IN_TS.map((name) => `ts/${name}`)];
/** Published like this one. */
const ALIKE: Readonly<Record<string, string>> = { parts: 'h264-aac' };

/** One byte in the middle of each track's samples. */
async function placesIn(file: string) {
  const media = await openMedia(file);
  try {
    const places = [];
    for (const { kind, next } of media.tracks) {
      const samples = [];
      for (let sample = await next(); sample; sample = await next()) {
        samples.push(sample);
      }
      const { offset, sizeBytes, seconds } = samples[samples.length >> 1] ?? expect.unreachable('no samples');
      places.push({ kind, offset: offset + (sizeBytes >> 1), seconds });
    }
    return places;
  } finally {
    await media.close();
  }
}

describeWith(['ffmpeg', 'gstreamer', 'chromium', 'av'], 'signatures of every codec', () => {
  let agent: Agent;
  let srtPort = 0;
  beforeAll(async () => {
    srtPort = await freeUdpPort();
    agent = await startAgent({
      config: `api: yes
pathDefaults: { record: yes, recordSign: yes }
paths:
  ~^ts/: { recordFormat: mpegts }
  parts: { recordSegmentDuration: 1s }
  all_others:
`,
      listen: () => ({ srtAddress: `127.0.0.1:${srtPort}` }),
    });
    const codes = await Promise.all([...NAMES, ...Object.keys(ALIKE)].map(publish));
    expect(codes.filter((code) => code !== '')).toEqual([]);
  }, 120_000);
  afterAll(() => agent?.[Symbol.asyncDispose]());

  async function publish(name: string): Promise<string> {
    const {
      encode,
      rateHz = 48_000,
      isTs = false,
    } = CAMERAS[ALIKE[name] ?? basename(name)] ?? expect.unreachable(name);
    if ('video' in encode) {
      const url = `rtmp://127.0.0.1:${agent.ports.rtmp}/${name}`;
      const args = [AV_SCRIPT, 'publish', url, encode.video, encode.audio, String(SECONDS)];
      const running = startProcess(AV_PYTHON, args);
      return (await running.exited) === 0 ? '' : `${name}: ${running.output()}`;
    }
    const sound = ['-re', '-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=${rateHz}`];
    const input = ['-nostdin', '-v', 'error', '-re', ...PICTURES, ...sound, '-t', String(SECONDS), ...encode];
    const output = isTs
      ? ['-f', 'mpegts', `srt://127.0.0.1:${srtPort}?streamid=publish:${name}&pkt_size=1316`]
      : ['-f', 'rtsp', '-rtsp_transport', 'tcp', agent.rtspUrl(name)];
    const { code, output: said } = await runProcess('ffmpeg', [...input, ...output]);
    return code === 0 ? '' : `${name}: ${said}`;
  }

  /** The only recording of a path, after it was signed. */
  const signedFile = (name: string): Promise<string> =>
    until(() => globSync(join(agent.dataDir, `recordings/${name}/*.sig`))[0]?.slice(0, -'.sig'.length));

  const spansOf = (name: string) =>
    agent.json<{ start: string; duration: number }[]>(`/playback/list?path=${encodeURIComponent(name)}`);

  async function cutUrl(name: string, format: string, fromMs = 1_300, seconds = 2.9): Promise<string> {
    const [span] = await spansOf(name);
    const start = new Date(Date.parse(span?.start ?? '') + fromMs).toISOString();
    return `${agent.url}/playback/get?${new URLSearchParams({ path: name, start, duration: String(seconds), format })}`;
  }

  /** A cut of the recording, between its key frames. */
  async function cutOf(name: string, format = 'mp4', fromMs = 1_300, seconds = 2.9): Promise<string> {
    const response = await fetch(await cutUrl(name, format, fromMs, seconds), { headers: agent.headers });
    expect(response.status).toBe(200);
    const file = join(agent.dataDir, `cut-${name.replace('/', '-')}-${fromMs}-${format}.mp4`);
    writeFileSync(file, Buffer.from(await response.arrayBuffer()));
    return file;
  }

  test.for(NAMES)('%s: recording and cuts are unchanged; a changed byte is named by its time', LIMIT, async (name) => {
    const whole = await verified(await signedFile(name));
    expect(whole.code, whole.text).toBe(0);
    const cuts = await Promise.all(['mp4', 'fmp4'].map((format) => cutOf(name, format)));
    for (const cut of cuts) {
      const { code, text } = await verified(cut);
      expect(code, text).toBe(0);
      const bytes = readFileSync(cut);
      const places = await placesIn(cut);
      expect(places.map(({ kind }) => kind).sort()).toEqual(['audio', 'video']);
      for (const { kind, offset, seconds } of places) {
        const changed = Buffer.from(bytes);
        changed[offset] = (changed[offset] as number) ^ 1;
        writeFileSync(cut, changed);
        const found = await verified(cut);
        expect(found.code, found.text).toBe(1);
        const [, what, at = '', from] =
          /^changed: (pictures|sound) differ from the signed ones \(in the part of (\S+), ([\d.]+) s into/m.exec(
            found.text,
          ) ?? [];
        expect(what).toBe(kind === 'video' ? 'pictures' : 'sound');
        expect(Number(from)).toBeLessThanOrEqual(seconds + 0.001);
        expect(Number(from)).toBeGreaterThan(seconds - 2.2);
        expect(Date.parse(at)).toBeGreaterThan(Date.now() - 600_000);
      }
      writeFileSync(cut, bytes);
    }
    // To their ends, without a warning.
    expect(await ffmpegWarnings([...cuts.flatMap((cut) => ['-i', cut]), '-map', '0', '-map', '1'])).toBe('');
  });

  test.for(['h264-aac', 'vp8-opus', 'mpeg4-mp3', 'mjpeg-g711'])(
    'GStreamer plays signed cuts (%s)',
    LIMIT,
    async (name) => {
      for (const format of ['mp4', 'fmp4']) {
        const sinks = ['video-sink=fakesink', 'audio-sink=fakesink'];
        const play = ['-q', 'playbin', `uri=file://${await cutOf(name, format)}`, ...sinks];
        const { code, output } = await runProcess('gst-launch-1.0', play);
        expect(gstreamerSaid(code, output)).toBe('');
      }
    },
  );

  test('Chromium plays signed cuts, to their end', LIMIT, async () => {
    await using viewer = await startViewer();
    const page = await viewer.open(`${agent.url}/health`);
    for (const name of ['h264-aac', 'vp8-opus', 'av1-flac']) {
      for (const format of ['mp4', 'fmp4']) {
        await openVideo(page, await cutUrl(name, format));
        const played = page.evaluate(
          () =>
            new Promise<number>((resolve, reject) => {
              const video = document.querySelector('video') as HTMLVideoElement;
              video.onended = () => resolve(video.currentTime);
              video.onerror = () => reject(new Error(video.error?.message));
              video.play().catch(reject);
            }),
        );
        expect(await played, `${name} ${format}`).toBeGreaterThan(2.5);
      }
    }
  });

  test('each camera of a film verifies', LIMIT, async () => {
    const spans = await Promise.all(['h264-aac', 'vp8-opus'].map(spansOf));
    const starts = spans.map(([span]) => Date.parse(span?.start ?? ''));
    const start = new Date(Math.max(...starts) + 700).toISOString();
    const query = `path=h264-aac&path=vp8-opus&start=${start}&duration=2`;
    const response = await fetch(`${agent.url}/playback/film?${query}`, { headers: agent.headers });
    expect(response.status).toBe(200);
    const folder = join(agent.dataDir, 'film');
    writeFileSync(`${folder}.zip`, Buffer.from(await response.arrayBuffer()));
    const unzip = ['-c', 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])'];
    expect(await runProcess(PYTHON, [...unzip, `${folder}.zip`, folder])).toMatchObject({ code: 0 });
    const films = globSync(`${folder}/*.mp4`).sort();
    expect(films.length).toBe(2);
    for (const film of films) {
      const { code, text } = await verified(film);
      expect(code, text).toBe(0);
      expect(text).toContain(`verified: ${basename(film).startsWith('h264') ? 'h264-aac' : 'vp8-opus'}, `);
    }
  });

  test('perch verify has an exit code for each finding', LIMIT, async () => {
    const file = await signedFile('h264-aac');
    const perch = (...args: string[]) => runProcess(process.execPath, [...AGENT, ...args]);
    const { output } = await perch('signing-key', '--data', agent.dataDir);
    const [fingerprint = ''] = /[\dA-F]{2}(:[\dA-F]{2}){31}/.exec(output) ?? [];
    for (const one of [file, await cutOf('h264-aac')]) {
      const found = await perch('verify', one, '--key', fingerprint);
      expect(found.code, found.output).toBe(0);
      expect(found.output).toContain(`key ${fingerprint}`);
    }
    const copy = join(agent.dataDir, 'copy.mp4');
    writeFileSync(copy, readFileSync(file));
    expect(await perch('verify', copy)).toMatchObject({ code: 2, output: expect.stringContaining('no signatures') });
    const signatures = ['--signatures', `${file}.sig`];
    truncateSync(copy, Math.floor(statSync(file).size * 0.6));
    expect(await perch('verify', copy, ...signatures)).toMatchObject({
      code: 1,
      output: expect.stringContaining('missing:'),
    });
    // A part of the day was deleted.
    const parts = await until(() => {
      const found = globSync(join(agent.dataDir, 'recordings/parts/*.sig')).sort();
      return found.length > 4 ? found : undefined;
    });
    for (const sig of parts.slice(2, 4)) {
      rmSync(sig);
      rmSync(sig.slice(0, -'.sig'.length));
    }
    const whole = await fetch(`${await cutUrl('parts', 'mp4', 0, 60)}&gaps=skip`, { headers: agent.headers });
    writeFileSync(copy, Buffer.from(await whole.arrayBuffer()));
    const cut = await perch('verify', copy);
    expect(cut.code, cut.output).toBe(3);
    expect(cut.output).toContain('what is there is unchanged since it was signed, parts between are missing');
    expect(cut.output.match(/^missing: /gm)).toHaveLength(1);
  });
});
