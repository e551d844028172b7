import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { framesDecoded, startViewer, type Viewer } from '../../peers/browser/browser.ts';
import { describeWith, inLong } from '../../peers/programs/peers.ts';
import { setupCodeOf } from '../../support/base/setup-code.ts';

const PASSWORD = 'a small bird by the river';

let viewer: Viewer;
let agent: Agent;
let cookie = '';

async function open(url: string): Promise<Page> {
  const page = await viewer.open(url);
  page.setDefaultTimeout(50_000);
  onTestFinished(() => page.close());
  return page;
}

/** As the owner. */
async function ask<T>(method: 'POST' | 'DELETE', url: string, body?: object): Promise<T> {
  const response = await fetch(`${agent.url}${url}`, {
    method,
    headers: { cookie, origin: agent.url, ...(body && { 'Content-Type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  expect(response.status, url).toBe(200);
  cookie ||= response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  return (await response.json()) as T;
}

const demo = (page: Page) => page.getByRole('link', { name: 'Demo camera, Live' });

describeWith(['chromium'], 'people on the page', () => {
  beforeAll(async () => {
    [viewer, agent] = await Promise.all([startViewer(), startAgent()]);
    await ask('POST', '/v3/claim', { password: PASSWORD, setupCode: setupCodeOf(agent) });
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await agent[Symbol.asyncDispose]();
  });

  test('a guest opens a link and sees the camera, live and recorded, until the owner revokes it; the page removes it from its address', async () => {
    const until = new Date(Date.now() + 3_600_000).toISOString();
    const made = await ask<{ id: string; link: string; token: string }>('POST', '/v3/guests', {
      paths: ['demo'],
      recordings: true,
      until,
    });
    const page = await open('about:blank');
    const sent: string[] = [];
    page.on('request', (request) => sent.push(request.url(), request.headers()['referer'] ?? ''));
    await page.goto(made.link);
    await demo(page).waitFor();
    await framesDecoded(page, 10);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Live');
    expect(new URL(page.url()).hash).toBe('#/live');
    expect(sent.filter((text) => text.includes(made.token))).toEqual([]);
    expect(await page.getByRole('link', { name: 'Settings' }).count()).toBe(0);
    await page.reload();
    await demo(page).waitFor();

    await recorded();
    await page.goto(`${agent.url}/#/rec/demo?ago=2`);
    await page.locator('video.recording').waitFor();
    await page.goto(`${agent.url}/#/live/demo`);
    await framesDecoded(page, 10);
    await ask('DELETE', `/v3/guests/${made.id}`);
    const over = page.getByRole('heading', { name: 'This link has expired or was revoked. Ask for a new one.' });
    await over.waitFor();
    await page.reload();
    await over.waitFor();
    expect(await page.getByLabel('Your password').count()).toBe(0);
    await page.goto(made.link);
    await over.waitFor();
  });

  test('a viewer whose password is wrong is told to ask the owner, and a name is accepted in any letter case', async () => {
    await ask('POST', '/v3/users', { name: 'Ann', password: 'a red kite', cameras: ['demo'] });
    const page = await open(agent.url);
    const logIn = page.getByRole('button', { name: 'Log in', exact: true });
    await page.getByLabel('Your password').fill('a red kit');
    await logIn.click();
    await page.getByText(/run “perch reset-password --data DIR”/).waitFor();
    await page.getByRole('button', { name: 'Use another name' }).click();
    await page.getByLabel('Your name').fill('ANN');
    await page.getByLabel('Your password').fill('a red kit');
    await logIn.click();
    await page.getByText('The owner of this box can give you a new password.').waitFor();
    await page.getByLabel('Your password').fill('a red kite');
    await logIn.click();
    await demo(page).waitFor();
  });

  inLong(() =>
    test('a viewer logs in by name, sees the camera, and finds no settings except the logout', async () => {
      await ask('POST', '/v3/users', { name: 'eve', password: 'a red kite', cameras: ['demo'] });
      const page = await open(agent.url);
      await page.getByRole('button', { name: 'Use another name' }).click();
      await page.getByLabel('Your name').fill('eve');
      await page.getByLabel('Your password').fill('a red kite');
      await page.getByRole('button', { name: 'Log in', exact: true }).click();
      await demo(page).waitFor();
      await framesDecoded(page, 10);
      await page.getByRole('link', { name: 'Settings' }).click();
      await page.getByRole('button', { name: 'Log out' }).click();
      await page.getByRole('heading', { name: 'Welcome back' }).waitFor();
    }),
  );
});

const recorded = () =>
  until(async () => {
    const list = await fetch(`${agent.url}/playback/list?path=demo`, { headers: { cookie } });
    const [span] = list.ok ? ((await list.json()) as { duration: number }[]) : [];
    return span !== undefined && span.duration > 3 ? true : undefined;
  });
