import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent } from '../../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../../peers/browser/browser.ts';
import { describeWith } from '../../peers/programs/peers.ts';

const PERMISSIONS = '[{action: api}, {action: read}, {action: publish}]';

interface Box {
  readonly api: string;
  readonly hls: string;
  readonly webrtc: string;
}
type Try = readonly [what: string, url: (box: Box) => string, options: RequestInit & { readonly body?: string }];

const body = JSON.stringify({ source: 'publisher', runOnInit: 'touch HOOK' });
const TEXT = { method: 'POST', headers: { 'Content-Type': 'text/plain' }, body };
const PROXY = 'vhost=__defaultVhost__&app=zlm&timeout_sec=1&url=rtsp://127.0.0.1:9/';
const add = (name: string) => (box: Box) => `${box.api}/v3/config/paths/add/${name}`;
const TRIES: readonly Try[] = [
  ['text without asking', add('text'), { ...TEXT, mode: 'no-cors' }],
  ['text by CORS', add('cors'), TEXT],
  ['JSON, which is asked about', add('json'), { ...TEXT, headers: { 'Content-Type': 'application/json' } }],
  ['PATCH', ({ api }) => `${api}/v3/config/paths/patch/yard`, { method: 'PATCH', body }],
  ['DELETE', ({ api }) => `${api}/v3/config/paths/delete/yard`, { method: 'DELETE' }],
  ["ZLMediaKit's GET", ({ webrtc }) => `${webrtc}/index/api/addStreamProxy?${PROXY}&stream=gate`, { mode: 'no-cors' }],
];

/** A page that shows the response to a form in a frame: a browser sends forms to any origin without a preflight. */
async function sendForm({ url, text }: { url: string; text: string }): Promise<void> {
  const [form, frame, field] = [
    document.createElement('form'),
    document.createElement('iframe'),
    document.createElement('input'),
  ];
  Object.assign(form, { action: url, method: 'POST', enctype: 'text/plain', target: 'answer' });
  frame.name = 'answer';
  // A form of text/plain sends `name=value`.
  const [before = '', after = ''] = text.split('"source"');
  Object.assign(field, { name: `${before}"x`, value: `": 1, "source"${after}` });
  form.append(field);
  document.body.append(frame, form);
  const loaded = new Promise((resolve) => frame.addEventListener('load', resolve, { once: true }));
  form.submit();
  await loaded;
}

const opensSocket = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = new WebSocket(url);
    socket.onopen = () => resolve(true);
    socket.onerror = () => resolve(false);
  });

describeWith(['chromium'], 'a page of another site, in a browser that has kept a name and password of the box', () => {
  let agent: Agent;
  let viewer: Viewer;
  const site = createServer((_request, response) => {
    response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>another site</title>');
  });
  beforeAll(async () => {
    const users = `authInternalUsers: [{user: tom, pass: secret, permissions: ${PERMISSIONS}}]\n`;
    viewer = await startViewer();
    agent = await startAgent({ config: `${users}api: yes\npaths:\n  yard:\n    source: publisher\n` });
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    site.closeAllConnections();
    site.close();
    await viewer?.[Symbol.asyncDispose]();
    await agent?.[Symbol.asyncDispose]();
  });

  const names = async (): Promise<string[]> => {
    const headers = { Authorization: `Basic ${Buffer.from('tom:secret').toString('base64')}` };
    const answer = await fetch(`${origins().api}/v3/config/paths/list`, { headers });
    return ((await answer.json()) as { items: { name: string }[] }).items.map(({ name }) => name);
  };

  const originOf = (port: number): string => `http://127.0.0.1:${port}`;
  const origins = () => {
    const { api, hls, webrtc } = agent.ports;
    return { api: originOf(api), hls: originOf(hls), webrtc: originOf(webrtc) };
  };

  /** The user has entered name and password at the browser's prompt: the browser sends them for everything below. */
  async function loggedIn(): Promise<Page> {
    const { api, hls, webrtc } = origins();
    const page = await viewer.open('about:blank');
    for (const place of [`${hls}/yard/`, `${webrtc}/index/`, `${api}/v3/none`]) {
      await page.goto(place.replace('//', '//tom:secret@'));
      const answer = await page.goto(place);
      expect(answer?.status()).not.toBe(401);
    }
    return page;
  }

  /** A rejection makes the browser forget name and password: each try has a browser that has just got them. */
  async function onAnotherSite<T>(host: string, attack: (page: Page) => Promise<T>): Promise<T> {
    const page = await loggedIn();
    await page.goto(`http://${host}:${(site.address() as AddressInfo).port}/`);
    const result = await attack(page);
    await page.close();
    return result;
  }

  // Another site, and another port of the same host, which is the same site with another origin.
  test.for(['localhost', '127.0.0.1'])('changes nothing and opens no WebSocket: from %s', async (host) => {
    const hook = join(agent.dataDir, `ran-from-${host}`);
    for (const [, url, options] of TRIES) {
      const sent = { ...options, credentials: 'include' as const };
      const own = sent.body !== undefined ? { ...sent, body: sent.body.replace('HOOK', hook) } : sent;
      await onAnotherSite(host, (page) =>
        page.evaluate(
          ([to, with_]) =>
            fetch(to, with_)
              .catch(() => {})
              .then(() => {}),
          [url(origins()), own] as const,
        ),
      );
    }
    const form = { url: add('form')(origins()), text: body.replace('HOOK', hook) };
    await onAnotherSite(host, (page) => page.evaluate(sendForm, form));
    const socket = `${origins().hls.replace('http', 'ws')}/yard/mse`;
    expect(await onAnotherSite(host, (page) => page.evaluate(opensSocket, socket))).toBe(false);
    expect((await names()).filter((name) => name !== 'own')).toEqual(['yard']);
    expect(existsSync(hook)).toBe(false);
  });

  test("the box's own page can still change settings", async () => {
    const page = await loggedIn();
    const status = await page.evaluate(async () => {
      const headers = { 'Content-Type': 'application/json' };
      return (await fetch('/v3/config/paths/add/own', { method: 'POST', headers, body: '{}' })).status;
    });
    expect(status).toBe(200);
    expect(await names()).toContain('own');
    await page.close();
  });
});
