import { createReadStream, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { cpuSeconds } from '../../bench/measure/proc.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { smallClip } from '../../peers/cameras/camera.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { ffmpegWarnings, packetTimes } from '../../peers/programs/ffmpeg.ts';
import { byLength, describeWith, inShort } from '../../peers/programs/peers.ts';
import { type RunningProcess, startProcess } from '../../peers/programs/process.ts';

const AWAY_MS = byLength(3_000, 60_000);

interface Files {
  readonly folder: string;
  readonly url: string;
  /** How the server answers; undefined: with the file. */
  trouble: ((reply: ServerResponse, path: string) => boolean) | undefined;
}

/** A folder and a server of its files. */
async function serveFolder(): Promise<Files & AsyncDisposable> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-hls-'));
  const server = createServer((request, reply) => {
    const path = join(folder, new URL(request.url ?? '/', 'http://x').pathname);
    if (files.trouble?.(reply, path)) {
      return;
    }
    if (!existsSync(path) || !statSync(path).isFile()) {
      reply.writeHead(404).end();
      return;
    }
    createReadStream(path).pipe(reply);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const files: Files & AsyncDisposable = {
    folder,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    trouble: undefined,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return files;
}

/** ffmpeg writes a live playlist of a clip in a loop. */
async function writeLive(folder: string, kind: 'ts' | 'fmp4', ...more: readonly string[]): Promise<RunningProcess> {
  const input = ['-nostdin', '-v', 'error', '-re', '-stream_loop', '-1', '-i', await smallClip(4), '-c', 'copy'];
  const type = kind === 'fmp4' ? ['-hls_segment_type', 'fmp4', '-hls_fmp4_init_filename', 'init.mp4'] : [];
  const options = ['-f', 'hls', '-hls_time', '1', '-hls_list_size', '6', ...type, ...more];
  return startProcess('ffmpeg', [...input, ...options, join(folder, 'live.m3u8')]);
}

const written = (folder: string, segments: number) =>
  until(() => {
    const path = join(folder, 'live.m3u8');
    return (existsSync(path) && (readFileSync(path, 'utf8').match(/#EXTINF/g)?.length ?? 0) >= segments) || undefined;
  });

/** One for the tests that do not measure its replies; each adds a path. */
let shared: Agent;
let count = 0;

interface Far extends AsyncDisposable {
  readonly name: string;
  readonly rtspUrl: string;
  status(): Promise<PathStatus | undefined>;
  ready(): Promise<true>;
}

const startBox = () => startAgent({ config: 'api: yes\npaths: {}\n' });

/** A path with this source, until it is disposed of. */
async function pull(url: string, { playlist = 'live.m3u8', agent = shared } = {}): Promise<Far> {
  count += 1;
  const name = `far-${count}`;
  const change = async (method: string, action: string, body?: object): Promise<void> => {
    const headers = body && { 'Content-Type': 'application/json' };
    const sent = { method, ...(headers && { headers, body: JSON.stringify(body) }) };
    const answer = await fetch(`${agent.url}/v3/config/paths/${action}/${name}`, sent);
    expect(answer.status, await answer.text()).toBe(200);
  };
  await change('POST', 'add', { source: `${url}/${playlist}` });
  const status = () => agent.json<PathStatus>(`/v3/paths/get/${name}`).catch(() => undefined);
  return {
    name,
    rtspUrl: agent.rtspUrl(name),
    status,
    ready: () => until(async () => (await status())?.ready || undefined),
    [Symbol.asyncDispose]: () => change('DELETE', 'delete'),
  };
}

const startReader = (far: Far, file: string): RunningProcess =>
  startProcess('ffmpeg', [
    ...['-nostdin', '-v', 'error', '-rtsp_transport', 'tcp', '-i', far.rtspUrl],
    ...['-c', 'copy', '-f', 'matroska', file],
  ]);

/** Of a box that is busy with something else. */
const MAX_PAUSE_S = 0.5;

/** A reply, and the processor time of the box until then: on a busy machine a reply takes long without a pause. */
async function answerOf(agent: Agent, far: Far) {
  const pid = agent.process.child.pid ?? 0;
  const startedS = cpuSeconds(pid);
  const status = await far.status();
  return { status, busyS: cpuSeconds(pid) - startedS };
}

const hasReader = (far: Far) => until(async () => ((await far.status())?.readers.length === 1 ? true : undefined));

/** Ends the reader. @returns times of its pictures in seconds, in their order */
async function timesOf(reader: RunningProcess, file: string): Promise<readonly number[]> {
  expect(reader.child.exitCode).toBe(null);
  await reader.stop('SIGINT');
  return (await packetTimes(file, 'v')).map(({ pts }) => pts);
}

const gapsOf = (times: readonly number[]) => times.slice(1).map((time, i) => time - (times[i] as number));

/** ffmpeg guesses a frame rate from a source's first pictures, and would round two pictures to one time. */
const OWN_TIMES = ['-fps_mode', 'passthrough', '-enc_time_base:v', '1:90000'];

describeWith(['ffmpeg'], 'an HLS source in trouble', () => {
  beforeAll(async () => {
    shared = await startBox();
  });
  afterAll(() => shared?.[Symbol.asyncDispose]());

  test.concurrent.for(inShort(['ts', 'fmp4'] as const, 'fmp4'))(
    'a reader stays when ffmpeg is started again in the same playlist (%s, append_list, discont_start)',
    async (kind) => {
      await using files = await serveFolder();
      const flags = ['-hls_flags', 'delete_segments+append_list+discont_start+omit_endlist'];
      const first = await writeLive(files.folder, kind, ...flags);
      await written(files.folder, 4);
      await using far = await pull(files.url);
      await far.ready();
      const file = join(files.folder, 'copy.mkv');
      const reader = startReader(far, file);
      await hasReader(far);
      await delay(2_000);
      await first.stop('SIGTERM');
      const second = await writeLive(files.folder, kind, ...flags);
      const playlist = () => readFileSync(join(files.folder, 'live.m3u8'), 'utf8');
      await until(() => playlist().includes('#EXT-X-DISCONTINUITY') || undefined);
      // ffmpeg does not count discontinuities that have left the playlist.
      await until(() => !playlist().includes('#EXT-X-DISCONTINUITY') || undefined);
      await delay(5_000);
      const times = await timesOf(reader, file);
      await second.stop('SIGTERM');
      const gaps = gapsOf(times);
      expect([Math.min(...gaps) >= 0, Math.max(...gaps) < 4, (times.at(-1) ?? 0) > 10]).toEqual([true, true, true]);
      expect(await far.status()).toMatchObject({ ready: true, inboundFramesInError: 0 });
    },
  );

  test.concurrent('a reader stays while the server answers 404 for three seconds; after a minute the path comes back', async () => {
    await using files = await serveFolder();
    const live = await writeLive(files.folder, 'ts', '-hls_flags', 'delete_segments');
    await written(files.folder, 4);
    await using far = await pull(files.url);
    await far.ready();
    const file = join(files.folder, 'copy.mkv');
    const reader = startReader(far, file);
    await hasReader(far);
    const away = (reply: ServerResponse) => {
      reply.writeHead(404).end();
      return true;
    };
    files.trouble = away;
    await delay(AWAY_MS);
    files.trouble = undefined;
    if (AWAY_MS > 30_000) {
      // Five target durations are tolerated, or the read timeout.
      await reader.stop('SIGKILL');
      await shared.process.waitFor(new RegExp(`${far.name}\\b.*answers 404`));
      await far.ready();
      expect(await ffmpegWarnings(['-rtsp_transport', 'tcp', '-i', far.rtspUrl, '-t', '3', ...OWN_TIMES])).toBe('');
    } else {
      await delay(5_000);
      const gaps = gapsOf(await timesOf(reader, file));
      expect([Math.min(...gaps) >= 0, Math.max(...gaps) < AWAY_MS / 1_000 + 2]).toEqual([true, true]);
      expect(await far.status()).toMatchObject({ ready: true });
    }
    await live.stop('SIGTERM');
  });

  // This test runs alone, because it has a time limit.
  test('the path is back soon when the publisher of another Perch starts again, with low latency', async () => {
    await using origin = await startAgent({ config: 'api: yes\npaths:\n  live:\n' });
    const clip = await smallClip(4);
    const first = await publishClip(origin, 'live', clip, { isEndless: true });
    await using far = await pull(`http://127.0.0.1:${origin.ports.hls}/live`, { playlist: 'index.m3u8' });
    await far.ready();
    await first[Symbol.asyncDispose]();
    const { bytesReceived: before = 0 } = (await far.status()) ?? {};
    await using _second = await publishClip(origin, 'live', clip, { isEndless: true });
    const startedMs = performance.now();
    await until(async () => {
      const status = await far.status();
      const received = (status?.bytesReceived ?? 0) - before;
      return status?.ready === true && received > statSync(clip).size / 2 ? true : undefined;
    });
    expect(performance.now() - startedMs).toBeLessThan(8_000);
    expect(await ffmpegWarnings(['-rtsp_transport', 'tcp', '-i', far.rtspUrl, '-t', '3', ...OWN_TIMES])).toBe('');
  });

  test.concurrent("ffmpeg's AES-128 is decrypted", async () => {
    await using files = await serveFolder();
    const key = join(files.folder, 'the.key');
    writeFileSync(key, '0123456789abcdef');
    const info = join(files.folder, 'key.info');
    writeFileSync(info, `${files.url}/the.key\n${key}\n`);
    // ffmpeg encrypts MPEG-TS only.
    const live = await writeLive(files.folder, 'ts', '-hls_key_info_file', info, '-hls_flags', 'delete_segments');
    await written(files.folder, 4);
    expect(readFileSync(join(files.folder, 'live.m3u8'), 'utf8')).toContain('METHOD=AES-128');
    await using far = await pull(files.url);
    await far.ready();
    expect(await ffmpegWarnings(['-rtsp_transport', 'tcp', '-i', far.rtspUrl, '-t', '4', ...OWN_TIMES])).toBe('');
    expect(await far.status()).toMatchObject({ tracks: ['H264', 'MPEG-4 Audio'], inboundFramesInError: 0 });
    await live.stop('SIGTERM');
  });

  test.concurrent('a server that sends little faster than the stream is, is played without a pause', async () => {
    await using files = await serveFolder();
    const live = await writeLive(files.folder, 'ts', '-hls_flags', 'delete_segments');
    await written(files.folder, 4);
    // Each segment takes 0.7 s for its second.
    files.trouble = (reply, path) => {
      if (!path.endsWith('.ts') || !existsSync(path)) {
        return false;
      }
      const bytes = readFileSync(path);
      const step = Math.ceil(bytes.length / 14);
      let at = 0;
      const timer = setInterval(() => {
        reply.write(bytes.subarray(at, at + step));
        at += step;
        if (at >= bytes.length) {
          clearInterval(timer);
          reply.end();
        }
      }, 50);
      return true;
    };
    await using far = await pull(files.url);
    await far.ready();
    const file = join(files.folder, 'copy.mkv');
    const reader = startReader(far, file);
    await hasReader(far);
    await delay(8_000);
    const gaps = gapsOf(await timesOf(reader, file));
    await live.stop('SIGTERM');
    expect([Math.min(...gaps) >= 0, Math.max(...gaps) < 0.5]).toEqual([true, true]);
  });

  test('a playlist of 10 MB is rejected by its size, and the box answers meanwhile', async () => {
    await using files = await serveFolder();
    const lines = Array.from({ length: 200_000 }, (_, i) => `#EXTINF:2.000000,\nsegment-with-a-name-${i}.ts\n`);
    writeFileSync(join(files.folder, 'live.m3u8'), `#EXTM3U\n#EXT-X-TARGETDURATION:2\n${lines.join('')}`);
    await using agent = await startBox();
    await using far = await pull(files.url, { agent });
    await agent.process.waitFor(/has more than 4194304 bytes/);
    const { status, busyS } = await answerOf(agent, far);
    expect(status?.ready).toBe(false);
    expect(busyS).toBeLessThan(MAX_PAUSE_S);
  });

  test('a playlist of a day has its end played, and costs the box no pause', async () => {
    await using files = await serveFolder();
    const live = await writeLive(files.folder, 'ts', '-hls_flags', 'delete_segments');
    await written(files.folder, 3);
    // As a server that never deletes: 19,000 earlier segments.
    files.trouble = (reply, path) => {
      if (!path.endsWith('.m3u8')) {
        return false;
      }
      const text = readFileSync(path, 'utf8');
      const [, sequence = '0'] = /#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text) ?? [];
      const old = Array.from({ length: 19_000 }, (_, i) => `#EXTINF:1.000000,\nold${i}.ts\n`).join('');
      const head = `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:${sequence}\n`;
      reply.end(`${head}${old}${text.slice(text.indexOf('#EXTINF'))}`);
      return true;
    };
    await using agent = await startBox();
    await using far = await pull(files.url, { agent });
    await far.ready();
    let longestS = 0;
    for (let i = 0; i < 30; i += 1) {
      longestS = Math.max(longestS, (await answerOf(agent, far)).busyS);
      await delay(100);
    }
    await live.stop('SIGTERM');
    expect(longestS).toBeLessThan(MAX_PAUSE_S);
  });
});
