import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../../peers/agent/agent.ts';
import { axeFindings } from '../../../peers/browser/page-visit.ts';
import {
  clockAfter,
  clockIn,
  clockNear,
  EXACT_MS,
  FRAME_MS,
  halt,
  haltedAt,
  middleOf,
  pausedNear,
  RecordedCameras,
  slider,
} from '../../../peers/browser/recorded-cameras.ts';
import { describeWith, inShort } from '../../../peers/programs/peers.ts';
import { GROUP_MS } from '../../../support/disks/recorded-clock.ts';

describeWith(['chromium'], 'the page of recordings', () => {
  let cameras: RecordedCameras;
  beforeAll(async () => {
    cameras = await RecordedCameras.start();
  });
  afterAll(() => cameras[Symbol.asyncDispose]());

  test.for(inShort(['phone', 'desktop'] as const, 'phone'))(
    'on a %s it plays from the moment of the link; picture and address have the same time; steps are pictures; events begin 3 s earlier',
    async (size) => {
      await using visitor = await cameras.open(size, cameras.first.startMs + 2_750);
      const { page, complaints } = visitor;
      // The paused picture is over a second from the moment that the event is shown from.
      await clockAfter(page, cameras.first.startMs + 3_250);
      expect(await haltedAt(page)).toBeLessThan(cameras.first.endMs);

      // However far a slow machine has played, twice 5 s back is before the recording.
      await page.keyboard.press('ArrowLeft');
      await page.keyboard.press('ArrowLeft');
      await page.getByText('No recording here').waitFor();
      const [to, later] = [cameras.first.startMs + 2_000, cameras.second.startMs + 1_000];
      await page.getByRole('button', { name: 'Next event' }).click();
      const shown = await pausedNear(page, to);
      await page.getByRole('button', { name: 'Next frame' }).click();
      await pausedNear(page, shown + FRAME_MS, 20);
      await page.keyboard.press(',');
      await pausedNear(page, shown, 20);

      await page.keyboard.press(']');
      await pausedNear(page, later);
      await page.getByRole('button', { name: 'Previous event' }).click();
      await pausedNear(page, to);
      expect(await axeFindings(page)).toEqual([]);
      expect(complaints).toEqual([]);
    },
  );

  test('plays across a gap, at eight times the speed as well, and the time stays correct', async () => {
    await using visitor = await cameras.open('desktop', cameras.first.endMs - 1_500);
    const { page, complaints } = visitor;
    await clockAfter(page, cameras.second.startMs);
    await page.getByLabel('Speed').selectOption('8');
    await visitor.go(`#/rec/front_door?t=${new Date(cameras.first.startMs + 500).toISOString()}`);
    await clockAfter(page, cameras.second.startMs + 1_000);
    // Key frames only: each stays until the next.
    await haltedAt(page, GROUP_MS + EXACT_MS);
    await page.getByLabel('Speed').selectOption('1');
    await page.getByRole('slider').focus();
    await page.keyboard.press('Home');
    await page.getByText('No recording here').waitFor();
    expect(complaints).toEqual([]);
  });

  async function closer(page: Page, steps: number): Promise<void> {
    for (let i = 0; i < steps; i += 1) {
      await page.keyboard.press('+');
    }
  }

  test('on a phone two fingers zoom, and one moves the time under the playhead: first a still, then the exact picture', async () => {
    await using visitor = await cameras.open('phone', cameras.second.startMs + 1_000);
    const { page, complaints } = visitor;
    await clockAfter(page, cameras.second.startMs + 1_000);
    const before = await haltedAt(page);
    await closer(page, 5);
    const touch = await visitor.context.newCDPSession(page);
    const finger = (type: 'touchStart' | 'touchMove' | 'touchEnd', ...points: { x: number; y: number }[]) =>
      touch.send('Input.dispatchTouchEvent', { type, touchPoints: points.map((point, id) => ({ ...point, id })) });
    const { x, y, height } = await middleOf(page);

    const wide = await slider(page);
    await finger('touchStart', { x, y: y - 30 }, { x, y: y + 30 });
    await finger('touchMove', { x, y: y - 60 }, { x, y: y + 60 });
    await finger('touchEnd');
    const narrow = await slider(page);
    expect((wide.toS - wide.fromS) / (narrow.toS - narrow.fromS)).toBeGreaterThan(1.5);

    const lengthMs = (narrow.toS - narrow.fromS) * 1000;
    const px = Math.round((3_000 / lengthMs) * height);
    await finger('touchStart', { x, y });
    for (let moved = 10; moved < px; moved += 10) {
      await finger('touchMove', { x, y: y + moved });
    }
    await finger('touchMove', { x, y: y + px });
    const wanted = before + 3_000;
    // The finger rests, and has not been lifted.
    await clockNear(page, wanted, 1_200);
    await finger('touchEnd');
    // The exact picture may come later than one near it.
    await pausedNear(page, wanted, 1_200);

    // The strip covers part of the page, and pushes nothing under the navigation.
    await page.locator('.strip').evaluate((strip: HTMLElement) => {
      strip.hidden = false;
      strip.textContent = 'No connection to the box';
    });
    const bottomOf = (part: string) => page.locator(part).evaluate((element) => element.getBoundingClientRect().bottom);
    const navTop = await page.locator('nav').evaluate((element) => element.getBoundingClientRect().top);
    expect(await bottomOf('.transport')).toBeLessThanOrEqual(navTop + 0.5);
    expect(await bottomOf('nav')).toBeLessThanOrEqual((await page.evaluate(() => innerHeight)) + 0.5);

    // Without room for their buttons, steps are in the menu of speeds.
    await page.setViewportSize({ width: 340, height: 740 });
    await page.getByRole('button', { name: 'Next frame' }).waitFor({ state: 'detached' });
    const still = await pausedNear(page, wanted, 1_200);
    await page.getByLabel('Speed').selectOption({ label: 'Next frame' });
    expect((await clockAfter(page, still + 1)) - still).toBeLessThan(EXACT_MS);
    expect(await page.getByLabel('Speed').inputValue()).toBe('1');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(340);
    expect(complaints).toEqual([]);
  });

  test('on a desktop the pointer shows the time below it, dragging shows stills, and a gap is labelled', async () => {
    await using visitor = await cameras.open('desktop', cameras.second.startMs + 2_000);
    const { page, complaints } = visitor;
    await clockAfter(page, cameras.second.startMs + 2_000);
    const shownMs = await haltedAt(page);
    // Minutes are recorded: both recordings are visible from the beginning.
    const { fromS, toS } = await slider(page);
    expect(fromS * 1000).toBeLessThan(cameras.first.startMs);
    expect(toS - fromS).toBeLessThan(15 * 60);
    const { y, width } = await middleOf(page);
    const shownPx = await page.locator('.time .playhead').evaluate((element) => element.getBoundingClientRect().left);
    const pxOf = (ms: number) => shownPx + ((ms - shownMs) / 1000 / (toS - fromS)) * width;

    // The bubble covers no control of the picture.
    await page.mouse.move(pxOf(cameras.first.startMs + 2_500), y - 20);
    const bubble = await page.locator('.bubble').boundingBox();
    const transport = await page.locator('.transport').boundingBox();
    expect((bubble?.y ?? 0) + (bubble?.height ?? 0)).toBeLessThanOrEqual(transport?.y ?? 0);

    // For each moment the key frame of its group of pictures.
    for (const groups of [0, 1]) {
      const keyMs = cameras.first.startMs + groups * GROUP_MS;
      await page.mouse.move(pxOf(keyMs + 2_500), y - 20);
      await until(async () => ((await clockIn(page, '.bubble canvas')) === keyMs ? true : undefined));
    }

    await page.mouse.move(pxOf(cameras.second.startMs + 2_000), y - 20);
    await page.mouse.down();
    await page.mouse.move(pxOf(cameras.first.startMs + 5_000), y - 20, { steps: 5 });
    await clockNear(page, cameras.first.startMs + 5_000, 800);
    await page.mouse.move(pxOf((cameras.first.endMs + cameras.second.startMs) / 2), y - 20, { steps: 5 });
    await page.getByText('No recording here').waitFor();
    expect((await slider(page)).text).toContain('No recording');
    await page.mouse.up();
    await page.getByText('No recording here').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('a gap shows its cause: the camera was paused', async () => {
    const paused = (isPaused: boolean) => cameras.box.api('PATCH', 'cameras/patch/front_door', { paused: isPaused });
    const timeline = () => {
      const times = {
        from: new Date(cameras.second.endMs).toISOString(),
        to: new Date(Date.now() + 60_000).toISOString(),
      };
      const address = `timeline/front_door?${new URLSearchParams({ ...times, resolution: '0.5' })}`;
      return cameras.box.api<{ coverage: [number, number][]; reasons: [number, number, string][] }>('GET', address);
    };
    const sinceEnd = () => (Date.now() - cameras.second.endMs) / 1000;
    await paused(true);
    // Longer than a step back.
    const [at] = await until(async () =>
      (await timeline()).reasons.find(([start, , reason]) => reason === 'paused' && sinceEnd() > start + 6.5),
    );
    await paused(false);
    const [next] = await until(async () => (await timeline()).coverage.find(([start]) => start > at));
    await using visitor = await cameras.open('desktop', cameras.second.endMs + next * 1000 + 100);
    const { page, complaints } = visitor;
    await halt(page);
    const said = page.getByText('No recording here: paused');
    await until(async () => {
      await page.keyboard.press('ArrowLeft');
      return (await said.isVisible()) || undefined;
    });
    const items = [{ folder: '/mnt/disk/recordings', state: 'vanished' }];
    await page.route('**/v3/disks', (route) => route.fulfill({ json: { items } }));
    await page.reload();
    await page.getByText('The disk of /mnt/disk/recordings is missing.').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
