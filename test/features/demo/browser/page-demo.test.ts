import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AGENT, startAgent } from '../../../peers/agent/agent.ts';
import { KeptAgent } from '../../../peers/agent/kept-agent.ts';
import { pageEverywhere } from '../../../peers/agent/owned-agent.ts';
import { framesDecoded, startViewer, timeShownAfter, type Viewer } from '../../../peers/browser/browser.ts';
import { OWNER_PASSWORD } from '../../../peers/browser/page-harness.ts';
import { enterSetupCode, visit } from '../../../peers/browser/page-visit.ts';
import { byLength, describeWith, inShort } from '../../../peers/programs/peers.ts';
import { startProcess } from '../../../peers/programs/process.ts';
import { setupCodeOf } from '../../../support/base/setup-code.ts';

const FRAMES = byLength(10, 900);
const TARGET_PX = 44;

let viewer: Viewer;
beforeAll(async () => {
  viewer = await startViewer();
});
afterAll(() => viewer[Symbol.asyncDispose]());

const tile = (page: Page, name: string | RegExp) => page.getByRole('link', { name });
const alert = (page: Page, text: string) => page.getByRole('alert').filter({ hasText: text });

describeWith(['chromium'], 'the page, with the demo camera', () => {
  const demoBox = new KeptAgent();

  test('the link from the console asks only for a password, is removed from the address, and leads to the live picture', async () => {
    const agent = await startAgent({ listen: pageEverywhere });
    demoBox.keep(agent);
    await using visitor = await visit(viewer.browser, agent, { size: 'phone', isCalm: true });
    const { page } = visitor;
    await visitor.go(`#/setup/${setupCodeOf(agent)}`);
    const password = page.getByLabel('Your password');
    await password.waitFor();
    await page.waitForURL(/#\/start$/);
    expect(await page.locator('[name=code]').count()).toBe(0);
    await password.fill(OWNER_PASSWORD);
    await page.getByRole('button', { name: 'Find my cameras' }).click();
    await page.getByRole('link', { name: 'Go to live' }).click();
    await tile(page, 'Demo camera, Live').waitFor();
    const before = Date.now();
    await framesDecoded(page, FRAMES);
    expect(await timeShownAfter(page, before)).toBeLessThanOrEqual(Date.now());
  });

  test('after a claim on the command line the open page asks for the login, which leads to the search', async () => {
    await using agent = await startAgent({ listen: pageEverywhere });
    await using visitor = await visit(viewer.browser, agent, { size: 'phone', isCalm: true });
    const { page } = visitor;
    await visitor.go('');
    await page.getByText(/Running “perch claim --data DIR” on the box needs no code/).waitFor();
    const command = startProcess(process.execPath, [...AGENT, 'claim', '--data', agent.dataDir]);
    command.child.stdin.end(`${OWNER_PASSWORD}\n`);
    expect(await command.exited).toBe(0);
    await page.getByRole('button', { name: 'Log in', exact: true }).waitFor();
    await page.getByLabel('Your password').fill(OWNER_PASSWORD);
    await page.getByRole('button', { name: 'Log in', exact: true }).click();
    await page.getByRole('link', { name: 'Go to live' }).click();
    await tile(page, 'Demo camera, Live').waitFor();
  });

  test.for(inShort(['phone', 'desktop'] as const, 'phone'))(
    'on a %s nothing scrolls sideways, every target is large enough, and the console stays empty',
    async (size) => {
      const agent = await demoBox.get();
      await using visitor = await visit(viewer.browser, agent, { size, isCalm: true });
      const { page, complaints } = visitor;
      await visitor.logIn();
      for (const [address, sign] of [
        ['#/live', '.tile.live'],
        ['#/live/demo', '.actions'],
        ['#/live/missing', '.empty'],
        ['#/rec', 'video.recording'],
        ['#/rec/..%2F..%2Fx', '.empty'],
        ['#/rec/demo?ago=5', 'video.recording'],
        ['#/settings', '.sections'],
        ['#/settings/storage', 'meter'],
        ['#/settings/system', '.headline'],
        ['#/settings/people', '.you'],
      ] as const) {
        await visitor.go(address);
        await page.locator(sign).first().waitFor();
        expect(await layoutFaults(page), address).toEqual([]);
      }
      expect(complaints).toEqual([]);
    },
  );

  test('a Chinese page translates the name of the demo camera', async () => {
    const agent = await demoBox.get();
    await using visitor = await visit(viewer.browser, agent, { size: 'phone', locale: 'zh-CN', isCalm: true });
    await visitor.logIn();
    await tile(visitor.page, /^演示摄像头/).waitFor();
  });

  test('the Events page has a motion of the demo camera with a picture, which is removed with the demo camera', async () => {
    const agent = await demoBox.get();
    await using visitor = await visit(viewer.browser, agent, { size: 'phone', isCalm: true });
    const { page } = visitor;
    await visitor.logIn();
    await visitor.go('#/events');
    const motion = page.locator('.events-page li', { hasText: 'Motion' });
    await motion.first().waitFor({ timeout: 90_000 });
    await expect.poll(() => motion.first().locator('img, canvas, video').count()).toBeGreaterThan(0);
    const headers = { 'Sec-Fetch-Site': 'same-origin' };
    const data = { source: 'publisher' };
    await visitor.context.request.post(`${visitor.url}/v3/config/paths/add/yard`, { data, headers });
    const left = async () => {
      const answer = await visitor.context.request.get(
        `${visitor.url}/v3/events/list?path=demo&to=2100-01-01T00:00:00Z`,
      );
      return ((await answer.json()) as { items: unknown[] }).items;
    };
    await expect.poll(left, { timeout: 20_000 }).toEqual([]);
  });
});

describeWith(['chromium'], 'the page and its box', () => {
  test('a weak password is rejected with a message, a good one leads to live; the session survives a restart, until the logout', async () => {
    await using agent = await startAgent({ listen: pageEverywhere });
    await using visitor = await visit(viewer.browser, agent, { size: 'phone', isCalm: true });
    const { page } = visitor;
    await visitor.go('#/start');
    const password = page.getByLabel('Your password');
    await password.waitFor();
    expect(await layoutFaults(page)).toEqual([]);
    await enterSetupCode(page, setupCodeOf(agent));
    for (const [weak, words] of [
      ['', 'Eight characters or more.'],
      ['seven77', 'Eight characters or more.'],
      ['password1', 'Many people use this one.'],
    ] as const) {
      await password.fill(weak);
      await page.getByRole('button', { name: 'Find my cameras' }).click();
      await alert(page, words).waitFor();
    }
    await password.fill(OWNER_PASSWORD);
    await page.getByRole('button', { name: 'Find my cameras' }).click();
    await page.getByRole('link', { name: 'Go to live' }).click();
    await tile(page, 'Demo camera, Live').waitFor();

    await agent.process.stop('SIGINT');
    const { dataDir, ports } = agent;
    await using _again = await startAgent({ dataDir, ports, listen: pageEverywhere });
    await page.goto(visitor.url);
    await tile(page, 'Demo camera, Live').waitFor();

    await page.getByRole('link', { name: 'Settings' }).click();
    await page.getByRole('link', { name: 'People', exact: true }).click();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Welcome back' }).waitFor();
    const refused: string[] = [];
    page.on('request', (request) => refused.push(...(request.url().match(/v3\/paths.*/) ?? [])));
    await page.reload();
    await page.getByRole('heading', { name: 'Welcome back' }).waitFor();
    expect(await layoutFaults(page)).toEqual([]);
    await password.fill('a large bird by the river');
    await page.getByRole('button', { name: 'Log in' }).click();
    await alert(page, 'Wrong password.').waitFor();
    expect(refused, 'asked for cameras that it may not see').toEqual([]);
    await password.fill(OWNER_PASSWORD);
    await page.getByRole('button', { name: 'Log in' }).click();
    // The page before.
    await page.getByRole('button', { name: 'Log out' }).waitFor();
  });
});

/** Obstacles for a finger or an eye. */
const layoutFaults = (page: Page): Promise<string[]> =>
  page.evaluate((limit) => {
    const { scrollWidth, clientWidth } = document.documentElement;
    const wide = scrollWidth > clientWidth ? [`the page is ${scrollWidth} px wide, the window ${clientWidth} px`] : [];
    const targets = [...document.querySelectorAll(':is(nav, main) :is(a, button, select, [role=slider])')];
    const small = targets.flatMap((target) => {
      const { width, height } = target.getBoundingClientRect();
      const isFit = !target.checkVisibility() || (width >= limit && height >= limit);
      return isFit ? [] : [`${width} x ${height} px: ${target.outerHTML.slice(0, 120)}`];
    });
    return [...wide, ...small];
  }, TARGET_PX);
