import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { startRecorder } from '../../../support/disks/recordings.ts';
import { BEFORE_S, FPS, TICKS, walk } from '../support/walk.ts';

/** Passes through the film of the walk this often. */
const WALKS = 3;

/** Records a figure that walks from the left edge of the picture to the right one. @returns when the walks begin, Unix milliseconds */
async function recordWalks(folder: string, wallMs: number): Promise<number[]> {
  const { track, pictures } = await walk('h264');
  await using running = startRecorder(folder, { path: 'front_door' }, [track]);
  const begins: number[] = [];
  for (let i = 0; i < WALKS * pictures.length; i += 1) {
    const at = i % pictures.length;
    if (at === BEFORE_S * FPS) {
      begins.push(wallMs + (1000 * i) / FPS);
    }
    const data = pictures[at] as Uint8Array;
    running.stream.write(0, {
      pts: i * TICKS,
      dts: i * TICKS,
      wall: wallMs + (1000 * i) / FPS,
      key: at % FPS === 0,
      data,
    });
  }
  running.stream.close();
  await running.recorder.stop();
  return begins;
}

describeWith(['chromium', 'ffmpeg'], 'motion in a part of a recorded picture', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let begins: readonly number[];

  beforeAll(async () => {
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}] })]);
    begins = await recordWalks(join(box.folder, 'data/recordings'), Math.floor(Date.now() / 1000) * 1000 - 180_000);
    await box.claim();
    await box.adopt();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  test.for(sizesInTurn())(
    'on a %s a box is drawn on the picture, and leads to the moments in which something moved there',
    async (size) => {
      await using owner = await visit(viewer.browser, box, { size });
      const { page, complaints } = owner;
      const atMs = (begins[0] ?? 0) - 5_000;
      await owner.logIn(`#/rec/front_door?t=${new Date(atMs).toISOString()}`);
      await settled(page, '.recording-screen video');
      await page.getByRole('button', { name: 'Find motion in a part of the picture' }).click();
      const sheet = page.getByRole('dialog', { name: 'Find motion in a part of the picture' });
      await sheet
        .getByText('of these recordings have not been searched yet')
        .or(sheet.getByText('Something moved there'))
        .waitFor();
      await settled(page, '.sheet .mask-board');
      expect(await axeFindings(page)).toEqual([]);
      // The first visitor has them read.
      const read = sheet.getByRole('button', { name: 'Search them, too' });
      if (await read.isVisible()) {
        await read.click();
      }
      await sheet.getByText(`Something moved there ${WALKS} times:`).waitFor();
      expect(await axeFindings(page)).toEqual([]);
      await expect.poll(() => sheet.locator('.moments li').count()).toBe(WALKS);

      const part = sheet.getByRole('button', { name: /^Part of the picture/ });
      await part.focus();
      // Up to the edge, above the walk.
      for (let step = 0; step < 40; step += 1) {
        await part.press('ArrowUp');
      }
      await sheet.getByText('Nothing moved there.').waitFor();
      for (let step = 0; step < 30; step += 1) {
        await part.press('ArrowDown');
      }
      await sheet.getByText(`Something moved there ${WALKS} times:`).waitFor();
      await sheet.locator('.moments button').last().click();
      await sheet.waitFor({ state: 'detached' });
      await expect
        .poll(() =>
          Math.abs(Date.parse(new URLSearchParams(page.url().split('?')[1]).get('t') ?? '') - (begins[0] ?? 0)),
        )
        .toBeLessThan(10_000);
      expect(complaints).toEqual([]);
    },
  );
});
