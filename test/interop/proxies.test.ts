import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent } from '../peers/agent.ts';
import { ffprobe } from '../peers/ffmpeg.ts';
import { describeWith } from '../peers/peers.ts';
import { type FrontServer, type ProxyName, startProxy } from '../peers/proxies.ts';

const PASSWORD = 'a-kingfisher-on-a-perch';
const OFFER = readFileSync(join(import.meta.dirname, '../fixtures/offers/chromium-156-linux.sdp'), 'utf8');
/** Another than the proxy's own, which is believed. */
const CLIENT = '127.0.0.2';

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

for (const name of ['nginx', 'apache', 'caddy'] as const satisfies readonly ProxyName[]) {
  describeWith([name, 'ffmpeg'], `in a folder behind ${name}, as the guide has it`, () => {
    let agent: Agent;
    let proxy: FrontServer;
    let cookie: string;
    let basic: string;
    beforeAll(async () => {
      agent = await startAgent({ env: { PERCH_TRUSTEDPROXIES: '127.0.0.1' } });
      proxy = await startProxy(name, agent.ports.main);
      // As anybody outside would write it.
      const forged = { 'X-Forwarded-For': '203.0.113.9', 'X-Real-IP': '203.0.113.9', Forwarded: 'for=203.0.113.9' };
      const body = JSON.stringify({ password: PASSWORD });
      const headers = { 'Content-Type': 'application/json', Origin: new URL(proxy.url).origin, ...forged };
      const claimed = await ask('/v3/claim', { method: 'POST', headers, body });
      expect(claimed.statusCode, await text(claimed)).toBe(200);
      cookie = (claimed.headers['set-cookie'] ?? []).map((one) => one.split(';')[0]).join('; ');
      const { user } = await json<{ user: string }>('/v3/session', { headers: { cookie } });
      basic = `Basic ${Buffer.from(`${user}:${PASSWORD}`).toString('base64')}`;
    });
    afterAll(async () => {
      await proxy?.[Symbol.asyncDispose]();
      await agent?.[Symbol.asyncDispose]();
    });

    async function ask(path: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<IncomingMessage> {
      const request = httpRequest(`${proxy.url}${path}`, { method, headers, localAddress: CLIENT });
      request.end(body);
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      return response;
    }

    async function json<T>(path: string, asked?: Asked): Promise<T> {
      return JSON.parse(await text(await ask(path, asked))) as T;
    }

    test('the folder without its slash leads to the page, whose parts are all below the folder', async () => {
      const bare = await ask('');
      expect([301, 302]).toContain(bare.statusCode);
      expect(new URL(bare.headers.location ?? '', proxy.url).pathname).toBe('/perch/');
      const page = await text(await ask('/'));
      const parts = [...page.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, part = '']) => part);
      expect(parts.length).toBeGreaterThan(0);
      for (const part of parts.filter((one) => !one.startsWith('data:'))) {
        const { pathname } = new URL(part, `${proxy.url}/`);
        expect(pathname).toMatch(/^\/perch\//);
        expect((await fetch(new URL(pathname, proxy.url))).status).toBe(200);
      }
    });

    test("a session has its client's own address, whatever the client wrote", async () => {
      const { items } = await json<{ items: { address: string }[] }>('/v3/sessions', { headers: { cookie } });
      expect(items.map(({ address }) => address)).toEqual([CLIENT]);
    });

    test('the API wants name and password, and says where it is', async () => {
      expect((await ask('/v3/paths/list')).statusCode).toBe(401);
      const { items } = await json<{ items: { name: string }[] }>('/v3/paths/list', {
        headers: { authorization: basic },
      });
      expect(items.map((item) => item.name)).toContain('demo');
      const late = await ask('/v3/paths/list/', { headers: { authorization: basic } });
      expect(new URL(late.headers.location ?? '', `${proxy.url}/v3/paths/list/`).pathname).toBe('/perch/v3/paths/list');
    });

    test('a WHEP player that knows nothing of the folder ends its session by Location', async () => {
      const headers = { authorization: basic, 'Content-Type': 'application/sdp' };
      const made = await ask('/webrtc/demo/whep', { method: 'POST', headers, body: OFFER });
      expect(made.statusCode, await text(made)).toBe(201);
      const { location = '' } = made.headers;
      expect(location).toMatch(/^\/perch\/webrtc\/demo\/whep\//);
      const ended = await ask(location.replace('/perch', ''), { method: 'DELETE', headers: { authorization: basic } });
      expect(ended.statusCode).toBe(200);
    });

    test('ffmpeg plays HLS', async () => {
      const { host } = new URL(proxy.url);
      const [user] = Buffer.from(basic.slice(6), 'base64').toString().split(':');
      const { streams } = await ffprobe(`http://${user}:${PASSWORD}@${host}/perch/hls/demo/index.m3u8`);
      expect(streams.map(({ codec_name }) => codec_name)).toContain('h264');
    });

    test('live fMP4 and the WebSocket bring pictures while they are made', async () => {
      const response = await ask('/hls/demo/live.mp4', { headers: { authorization: basic } });
      const [first] = (await once(response, 'data')) as [Buffer];
      expect(first.length).toBeGreaterThan(0);
      response.destroy();
      const address = `${proxy.url.replace('http', 'ws')}/hls/demo/mse`;
      const socket = new WebSocket(address, { headers: { authorization: basic } } as never);
      socket.binaryType = 'arraybuffer';
      const media = new Promise<number>((resolve, reject) => {
        socket.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) => {
          if (typeof data !== 'string') {
            resolve(data.byteLength);
          }
        });
        socket.addEventListener('close', ({ code }) => reject(new Error(`closed with ${code}`)));
      });
      expect(await media).toBeGreaterThan(0);
      socket.close();
    });

    test('events come at once', async () => {
      const response = await ask('/v3/events', { headers: { authorization: basic, accept: 'text/event-stream' } });
      expect(response.statusCode).toBe(200);
      const [first] = (await once(response, 'data')) as [Buffer];
      expect(first.length).toBeGreaterThan(0);
      response.destroy();
    });
  });
}
