import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent } from '../../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../../peers/browser/browser.ts';
import { barClip, TINY } from '../../peers/cameras/bar-clip.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { describeWith } from '../../peers/programs/peers.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/tls');
const PLAYED_S = 4;

/** Runs in the page. @returns its requests for a stream, with their protocol */
const fetched = () =>
  (performance.getEntriesByType('resource') as PerformanceResourceTiming[])
    .filter(({ name }) => /_(stream\.m3u8|init\.mp4|part\d+\.mp4)/.test(name))
    .map(({ name, nextHopProtocol }) => ({ name, protocol: nextHopProtocol }));

const playedS = () => document.querySelector('video')?.currentTime ?? 0;

describeWith(['chromium', 'ffmpeg', 'curl'], 'HLS over TLS', () => {
  let agent: Agent;
  let viewer: Viewer;
  const started: AsyncDisposable[] = [];
  let base = '';

  beforeAll(async () => {
    const files = `hlsServerKey: ${FIXTURES}/server.key\nhlsServerCert: ${FIXTURES}/server.crt\n`;
    agent = await startAgent({ config: `api: yes\nhlsEncryption: yes\n${files}paths:\n  all_others:\n` });
    viewer = await startViewer();
    started.push(agent, viewer, await publishClip(agent, 'cam', await barClip(TINY), { isEndless: true }));
    base = `https://127.0.0.1:${agent.ports.hls}`;
  });
  afterAll(async () => {
    for (const one of started.reverse()) {
      await one[Symbol.asyncDispose]();
    }
  });

  const api = async <T>(path: string): Promise<T> => agent.json<T>(path);

  test('Chromium plays low latency over HTTP/2, identified by its cookie; the API lists it and can end it', async () => {
    await using context = await viewer.browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    await page.goto(`${base}/cam/`);
    await page.waitForFunction((seconds) => (document.querySelector('video')?.currentTime ?? 0) > seconds, PLAYED_S);
    const files = await page.evaluate(fetched);
    expect(files.filter(({ name }) => name.includes('_part')).length).toBeGreaterThan(5);
    expect(new Set(files.map(({ protocol }) => protocol))).toEqual(new Set(['h2']));
    expect(files.filter(({ name }) => name.includes('session='))).toEqual([]);
    const [cookie] = (await context.cookies()).filter(({ name }) => name === 'hlsSession');
    expect(cookie).toMatchObject({ path: '/cam', httpOnly: true, secure: true, sameSite: 'None' });

    const { items } = await api<{ items: { id: string; path: string; outboundBytes: number; userAgent: string }[] }>(
      '/v3/hlssessions/list',
    );
    expect(items.length).toBe(1);
    const [session] = items;
    expect(session).toMatchObject({ path: 'cam', isCDN: false });
    expect(session?.userAgent).toContain('Chrome');
    expect(session?.outboundBytes).toBeGreaterThan(10_000);
    const { readers } = await api<{ readers: object[] }>('/v3/paths/get/cam');
    expect(readers).toEqual([{ type: 'hlsSession', id: session?.id }]);

    await fetch(`${agent.url}/v3/hlssessions/kick/${session?.id}`, { method: 'POST' });
    // The player restarts by itself.
    const before = await page.evaluate(playedS);
    await page.waitForFunction((seconds) => (document.querySelector('video')?.currentTime ?? 0) > seconds, before + 2);
    const after = await api<{ items: { id: string }[] }>('/v3/hlssessions/list');
    expect(after.items.map(({ id }) => id)).not.toContain(session?.id);
  });

  test('segments of several pieces are whole over HTTP/2, and in ranges', async () => {
    const session = connect(base, { rejectUnauthorized: false });
    const get = async (path: string, headers: Record<string, string> = {}) => {
      const stream = session.request({ ':path': path, cookie: 'cookieCheck=1', ...headers });
      const [head] = (await once(stream, 'response')) as [Record<string, string>];
      const chunks: Buffer[] = [];
      for await (const chunk of stream) {
        chunks.push(chunk as Buffer);
      }
      return { head, body: Buffer.concat(chunks) };
    };
    const index = await get('/cam/index.m3u8');
    const cookie = String(index.head['set-cookie']).split(';')[0] ?? '';
    const media = await get('/cam/video1_stream.m3u8', { cookie });
    const segments = media.body.toString().match(/^\w+_seg\d+\.mp4/gm) ?? [];
    expect(segments.length).toBeGreaterThan(0);
    const name = segments.at(-1);
    const whole = await get(`/cam/${name}`, { cookie });
    expect(whole.body.length).toBe(Number(whole.head['content-length']));
    const range = await get(`/cam/${name}`, { cookie, range: 'bytes=100-20099' });
    expect(range.body).toEqual(whole.body.subarray(100, 20_100));
    session.destroy();
  });

  test('curl gets the HTTP version that it asks for, and follows to addresses with its session', async () => {
    const curl = async (...options: string[]) => {
      const args = ['-skL', '-w', '\\n%{http_version} %{http_code}', ...options, `${base}/cam/index.m3u8`];
      return (await promisify(execFile)('curl', args)).stdout;
    };
    for (const [option, version] of [
      ['--http2', '2'],
      ['--http1.1', '1.1'],
    ] as const) {
      const text = await curl(option);
      expect(text.trim().split('\n').at(-1)).toBe(`${version} 200`);
      expect(text).toMatch(/video1_stream\.m3u8\?session=[0-9a-f-]{36}/);
    }
  });
});
