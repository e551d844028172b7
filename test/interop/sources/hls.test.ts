import { createReadStream, existsSync, globSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { smallClip } from '../../peers/cameras/camera.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { ffmpegWarnings } from '../../peers/programs/ffmpeg.ts';
import { describeWith, inShort } from '../../peers/programs/peers.ts';
import { type RunningProcess, runProcess, startProcess } from '../../peers/programs/process.ts';

const SECONDS = 4;
const VARIANTS = inShort(['lowLatency', 'fmp4', 'mpegts'] as const, 'lowLatency', 'mpegts');

/** Checksums of decoded pictures. */
async function pictures(input: readonly string[]): Promise<string[]> {
  const output = ['-map', '0:v', '-fps_mode', 'passthrough', '-f', 'framemd5', '-'];
  const said = await runProcess('ffmpeg', ['-nostdin', '-v', 'error', ...input, ...output]);
  return said.output
    .split('\n')
    .filter((line) => /^\d/.test(line))
    .map((line) => line.slice(-32));
}

/** Whether each picture is followed by the next one of the clip, which is repeated. */
function isInOrder(seen: readonly string[], clip: readonly string[]): boolean {
  const numbers = seen.map((sum) => clip.indexOf(sum));
  return numbers.every((at, i) => at >= 0 && (i === 0 || at === ((numbers[i - 1] ?? 0) + 1) % clip.length));
}

describeWith(['ffmpeg', 'gstreamer'], 'an HLS source', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-hls-'));
  const origins: Agent[] = [];
  const others: (RunningProcess | AsyncDisposable)[] = [];
  let files: Server;
  let agent: Agent;
  let file: string;

  const written = (name: string) =>
    until(async () => {
      const path = join(folder, name);
      return existsSync(path) && (readFileSync(path, 'utf8').match(/#EXTINF/g)?.length ?? 0) >= 3 ? true : undefined;
    });

  beforeAll(async () => {
    file = await smallClip(4);
    const paths: Record<string, string> = {};
    for (const hlsVariant of VARIANTS) {
      const origin = await startAgent({ config: `api: yes\nhlsVariant: ${hlsVariant}\npaths:\n  stage:\n` });
      origins.push(origin);
      others.push(await publishClip(origin, 'stage', file, { isEndless: true }));
      paths[`perch-${hlsVariant}`] = `http://127.0.0.1:${origin.ports.hls}/stage/index.m3u8`;
    }
    files = createServer((request, reply) => {
      const path = join(folder, new URL(request.url ?? '/', 'http://x').pathname);
      if (!existsSync(path) || !statSync(path).isFile()) {
        reply.writeHead(404).end();
        return;
      }
      const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
      reply.writeHead(from ? 206 : 200);
      createReadStream(path, from ? { start: Number(from), end: Number(to) } : {}).pipe(reply);
    });
    await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
    const input = ['-nostdin', '-v', 'error', '-re', '-stream_loop', '-1', '-i', file, '-c', 'copy', '-f', 'hls'];
    const live = ['-hls_time', '1', '-hls_list_size', '6', '-hls_flags', 'delete_segments'];
    const start = (name: string, ...more: string[]) => {
      others.push(startProcess('ffmpeg', [...input, ...live, ...more, join(folder, name)]));
      paths[name.replace('.m3u8', '')] = `${url}/${name}`;
    };
    start('ffmpeg-ts.m3u8');
    start('ffmpeg-fmp4.m3u8', '-hls_segment_type', 'fmp4', '-hls_fmp4_init_filename', 'fmp4-init.mp4');
    const flac = ['-c:a', 'flac', '-sample_fmt', 's16', '-strict', '-2'];
    start('ffmpeg-flac.m3u8', ...flac, '-hls_segment_type', 'fmp4', '-hls_fmp4_init_filename', 'flac-init.mp4');
    const sink = `hlssink2 target-duration=1 max-files=8 playlist-length=6 location=${folder}/gst%05d.ts playlist-location=${folder}/gst.m3u8`;
    const coded = 'x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! h264parse';
    const pipeline = `videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=10/1 ! ${coded} ! ${sink}`;
    others.push(startProcess('gst-launch-1.0', ['-q', ...pipeline.split(' ')]));
    paths['gst'] = `${url}/gst.m3u8`;
    await runProcess('ffmpeg', [
      ...[
        '-nostdin',
        '-v',
        'error',
        '-i',
        file,
        '-c',
        'copy',
        '-f',
        'hls',
        '-hls_time',
        '1',
        '-hls_playlist_type',
        'vod',
      ],
      ...['-hls_flags', 'single_file', join(folder, 'vod.m3u8')],
    ]);
    paths['vod'] = `${url}/vod.m3u8`;
    for (const name of ['ffmpeg-ts', 'ffmpeg-fmp4', 'ffmpeg-flac', 'gst']) {
      await written(`${name}.m3u8`);
    }
    const entries = Object.entries(paths).map(
      ([name, source]) => `  ${name}: { source: '${source}', record: ${name.startsWith('perch-')} }\n`,
    );
    agent = await startAgent({ config: `api: yes\npaths:\n${entries.join('')}` });
  });

  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    for (const one of others) {
      await ('stop' in one ? one.stop() : one[Symbol.asyncDispose]());
    }
    for (const origin of origins) {
      await origin[Symbol.asyncDispose]();
    }
    files?.closeAllConnections();
    files?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const readyPath = (name: string) =>
    until(async () => {
      const path = await agent.json<PathStatus>(`/v3/paths/get/${name}`).catch(() => undefined);
      return path?.ready ? path : undefined;
    });

  test.for(VARIANTS.map((variant) => `perch-${variant}`))('%s has every picture of the server', async (name) => {
    const tracks = ['H264', 'MPEG-4 Audio'];
    expect(await readyPath(name)).toMatchObject({ tracks, source: { type: 'hlsSource', id: '' } });
    // From its recording: of a reader that a busy machine starves pictures are dropped.
    const wholeBytes = statSync(file).size;
    const seen = await until(async () => {
      const [recording] = globSync(join(agent.dataDir, 'recordings', name, '*.mp4'));
      // Decoded once it may have enough.
      if (recording === undefined || statSync(recording).size < wholeBytes) {
        return undefined;
      }
      const recorded = await pictures(['-i', recording]);
      if (recorded.length > 20 * SECONDS) {
        return recorded;
      }
      await delay(500);
      return undefined;
    });
    expect(isInOrder(seen, await pictures(['-i', file]))).toBe(true);
    expect(await agent.json<PathStatus>(`/v3/paths/get/${name}`)).toMatchObject({ inboundFramesInError: 0 });
  });

  test.for(['ffmpeg-ts', 'ffmpeg-fmp4', 'gst'])('%s plays in real time without a fault', async (name) => {
    await readyPath(name);
    const startedMs = performance.now();
    const url = agent.rtspUrl(name);
    // In the times of the stream: of a busy machine's first pictures ffmpeg guesses a frame rate that rounds two to one time.
    const input = ['-rtsp_transport', 'tcp', '-i', url, '-t', String(SECONDS)];
    expect(await ffmpegWarnings([...input, '-fps_mode', 'passthrough', '-enc_time_base', '-1'])).toBe('');
    expect(performance.now() - startedMs).toBeGreaterThan(1_000 * (SECONDS - 2));
    expect(await agent.json<PathStatus>(`/v3/paths/get/${name}`)).toMatchObject({ inboundFramesInError: 0 });
  });

  test('FLAC of a server is heard by HLS players', async () => {
    expect(await readyPath('ffmpeg-flac')).toMatchObject({ tracks: ['H264', 'FLAC'] });
    const url = `http://127.0.0.1:${agent.ports.hls}/ffmpeg-flac/index.m3u8`;
    const { output } = await runProcess('ffprobe', ['-v', 'error', '-show_entries', 'stream=codec_name', url]);
    expect(output).toContain('codec_name=flac');
    expect(await ffmpegWarnings(['-i', url, '-t', String(SECONDS), '-map', '0:a'])).toBe('');
  });

  test('a playlist that has ended, of byte ranges, is played at its pace from its beginning, and again', async () => {
    await agent.process.waitFor(/vod.*the source ended the stream/s);
    const { tracks } = await readyPath('vod');
    expect(tracks).toEqual(['H264', 'MPEG-4 Audio']);
  });
});
