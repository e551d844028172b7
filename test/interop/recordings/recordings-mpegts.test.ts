import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { clip, playClip, smallClip, startGstCamera } from '../../peers/cameras/camera.ts';
import { ffmpegWarnings, ffprobe } from '../../peers/programs/ffmpeg.ts';
import { byLength, describeWith, inShort } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';
import { readTs } from '../../support/media/ts-packets.ts';

const SECONDS = 5;
const PICTURES = ['-f', 'lavfi', '-i', 'testsrc2=s=320x240:r=25'];
const SOUND = ['-f', 'lavfi', '-i', 'sine=f=440:r=48000'];
const H264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-g', '25', '-pix_fmt', 'yuv420p'];

interface Source {
  readonly codecs: readonly string[];
  readonly args: readonly string[];
}

const SOURCES: Record<string, Source> = {
  'h264-aac': { codecs: ['h264', 'aac'], args: [...H264, '-bf', '0', '-c:a', 'aac', '-ac', '2'] },
  'b-frames': { codecs: ['h264', 'aac'], args: [...H264, '-bf', '2', '-c:a', 'aac', '-ac', '1'] },
  h265: {
    codecs: ['hevc', 'aac'],
    args: [
      '-c:v',
      'libx265',
      '-preset',
      'ultrafast',
      '-x265-params',
      'log-level=error:keyint=25:bframes=0',
      '-c:a',
      'aac',
    ],
  },
  opus: { codecs: ['h264', 'opus'], args: [...H264, '-bf', '0', '-c:a', 'libopus', '-b:a', '64k'] },
  mp3: { codecs: ['h264', 'mp3'], args: [...H264, '-bf', '0', '-c:a', 'libmp3lame', '-b:a', '128k'] },
  mpeg4: { codecs: ['mpeg4', 'aac'], args: ['-c:v', 'mpeg4', '-g', '25', '-b:v', '500k', '-c:a', 'aac'] },
};

interface Packet {
  readonly type: string;
  readonly pts: number;
  readonly dts: number;
}

/** Codecs, warnings and packets by one call: each start of ffprobe takes a tenth of a second of processor time. */
async function contentOf(file: string) {
  const probed = await ffprobe(file, ['-show_entries', 'packet=codec_type,pts_time,dts_time']);
  const packets: Packet[] = (probed.packets ?? []).map(({ codec_type, pts_time, dts_time }) => ({
    type: codec_type,
    pts: Number(pts_time),
    dts: Number(dts_time),
  }));
  return { warnings: probed.warnings, codecs: probed.streams.map((stream) => stream.codec_name), packets };
}

let attempts = 0;

const ofType = (packets: readonly Packet[], type: string) => packets.filter((packet) => packet.type === type);

const recordingsOf = (agent: Agent, path: string): string[] =>
  globSync(join(agent.dataDir, `recordings/${path}/*.ts`)).sort();

/** A download of the whole has every packet of the files, decodes without a warning, and has the same in both formats. */
async function expectDownload(
  agent: Agent,
  name: string,
  recorded: readonly Packet[],
  codecs: readonly string[],
): Promise<void> {
  const spans = await agent.json<{ start: string }[]>(`/playback/list?path=${encodeURIComponent(name)}`);
  expect(spans).toHaveLength(1);
  for (const format of ['mp4', 'fmp4']) {
    const query = new URLSearchParams({ path: name, start: spans[0]?.start ?? '', duration: '60', format });
    const url = `${agent.url}/playback/get?${query}`;
    const found = await contentOf(url);
    expect(found.warnings, format).toBe('');
    expect(found.codecs).toEqual(codecs);
    expect(await ffmpegWarnings(['-i', url])).toBe('');
    for (const type of ['video', 'audio']) {
      expect(ofType(found.packets, type).length, `${format} ${type}`).toBe(ofType(recorded, type).length);
    }
  }
}

