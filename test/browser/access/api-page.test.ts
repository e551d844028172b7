import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Agent, startAgent } from '../../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../../peers/browser/browser.ts';
import { describeWith, inShort } from '../../peers/programs/peers.ts';

let viewer: Viewer;
let agent: Agent;
/** A proxy that serves Perch below `/cams`. */
let proxy: Server;
let below = '';

async function openPage(url: string): Promise<{ readonly page: Page; readonly complaints: string[] }> {
  const page = await viewer.open('about:blank');
  onTestFinished(() => page.close());
  const complaints: string[] = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(url);
  return { page, complaints };
}

describeWith(['chromium'], 'the page of the control API', () => {
  beforeAll(async () => {
    [viewer, agent] = await Promise.all([startViewer(), startAgent({ config: 'api: yes\npaths:\n  garden/gate:\n' })]);
    proxy = createServer((incoming, outgoing) => {
      const path = incoming.url?.replace(/^\/cams(?=\/)/, '') ?? '/';
      const { headers, method } = incoming;
      const onwards = request(`${agent.url}${path}`, { headers, method }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      incoming.pipe(onwards);
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const address = proxy.address();
    below = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/cams`;
  });
  afterAll(async () => {
    proxy.closeAllConnections();
    proxy.close();
    await viewer[Symbol.asyncDispose]();
    await agent[Symbol.asyncDispose]();
  });

  const PLACES = ['on the main port', 'on the API port', 'below a folder of a proxy'];
  test.for(inShort(PLACES, 'below'))(
    '%s operations are found, shown and tried out, with nothing that the browser complains about',
    async (where) => {
      const base =
        { 'on the main port': agent.url, 'on the API port': `http://127.0.0.1:${agent.ports.api}` }[where] ?? below;
      const { page, complaints } = await openPage(`${base}/v3/docs`);
      await page.getByRole('searchbox').fill('paths/get/{name}');
      const shown = page.locator('section > details:visible');
      await expect.poll(() => shown.count()).toBe(2);
      await shown.filter({ hasText: 'with its readers' }).locator('> summary').click();
      await page.locator('input[name=name]').fill('garden/gate');
      expect(await page.locator('form pre').first().textContent()).toBe(
        `curl -u owner '${base}/v3/paths/get/garden/gate'`,
      );
      await page.getByRole('button', { name: 'Send' }).click();
      const answer = page.locator('form pre').last();
      await expect.poll(() => answer.textContent()).toContain('"name": "garden/gate"');
      expect(await answer.textContent()).toMatch(/^200 OK\n/);
      expect(complaints).toEqual([]);
    },
  );

  test('shows an endless response as it arrives, until it is stopped', async () => {
    const { page } = await openPage(`${agent.url}/v3/docs`);
    await page.getByRole('searchbox').fill('/v3/events');
    await page.locator('section > details:visible').filter({ hasText: 'server-sent' }).locator('> summary').click();
    const answer = page.locator('form pre').last();
    await page.getByRole('button', { name: 'Send' }).click();
    await expect.poll(() => answer.textContent()).toContain('retry: 3000');
    await page.getByRole('button', { name: 'Stop' }).click();
    await expect.poll(() => answer.textContent()).toContain('stopped');
    await page.getByRole('button', { name: 'Send' }).waitFor();
  });

  test('a page of another site calls the API with name and password', async () => {
    await using locked = await startAgent({
      config:
        'api: yes\nauthInternalUsers:\n  - user: dash\n    pass: blue heron\n    permissions: [{action: api}]\npaths:\n  cam:\n',
    });
    // Another port is another origin.
    const { page } = await openPage(`${agent.url}/health`);
    const ask = (password: string) =>
      page.evaluate(
        async ([url, authorization]) => {
          const response = await fetch(url ?? '', { headers: { authorization: authorization ?? '' } });
          return [response.status, ((await response.json()) as { itemCount?: number }).itemCount ?? null];
        },
        [`http://127.0.0.1:${locked.ports.api}/v3/paths/list`, `Basic ${btoa(`dash:${password}`)}`],
      );
    expect(await ask('blue heron')).toEqual([200, 1]);
    expect(await ask('grey heron')).toEqual([401, null]);
  });
});
