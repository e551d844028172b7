import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { layoutFaults } from '../../../peers/browser/page-layout.ts';
import { axeFindings, type Size, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

interface Mode {
  readonly mode: string;
  readonly hold: boolean;
  readonly next: { readonly mode: string } | null;
}
interface PathConfig {
  readonly modes?: object;
}

/** With the weekday, if it is not today. */
const NEXT_NIGHT = /Night from .*22:30/;

describeWith(['chromium'], 'home, away and night', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let door: string;
  beforeAll(async () => {
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}, {}] })]);
    await box.claim();
    [door = ''] = await box.adopt();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 100 });
  const mode = () => box.api<Mode>('GET', 'mode');
  const open = async (size: Size, place: string, theme: 'dark' | 'light' = 'dark', locale = 'en-GB') => {
    const visitor = await visit(viewer.browser, box, { size, theme, locale });
    await visitor.logIn(place);
    return visitor;
  };
  const reset = async () => {
    await box.api('PATCH', `config/paths/patch/${door}`, { modes: {} });
    await box.api('PATCH', 'config/global/patch', { timetable: [] });
    await box.api('POST', 'mode', { mode: 'home' });
  };
  const choose = (page: Page, within: string, text: string) =>
    page.locator(within).getByRole('radio', { name: text, exact: true }).click();

  test.for(sizesInTurn())('on a %s the mode is set, with Undo, and axe finds nothing', async (size) => {
    await reset();
    await using visitor = await open(size, '#/settings/modes', size === 'phone' ? 'light' : 'dark');
    const { page, complaints } = visitor;
    await settled(page, '.segment');
    expect(await page.locator('.headline').textContent()).toBe('Home');
    await choose(page, '.settings-page .segment', 'Away');
    await until(async () => expect((await mode()).mode).toBe('away'));
    await page.locator('.headline', { hasText: 'Away' }).waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    await until(async () => expect((await mode()).mode).toBe('home'));
    expect(await axeFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test.for(sizesInTurn())('on a %s no mode is chosen while its file is damaged, and a tap sets one', async (size) => {
    await reset();
    await box.away(async () => {
      const data = join(box.folder, 'data');
      for (const file of readdirSync(data).filter((name) => name.startsWith('mode.json'))) {
        writeFileSync(join(data, file), '{');
      }
    });
    await using visitor = await open(size, '#/settings/modes');
    const { page } = visitor;
    await page.getByText('The mode that was set is lost').waitFor();
    expect(await page.locator('.settings-page .segment input:checked').count()).toBe(0);
    expect(await axeFindings(page)).toEqual([]);
    await choose(page, '.settings-page .segment', 'Home');
    await page.locator('.headline', { hasText: 'Home' }).waitFor();
    await until(async () => expect(await box.api('GET', 'mode')).toMatchObject({ mode: 'home', lost: false }));
  });

  test.for(sizesInTurn())('on a %s a timetable is made, changed and deleted', async (size) => {
    await reset();
    await using visitor = await open(size, '#/settings/modes');
    const { page, complaints } = visitor;
    await settled(page, '.segment');
    await page.getByRole('button', { name: 'Add a time' }).click();
    await settled(page, '.sheet');
    await page.getByText('If no other time has come since, it changes now.').waitFor();
    await choose(page, '.sheet .segment', 'Night');
    await page.getByLabel('Begins at').fill('22:30');
    for (const day of ['Sat', 'Sun']) {
      await page.getByRole('button', { name: day, exact: true }).click();
    }
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Save' }).click();
    const row = page.getByRole('button', { name: /^22:30 Night/ });
    await row.getByText('Every day').waitFor();
    const EVERY_DAY = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
    const { timetable } = await box.api<{ timetable: object[] }>('GET', 'config/global/get');
    expect(timetable).toEqual([{ days: EVERY_DAY, from: '22:30', mode: 'night' }]);
    expect((await mode()).next?.mode).toBe('night');
    await page.getByText(NEXT_NIGHT).waitFor();
    await page.locator('.sheet').waitFor({ state: 'detached' });
    await choose(page, '.settings-page .segment', 'Night');
    await page.locator('.headline', { hasText: 'Night' }).waitFor();
    await page.getByText(NEXT_NIGHT).waitFor({ state: 'detached' });
    await row.click();
    await settled(page, '.sheet');
    for (const day of EVERY_DAY.map((name) => `${name[0]?.toUpperCase()}${name.slice(1)}`)) {
      await page.getByRole('button', { name: day, exact: true }).click();
    }
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Choose at least one day.').waitFor();
    await page.getByRole('button', { name: 'Delete this time' }).click();
    await page.getByRole('button', { name: 'Delete this time' }).last().click();
    await until(async () =>
      expect((await box.api<{ timetable: object[] }>('GET', 'config/global/get')).timetable).toEqual([]),
    );
    await page.getByRole('button', { name: 'Undo' }).click();
    await row.waitFor();
    expect(complaints).toEqual([]);
  });

  test.for(sizesInTurn())('on a %s a private camera has a sign and a word instead of its picture', async (size) => {
    await reset();
    await using visitor = await open(size, '#/settings/modes');
    const { page } = visitor;
    await settled(page, '.settings-page .row');
    await page.getByRole('button', { name: /^Front door/ }).click();
    await settled(page, '.sheet');
    await choose(page, '.sheet .segment', 'Away');
    await page.getByRole('switch', { name: /^Privacy/ }).click();
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Away: privacy').waitFor();
    const { modes } = await box.api<PathConfig>('GET', `config/paths/get/${door}`);
    expect(modes).toEqual({ away: { privacy: true } });

    await visitor.go('#/live');
    const tile = page.getByRole('link', { name: /^Front door/ });
    await page.locator('.tile.live .surface.playing').nth(1).waitFor();
    await page.getByRole('button', { name: 'Mode: Home' }).click();
    await page.getByRole('menuitemradio', { name: 'Away' }).click();
    await page.getByRole('link', { name: 'Front door, Privacy' }).waitFor();
    expect(await tile.locator('.sign svg').isVisible()).toBe(true);
    expect(await tile.locator('.pictures').isVisible()).toBe(false);
    expect(await axeFindings(page)).toEqual([]);

    await tile.click();
    await page.locator('.screen.private .sign').waitFor();
    await page.getByText('The current mode makes this camera private: no live video, no recording.').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await visitor.go('#/settings/cameras');
    await page
      .getByRole('link', { name: /^Front door/ })
      .getByText('Privacy', { exact: true })
      .waitFor();

    await visitor.go('#/live');
    await page.getByRole('button', { name: 'Mode: Away' }).click();
    await page.getByRole('menuitemradio', { name: 'Home' }).click();
    await page.locator('.tile.live .surface.playing').nth(1).waitFor();
  });

  test('an established WebRTC session ends when privacy begins', async () => {
    await reset();
    await box.api('PATCH', `config/paths/patch/${door}`, { modes: { away: { privacy: true } } });
    // A place that plays nothing itself.
    await using visitor = await open('desktop', '#/settings/modes');
    const { page, url } = visitor;
    await page.evaluate(async (whep) => {
      const peer = new RTCPeerConnection();
      const transceiver = peer.addTransceiver('video', { direction: 'recvonly' });
      await peer.setLocalDescription();
      const headers = { 'Content-Type': 'application/sdp' };
      const answer = await fetch(whep, { method: 'POST', headers, body: peer.localDescription?.sdp ?? '' });
      await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
      Object.assign(window, { ofSession: transceiver.receiver.transport });
    }, `${url}/webrtc/${door}/whep`);
    const isInState = (state: string) =>
      page.waitForFunction(
        (wanted) => (window as unknown as { ofSession: RTCDtlsTransport }).ofSession.state === wanted,
        state,
      );
    const sessions = async () =>
      (await box.api<{ items: readonly { path: string; state: string }[] }>('GET', 'webrtcsessions/list')).items
        .filter(({ path }) => path === door)
        .map(({ state }) => state);
    await isInState('connected');
    expect(await sessions()).toEqual(['read']);
    await box.api('POST', 'mode', { mode: 'away' });
    await isInState('closed');
    await until(async () => expect(await sessions()).toEqual([]));
    await reset();
  });

  test('without rules and timetable nothing above the grid speaks of modes', async () => {
    await reset();
    await using visitor = await open('desktop', '#/live');
    const { page } = visitor;
    const asked = page.waitForResponse(/v3\/mode/);
    await page.locator('.tile.live .surface.playing').first().waitFor();
    await asked;
    expect(await page.getByRole('button', { name: /^Mode/ }).count()).toBe(0);
  });

  test.for([
    ['en-US', 'Add a time', 'Begins at', '10:30 pm', /^10:30\s?PM Away/, 'Save'],
    ['en-GB', 'Add a time', 'Begins at', '2230', /^22:30 Away/, 'Save'],
    ['zh-CN', '添加时间', '开始时间', '22：30', /^22:30 外出/, '保存'],
  ] as const)('the clock of %s is that of fields and lists', async ([locale, add, label, typed, row, save]) => {
    await reset();
    await using visitor = await open('phone', '#/settings/modes', 'dark', locale);
    const { page } = visitor;
    await page.getByRole('button', { name: add }).click();
    await page.getByLabel(label).fill('soon');
    await page.getByLabel(label).blur();
    await page.locator('.sheet .input.wrong').waitFor();
    await page.getByLabel(label).fill(typed);
    await page.getByRole('button', { name: save }).click();
    await page.getByRole('button', { name: row }).waitFor();
    const { timetable } = await box.api<{ timetable: { from: string }[] }>('GET', 'config/global/get');
    expect(timetable.map(({ from }) => from)).toEqual(['22:30']);
    await reset();
  });

  test('at 320 px each of four choices is one line', async () => {
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = visitor;
    await page.setViewportSize({ width: 320, height: 568 });
    await visitor.logIn('#/settings/modes');
    await page.getByRole('button', { name: /^Front door/ }).click();
    const choices = page.getByRole('group', { name: 'Record' }).locator('span');
    await expect.poll(() => choices.count()).toBe(4);
    await settled(page, '.sheet');
    const places = await choices.evaluateAll((all) =>
      all.map((one) => {
        const { top, bottom } = one.getBoundingClientRect();
        const range = document.createRange();
        range.selectNodeContents(one);
        return { place: `${top} ${bottom}`, lines: range.getClientRects().length };
      }),
    );
    expect(new Set(places.map(({ place }) => place)).size).toBe(1);
    expect(places.map(({ lines }) => lines)).toEqual([1, 1, 1, 1]);
    expect(await layoutFaults(page)).toEqual([]);
  });
});
