import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { barClip, TINY } from '../../peers/cameras/bar-clip.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { type RunningProcess, startProcess } from '../../peers/programs/process.ts';
import { freePorts } from '../../support/base/free-port.ts';

const OFFER = readFileSync(join(import.meta.dirname, '../../fixtures/offers/chromium-156-linux.sdp'), 'utf8');

/** MediaMTX's ports in folders, by the shortest configuration: nothing tells Perch of the folder. */
describeWith(['nginx', 'ffmpeg'], 'behind nginx that states no folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-plain-proxy-'));
  let agent: Agent;
  let nginx: RunningProcess;
  let site: string;
  let camera: AsyncDisposable;

  beforeAll(async () => {
    agent = await startAgent({ config: 'api: yes\npaths:\n  a/cam:\n' });
    camera = await publishClip(agent, 'a/cam', await barClip(TINY), { isEndless: true });
    const [port = 0] = await freePorts(1);
    site = `http://127.0.0.1:${port}`;
    const to = (name: 'webrtc' | 'hls') => `location /${name}/ { proxy_pass http://127.0.0.1:${agent.ports[name]}/; }`;
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${folder}/${name};`)
      .join('\n');
    writeFileSync(
      join(folder, 'nginx.conf'),
      `daemon off; pid ${folder}/pid; error_log stderr; worker_processes 1;
events {}
http { access_log off; ${temporary}
server { listen 127.0.0.1:${port}; ${to('webrtc')} ${to('hls')} } }`,
    );
    nginx = startProcess('/usr/sbin/nginx', ['-e', 'stderr', '-c', join(folder, 'nginx.conf')]);
    await until(async () => {
      const answer = await fetch(`${site}/hls/a/cam/index.m3u8`).catch(() => undefined);
      return answer?.ok || undefined;
    });
  });
  afterAll(async () => {
    await camera?.[Symbol.asyncDispose]();
    await nginx?.stop('SIGTERM');
    await agent?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = (url: string, method = 'GET', body?: string) =>
    fetch(url, {
      method,
      redirect: 'manual',
      ...(body === undefined ? {} : { body, headers: { 'Content-Type': 'application/sdp' } }),
    });

  test('DELETE on the Location ends a WHEP session', async () => {
    const url = `${site}/webrtc/a/cam/whep?x=1`;
    const made = await ask(url, 'POST', OFFER);
    expect(made.status, await made.text()).toBe(201);
    const { href } = new URL(made.headers.get('location') ?? '', url);
    expect(href).toMatch(/\/webrtc\/a\/cam\/whep\/[0-9a-f-]{36}\?x=1$/);
    expect((await ask(href, 'DELETE')).status).toBe(200);
  });

  test.for(['webrtc/a/cam', 'hls/a/cam'])(
    '%s without a slash leads to its page, whose parts are there',
    async (name) => {
      const moved = await ask(`${site}/${name}?muted=true`);
      expect(moved.status).toBe(302);
      const page = new URL(moved.headers.get('location') ?? '', `${site}/${name}`).href;
      expect(page).toBe(`${site}/${name}/?muted=true`);
      const text = await (await ask(page)).text();
      for (const [, part = ''] of text.matchAll(/src="([^"]+)"|load\('([^']+)'\)/g)) {
        const { href } = new URL(part, page);
        expect([href, (await ask(href)).status]).toEqual([href, 200]);
      }
    },
  );

  test('playlists lead to media', async () => {
    const index = await fetch(`${site}/hls/a/cam/index.m3u8`);
    const first = (text: string) => /^[^#\s].*$/m.exec(text)?.[0] ?? '';
    const media = new URL(first(await index.text()), index.url);
    const segment = new URL(first(await (await fetch(media)).text()), media);
    expect([segment.pathname.startsWith('/hls/a/cam/'), (await fetch(segment)).status]).toEqual([true, 200]);
  });
});
