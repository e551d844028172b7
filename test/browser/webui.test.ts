import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Agent, startAgent } from '../peers/agent.ts';
import { framesDecoded, startViewer, timeShownAfter, type Viewer } from '../peers/browser.ts';
import { byLength, describeWith, inShort } from '../peers/peers.ts';

const FRAMES = byLength(10, 900);
const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1440, height: 900 };
const TARGET_PX = 44;
const GOOD_PASSWORD = 'a small bird by the river';

let viewer: Viewer;
beforeAll(async () => {
  viewer = await startViewer();
});
afterAll(() => viewer[Symbol.asyncDispose]());

async function open(url: string, size = PHONE): Promise<Page> {
  const page = await viewer.open(url, size);
  page.setDefaultTimeout(50_000);
  onTestFinished(() => page.close());
  return page;
}

const tile = (page: Page, name: string | RegExp) => page.getByRole('link', { name });
const alert = (page: Page, text: string) => page.getByRole('alert').filter({ hasText: text });

describeWith(['chromium'], 'the page, with the demo camera', () => {
  let agent: Agent;
  beforeAll(async () => {
    agent = await startAgent();
  });
  afterAll(() => agent[Symbol.asyncDispose]());

  test('a first visit at the box itself offers to claim it and shows the picture of this moment', async () => {
    const page = await open(agent.url);
    await tile(page, 'Make this box yours').waitFor();
    await tile(page, 'Demo camera, Live').waitFor();
    const before = Date.now();
    await framesDecoded(page, FRAMES);
    expect(await timeShownAfter(page, before)).toBeLessThanOrEqual(Date.now());
  });

  const SIZES = [
    ['a phone', PHONE],
    ['a desktop', DESKTOP],
  ] as const;
  test.for(inShort(SIZES, 'a phone'))(
    'on %s nothing scrolls sideways, fingers find every target, and the console stays empty',
    async ([, size]) => {
      const page = await open('about:blank', size);
      const complaints: string[] = [];
      page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
      page.on('pageerror', ({ message }) => complaints.push(message));
      for (const [address, sign] of [
        ['#/live', '.tile.live'],
        ['#/live/demo', '.actions'],
        ['#/live/nobody', '.empty'],
        ['#/rec', 'video.recording'],
        ['#/rec/..%2F..%2Fx', '.empty'],
        ['#/rec/demo?ago=5', 'video.recording'],
        ['#/settings', '.rooms'],
        ['#/settings/storage', 'meter'],
        ['#/settings/system', '.headline'],
        ['#/settings/people', '.you'],
        ['#/start', 'form'],
      ] as const) {
        await page.goto(`${agent.url}/${address}`);
        await page.locator(sign).first().waitFor();
        expect(await layoutFaults(page), address).toEqual([]);
      }
      expect(complaints).toEqual([]);
    },
  );
});

describeWith(['chromium'], 'the page and its box', () => {
  test('a weak password is refused in words, a good one leads to live; the session outlives a restart, until one logs out', async () => {
    await using agent = await startAgent();
    const page = await open(`${agent.url}/#/start`);
    const password = page.getByLabel('Your password');
    for (const [weak, words] of [
      ['', 'Eight characters or more.'],
      ['seven77', 'Eight characters or more.'],
      ['password1', 'Many people use this one.'],
    ] as const) {
      await password.fill(weak);
      await page.getByRole('button', { name: 'Find my cameras' }).click();
      await alert(page, words).waitFor();
    }
    await password.fill(GOOD_PASSWORD);
    await page.getByRole('button', { name: 'Find my cameras' }).click();
    await page.getByRole('link', { name: 'Go to live' }).click();
    await tile(page, 'Demo camera, Live').waitFor();

    await agent.process.stop('SIGINT');
    await using again = await startAgent({ dataDir: agent.dataDir, ports: agent.ports });
    await page.goto(again.url);
    await tile(page, 'Demo camera, Live').waitFor();

    await page.getByRole('link', { name: 'Settings' }).click();
    await page.getByRole('link', { name: 'People' }).click();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Welcome back' }).waitFor();
    const refused: string[] = [];
    page.on('request', (request) => refused.push(...(request.url().match(/v3\/paths.*/) ?? [])));
    await page.reload();
    await page.getByRole('heading', { name: 'Welcome back' }).waitFor();
    expect(await layoutFaults(page)).toEqual([]);
    await password.fill('a large bird by the river');
    await page.getByRole('button', { name: 'Log in' }).click();
    await alert(page, 'The password is not right.').waitFor();
    expect(refused, 'asked for cameras that it may not see').toEqual([]);
    await password.fill(GOOD_PASSWORD);
    await page.getByRole('button', { name: 'Log in' }).click();
    // The page that one has left.
    await page.getByRole('button', { name: 'Log out' }).waitFor();
  });
});

/** What a finger or an eye would stumble over. */
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
