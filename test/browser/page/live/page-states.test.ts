import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, type VisitOptions, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

/** Runs in the page: collects every text that a tile says of its camera and every alert, in their order, each once in a row. */
function collectWords(): void {
  const said: Record<string, string[]> = {};
  Object.assign(window, { said });
  const add = (key: string, text: string) => {
    const all = said[key] ?? [];
    said[key] = all;
    if (text !== '' && all.at(-1) !== text) {
      all.push(text);
    }
  };
  const look = () => {
    for (const tile of document.querySelectorAll('.tile')) {
      const name = tile.querySelector('.name b')?.textContent ?? '';
      add(name, (tile.querySelector('.word')?.textContent ?? '').replace(/\d+/g, '#'));
    }
    for (const alert of document.querySelectorAll('[role=alert]')) {
      add('alert', alert.textContent ?? '');
    }
  };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
  look();
}

const saidBy = (page: Page, key: string): Promise<readonly string[]> =>
  page.evaluate((name) => (window as unknown as { said: Record<string, string[]> }).said[name] ?? [], key);

describeWith(['chromium'], 'the states of a camera on its tile', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let names: readonly string[];
  beforeAll(async () => {
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}, {}, {}] })]);
    await box.claim();
    names = await box.adopt();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });
  const open = async (options: VisitOptions) => {
    const visitor = await visit(viewer.browser, box, options);
    await visitor.logIn();
    return visitor;
  };
  const lost = () => [0, 1].flatMap((i) => box.cameras[i] ?? []);
  const tile = (page: Page, name: string) => page.locator('.cell', { hasText: name });

  test('a person, a vehicle and a doorbell ring their tile; motion is a word', async () => {
    await using visitor = await open({ size: 'desktop' });
    const { page } = visitor;
    await page.locator('.grid .surface.playing').nth(2).waitFor();
    const [door, garden, drive] = names;
    const start = new Date().toISOString();
    const ring = (name: string) =>
      tile(page, name).evaluate((cell) => getComputedStyle(cell, '::before').borderTopStyle === 'solid');
    await box.api('POST', 'events', { path: garden, type: 'motion', start });
    await page.getByRole('link', { name: 'Garden, Motion' }).waitFor();
    expect(await ring('Garden')).toBe(false);
    for (const [path, type, title, word] of [
      [door, 'person', 'Front door', 'Person'],
      [garden, 'vehicle', 'Garden', 'Vehicle'],
      [drive, 'doorbell', 'Driveway', 'Doorbell'],
    ] as const) {
      await box.api('POST', 'events', { path, type, start: new Date().toISOString() });
      await page.getByRole('link', { name: `${title}, ${word}` }).waitFor();
      expect(await ring(title), word).toBe(true);
    }
    expect(await axeFindings(page)).toEqual([]);
  });

  test('cameras that are lost together are late, reconnecting, then offline, which is one message', async () => {
    await Promise.all(lost().map((camera) => camera.start()));
    await using visitor = await open({ size: 'desktop', hasClock: true });
    const { page } = visitor;
    await page.locator('.grid .surface.playing').nth(2).waitFor();
    await page.evaluate(collectWords);
    await Promise.all(lost().map((camera) => camera.stop({ isSilent: true })));
    for (const [words, restMs] of [
      [/, (?:\d+ s ago|Reconnecting…|Offline.*)$/, 6_000],
      [/, (?:Reconnecting…|Offline.*)$/, 8_000],
    ] as const) {
      for (const name of ['Front door', 'Garden']) {
        await page.getByRole('link', { name: new RegExp(name + words.source) }).waitFor();
      }
      await page.clock.fastForward(restMs);
    }
    // The box notices each loss for itself, so the page's time passes in small steps.
    const alert = page.getByRole('alert').filter({ hasText: /Offline$/ });
    await until(async () => {
      await page.clock.fastForward(500);
      return (await alert.count()) > 0 || undefined;
    });
    for (const name of ['Front door', 'Garden']) {
      const words = await saidBy(page, name);
      expect(words.filter((word, i) => words.indexOf(word) === i)).toEqual([
        '# s ago',
        'Reconnecting…',
        'Offline since #:#',
      ]);
    }
    expect(await saidBy(page, 'alert')).toEqual(['Front door and Garden: Offline']);
    expect(await page.getByRole('link', { name: '2 offline' }).count()).toBe(1);
  });

  test('after a start of the box a camera that does not answer yet is connecting, not offline', async () => {
    await Promise.all(lost().map((camera) => camera.stop({ isSilent: true })));
    await using visitor = await open({ size: 'desktop' });
    const { page } = visitor;
    await page.getByRole('link', { name: /^Garden, Offline/ }).waitFor();
    await box.away(async () => {});
    await page.reload();
    await page.getByRole('link', { name: /^Garden, Connecting…$/ }).waitFor();
    expect(await page.getByRole('link', { name: /offline/i }).count()).toBe(0);
    await Promise.all(lost().map((camera) => camera.start()));
    await page.getByRole('link', { name: 'Garden, Live' }).waitFor();
  });
});