describeWith(['ffmpeg', 'gstreamer'], 'MPEG-TS recordings', () => {
  let agent: Agent;
  beforeAll(async () => {
    const settings = 'record: yes, recordFormat: mpegts, recordSegmentDuration: 2s, recordPartDuration: 500ms';
    agent = await startAgent({
      config: `playback: yes\napi: yes\npathDefaults: { ${settings} }\npaths: { all_others: {} }\n`,
    });
  });
  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
  });

  test.concurrent.for(inShort(Object.entries(SOURCES), 'b-frames', 'opus', 'mp3'))(
    '%s: ffmpeg finds every picture with increasing times, and warns of nothing',
    async ([kind, { codecs, args }]) => {
      // A second try begins without recordings.
      attempts += 1;
      const name = `${kind}-${attempts}`;
      const source = await clip(`ts-${kind}-${SECONDS}.mkv`, [...PICTURES, ...SOUND, '-t', String(SECONDS), ...args]);
      const publish = ['-nostdin', '-v', 'error', '-re', '-i', source, '-c', 'copy', '-f', 'rtsp'];
      const { code, output } = await runProcess('ffmpeg', [
        ...[...publish, '-rtsp_transport', 'tcp'],
        agent.rtspUrl(name),
      ]);
      expect(code, output).toBe(0);
      await until(async () => {
        const { ready } = await agent.json<{ ready: boolean }>(`/v3/paths/get/${name}`).catch(() => ({ ready: false }));
        return ready ? undefined : true;
      });
      const files = recordingsOf(agent, name);
      expect(files.length).toBeGreaterThanOrEqual(2);
      const recorded: Packet[][] = [];
      for (const file of files) {
        const { warnings, codecs: found, packets } = await contentOf(file);
        expect(warnings).toBe('');
        expect(found).toEqual(codecs);
        expect(await ffmpegWarnings(['-i', file])).toBe('');
        readTs(readFileSync(file));
        recorded.push(packets);
        for (const type of ['video', 'audio']) {
          const times = ofType(packets, type).map(({ dts }) => dts);
          expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
          // No audio frame and no picture is missing.
          const steps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
          expect(Math.max(...steps)).toBeLessThan(1.5 * Math.min(...steps.filter((step) => step > 0.015)));
        }
      }
      await expectDownload(agent, name, recorded.flat(), codecs);
      const { packets: sent } = await contentOf(source);
      expect(ofType(recorded.flat(), 'video')).toHaveLength(SECONDS * 25);
      // ffmpeg sends several AAC or MP3 frames in one packet, and never the last packet; sound before the first picture does not count.
      const sounds = ofType(sent, 'audio').length;
      const kept = ofType(recorded.flat(), 'audio').length;
      expect(kept).toBeGreaterThanOrEqual(sounds - (codecs.includes('opus') ? 3 : 10));
      expect(kept).toBeLessThanOrEqual(sounds);
      const [first = []] = recorded;
      const apart = (packet: Packet | undefined, packets: readonly Packet[]) =>
        (packet?.pts ?? Number.NaN) - Math.min(...ofType(packets, 'video').map(({ pts }) => pts));
      const began = apart(ofType(first, 'audio')[0], first);
      expect(Math.min(...ofType(sent, 'audio').map((packet) => Math.abs(apart(packet, sent) - began)))).toBeLessThan(
        0.005,
      );
    },
  );

  test.concurrent("records a camera's AC-3 without a gap", async () => {
    const sound = 'audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=2 ! avenc_ac3 ! ac3parse';
    const pictures = 'videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=10/1';
    await using camera = await startGstCamera({
      '/ac3': `( ${pictures} ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay name=pay0 pt=96  ${sound} ! rtpac3pay pt=97 name=pay1 )`,
    });
    const config = `paths: { ac3: { source: '${camera.url('/ac3')}', record: yes, recordFormat: mpegts } }\n`;
    await using other = await startAgent({ config });
    const file = await until(() => recordingsOf(other, 'ac3')[0]);
    await until(() => (statSync(file).size > byLength(120_000, 300_000) ? true : undefined));
    await other.process.stop('SIGINT');
    const { warnings, codecs, packets } = await contentOf(file);
    expect(warnings).toBe('');
    expect(codecs).toEqual(['h264', 'ac3']);
    expect(await ffmpegWarnings(['-i', file])).toBe('');
    const times = ofType(packets, 'audio').map(({ pts }) => pts);
    expect(times.length).toBeGreaterThan(30);
    const steps = times.slice(1).map((time, i) => Math.round((time - (times[i] ?? 0)) * 1000));
    expect(new Set(steps)).toEqual(new Set([32]));
  });

  test('the API lists and deletes them, and playback joins them', async () => {
    const publish = ['-nostdin', '-v', 'error', '-re', '-i', await smallClip(6), '-c', 'copy', '-f', 'rtsp'];
    attempts += 1;
    const name = `listed/${attempts}`;
    const { code } = await runProcess('ffmpeg', [...publish, '-rtsp_transport', 'tcp', agent.rtspUrl(name)]);
    expect(code).toBe(0);
    const segmentsOf = async () => {
      const answer = await agent.json<{ segments: { start: string }[] }>(`/v3/recordings/get/${name}`);
      return answer.segments.map((segment) => segment.start);
    };
    await until(async () => ((await segmentsOf()).length === 3 ? true : undefined));
    const { items } = await agent.json<{ items: { name: string }[] }>('/v3/recordings/list?itemsPerPage=100');
    expect(items.map((item) => item.name)).toContain(name);
    const [first = ''] = await segmentsOf();
    const query = `path=${encodeURIComponent(name)}&start=${encodeURIComponent(first)}`;
    const listed = await agent.json<{ duration: number }[]>(`/playback/list?path=${encodeURIComponent(name)}`);
    expect(listed.map(({ duration }) => Math.round(duration))).toEqual([6]);
    const playlist = await fetch(
      `${agent.url}/playback/${name}/index.m3u8?start=${encodeURIComponent(first)}&duration=60`,
    );
    expect(playlist.status).toBe(200);
    const removed = await fetch(`${agent.url}/v3/recordings/deletesegment?${query}`, { method: 'DELETE' });
    expect(removed.status).toBe(200);
    expect(await segmentsOf()).toHaveLength(2);
    expect(recordingsOf(agent, name)).toHaveLength(2);
    expect(agent.process.output()).not.toContain('cannot be read');
  });

  test('after kill -9 a file plays at once, and after the next start it has its end', async () => {
    await using camera = await startGstCamera({ '/main': playClip(await smallClip(byLength(30, 600)), true) });
    const source = camera.url('/main');
    const config = `paths: { garden: { source: '${source}', record: yes, recordFormat: mpegts, recordPartDuration: 500ms } }\n`;
    await using first = await startAgent({ config });
    const { dataDir } = first;
    const file = await until(() => recordingsOf(first, 'garden')[0]);
    await until(() => (statSync(file).size > byLength(200_000, 500_000) ? true : undefined));
    await first.process.stop('SIGKILL');
    expect(await ffmpegWarnings(['-i', file])).toBe('');
    const before = ofType((await contentOf(file)).packets, 'video').length;
    expect(before).toBeGreaterThan(20);

    await using next = await startAgent({ config, dataDir });
    await next.process.waitFor(/recovered a truncated recording/);
    const after = await contentOf(file);
    expect(after.warnings).toBe('');
    expect(await ffmpegWarnings(['-i', file])).toBe('');
    expect(ofType(after.packets, 'video')).toHaveLength(before);
    await next.process.stop('SIGINT');
  });
});
