import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, until } from '../../../peers/agent/agent.ts';
import { asOwner, inviteServer, startBox } from '../../../peers/agent/paired-boxes.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { nameOfDay, settled, visit } from '../../../peers/browser/page-visit.ts';
import {
  clockAfter,
  clockIn,
  clockNear,
  clocksIn,
  EXACT_MS,
  halt,
  MAIN,
} from '../../../peers/browser/recorded-cameras.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { GROUP_MS, recordClock } from '../../../support/disks/recorded-clock.ts';

const SECONDS = 30;

describeWith(['chromium'], 'the page of a server with two boxes', () => {
  const startMs = Math.floor(Date.now() / 1000) * 1000 - 90_000;
  const at = (seconds: number) => new Date(startMs + seconds * 1000).toISOString();
  let viewer: Viewer;
  let server: PageHarness;
  let boxes: readonly Agent[];

  beforeAll(async () => {
    const recorded = (path: string) => startBox([path], [{ path, startMs, seconds: SECONDS }]);
    boxes = await Promise.all([recorded('gate'), recorded('stable')]);
    [viewer, server] = await Promise.all([startViewer(), startPageHarness()]);
    await server.claim();
    for (const [i, path] of ['gate', 'stable'].entries()) {
      const box = boxes[i] as Agent;
      await asOwner(box, 'POST', '/v3/events', {
        path,
        type: 'person',
        id: `p-${path}`,
        start: at(10 + i),
        end: at(12 + i),
      });
      await server.api('POST', 'boxes', { invitation: await inviteServer(box) });
    }
    await until(async () => {
      const to = encodeURIComponent(new Date().toISOString());
      const { items } = await server.api<{ readonly items: readonly object[] }>('GET', `events/list?to=${to}`);
      return items.length === 2 ? true : undefined;
    });
  });
  afterAll(async () => {
    await viewer?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    for (const box of boxes ?? []) {
      await box[Symbol.asyncDispose]();
    }
  });

  test('recordings of a box play at the moment that was asked for', async () => {
    await using visitor = await visit(viewer.browser, server, { size: 'desktop' });
    await visitor.logIn(`#/rec/gate?t=${at(5)}`);
    await settled(visitor.page, MAIN);
    await clockAfter(visitor.page, startMs + 6_000);
    await halt(visitor.page);
    expect(visitor.complaints).toEqual([]);
  });

  test('one list has the events of both boxes with their pictures, and a tap plays one of the other box', async () => {
    await using visitor = await visit(viewer.browser, server, { size: 'desktop' });
    const { page } = visitor;
    await visitor.logIn(`#/rec/gate?t=${at(5)}`);
    await settled(page, MAIN);
    await page.locator('.choice.title select').selectOption({ label: 'All cameras' });
    const list = page.getByRole('region', { name: 'Events on this day' });
    await list.getByRole('button', { name: /Person.*Gate/ }).waitFor();
    const other = list.getByRole('button', { name: /Person.*Stable/ });
    await other.waitFor();
    const still = await until(() => clockIn(page, '.day-list li canvas'));
    expect(Math.abs(still - startMs - 11_000)).toBeLessThan(GROUP_MS + 1_000 + EXACT_MS);
    await other.click();
    await clockAfter(page, startMs + 9_000);
    expect(new URL(page.url()).hash).toContain('stable');
    expect(visitor.complaints).toEqual([]);
  });

  test('cameras of two boxes play in sync, and the calendar has the day of their recordings', async () => {
    await using visitor = await visit(viewer.browser, server, { size: 'desktop' });
    const { page } = visitor;
    await visitor.logIn(`#/rec/gate?t=${at(3)}`);
    await settled(page, MAIN);
    await page.getByRole('button', { name: 'Show Stable' }).click({ modifiers: ['Shift'] });
    await clockAfter(page, startMs + 5_000);
    await halt(page);
    await until(async () => {
      const [one, other] = await clocksIn(page, MAIN, '.synced video');
      return one !== undefined && other !== undefined && Math.abs(one - other) < 450 ? true : undefined;
    });
    await page.getByRole('button', { name: 'Stop playing Stable in sync' }).click();
    await page.locator('.synced').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Go to date' }).click();
    const cell = page.getByRole('button', { name: nameOfDay(startMs) });
    await expect.poll(() => cell.getAttribute('data-recorded')).not.toBeNull();
    expect(visitor.complaints).toEqual([]);
  });

  test('a box that is away leaves the recordings of the other', async () => {
    await using visitor = await visit(viewer.browser, server, { size: 'desktop' });
    const { page } = visitor;
    await visitor.logIn(`#/rec/gate?t=${at(5)}`);
    await settled(page, MAIN);
    const [, stable] = boxes;
    stable?.process.child.kill('SIGSTOP');
    try {
      await visitor.go(`#/rec/gate?t=${at(20)}`);
      await clockNear(page, startMs + 20_000, 5_000);
      const list = await fetch(`${visitor.url}/v3/paths/list`, { redirect: 'manual' });
      expect(list.status).toBeLessThan(500);
    } finally {
      stable?.process.child.kill('SIGCONT');
    }
  });

  test('recordings of the server and of the box are one timeline, and a killed box is named with its time', async () => {
    const folder = join(server.folder, 'data/recordings');
    await server.api('POST', 'config/paths/add/yard', { source: 'publisher' });
    await recordClock(folder, 'yard', startMs, SECONDS);
    await recordClock(folder, 'gate', startMs + 10_000, 10);
    await using visitor = await visit(viewer.browser, server, { size: 'desktop' });
    const { page } = visitor;
    await visitor.logIn(`#/rec/yard?t=${at(5)}`);
    await settled(page, MAIN);
    await clockAfter(page, startMs + 6_000);
    // Only the box has it, then only the server.
    for (const second of [24, 13]) {
      await visitor.go(`#/rec/gate?t=${at(second)}`);
      await clockNear(page, startMs + second * 1000 + 1_500, 3_000);
    }
    expect(visitor.complaints).toEqual([]);
    await boxes[0]?.[Symbol.asyncDispose]();
    await page
      .getByRole('alert')
      .filter({ hasText: /The box of this camera has not answered since \d\d:\d\d/ })
      .waitFor();
    await visitor.go(`#/rec/gate?t=${at(12)}`);
    await clockNear(page, startMs + 13_500, 3_000);
  });
});
