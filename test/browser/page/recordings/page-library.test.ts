import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { ffprobe } from '../../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { runProcess } from '../../../peers/programs/process.ts';
import { recordClock } from '../../../support/disks/recorded-clock.ts';

const RECORDED_SECONDS = 20;

/** The video of an open clip plays. */
const plays = (page: Page) =>
  until(async () => {
    const time = await page.locator('video.clip-video').evaluate((video: HTMLVideoElement) => video.currentTime);
    return time > 0.2 ? time : undefined;
  });

/** Texts of the elements that are, even in part, below this one. */
function coveredIn(above: Element, selector: string): (string | null)[] {
  const { left, right, top, bottom } = above.getBoundingClientRect();
  const isBelow = (each: Element): boolean => {
    const bounds = each.getBoundingClientRect();
    return bounds.left < right && bounds.right > left && bounds.top < bottom && bounds.bottom > top;
  };
  return [...document.querySelectorAll(selector)].filter(isBelow).map(({ textContent }) => textContent);
}

describeWith(['chromium', 'ffmpeg'], 'the library of clips', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let startMs: number;

  beforeAll(async () => {
    const config = 'pathDefaults:\n  record: true\n  recordPartDuration: 500ms\n';
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}, {}], config })]);
    startMs = Math.floor(Date.now() / 1000) * 1000 - 90_000;
    await recordClock(join(box.folder, 'data/recordings'), 'front_door', startMs, RECORDED_SECONDS);
    await box.claim();
    await box.adopt();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  const at = (seconds: number) => new Date(startMs + seconds * 1000).toISOString();
  const saved = async () =>
    (await box.api<{ items: readonly { id: string; note: string }[] }>('GET', 'recordings/clips')).items;
  async function saveClip(note: string, from: number, to: number): Promise<void> {
    await box.api('POST', 'recordings/protect', { path: 'front_door', start: at(from), end: at(to), note });
  }
  async function empty(): Promise<void> {
    for (const { id } of await saved()) {
      await box.api('DELETE', `recordings/protect/${id}`);
    }
  }

  test.for(sizesInTurn())(
    'on a %s a clip is saved, found in the library, played, named, downloaded, removed and restored',
    async (size) => {
      await empty();
      await using owner = await visit(viewer.browser, box, { size });
      const { page, complaints } = owner;
      await owner.logIn('#/clips');
      await page.getByText('No clips yet').waitFor();
      expect(await axeFindings(page)).toEqual([]);
      await owner.go(`#/rec/front_door?t=${at(5)}&clip=${startMs + 4_000}-${startMs + 9_000}`);
      await page.getByRole('switch', { name: /^Save clip/ }).click();
      await page.getByRole('status').filter({ hasText: 'Saved to Clips.' }).waitFor();
      await page.getByRole('button', { name: 'Show', exact: true }).click();

      const entry = page.locator('.clips-page li').getByRole('button');
      await entry.waitFor();
      expect(await entry.textContent()).toMatch(/^5 s.*Front door.*(Today|Yesterday).*(kB|MB)$/);
      expect(
        await page.getByRole('navigation').getByRole('link', { name: 'Recordings' }).getAttribute('aria-current'),
      ).toBe('page');
      await page.waitForFunction(() => (document.querySelector('.clip-thumb canvas') as HTMLCanvasElement).width > 16);
      expect(await axeFindings(page)).toEqual([]);

      await entry.click();
      const sheet = page.getByRole('dialog', { name: 'Front door' });
      await plays(page);
      await sheet.getByText(/^Saved \d/).waitFor();
      await settled(page, '.sheet');
      expect(await axeFindings(page)).toEqual([]);
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        sheet.getByRole('button', { name: 'Download' }).click(),
      ]);
      expect(Number((await ffprobe(await download.path())).format.duration)).toBeCloseTo(5, 0);

      await sheet.getByRole('button', { name: 'Add a note' }).click();
      const note = page.getByRole('dialog', { name: 'Add a note' });
      await note.getByLabel('Note').fill('The fox <b>');
      await note.getByRole('button', { name: 'Save' }).click();
      await sheet.getByText('The fox <b>').waitFor();
      expect(await saved()).toMatchObject([{ note: 'The fox <b>' }]);

      await sheet.getByRole('button', { name: /^Remove from Clips/ }).click();
      await page.getByText('No clips yet').waitFor();
      await page.getByRole('button', { name: 'Undo' }).click();
      await page.getByRole('button', { name: /The fox <b>/ }).waitFor();
      expect(await saved()).toMatchObject([{ note: 'The fox <b>' }]);
      expect(complaints).toEqual([]);
    },
  );

  test('on a phone the message of a saved clip covers nothing that can be tapped there', async () => {
    await empty();
    await using owner = await visit(viewer.browser, box, { size: 'phone' });
    const { page, complaints } = owner;
    await owner.logIn(`#/rec/front_door?t=${at(5)}&clip=${startMs + 4_000}-${startMs + 9_000}`);
    await page.getByRole('switch', { name: /^Save clip/ }).click();
    const toast = page.locator('.toast').filter({ hasText: 'Saved to Clips.' });
    await toast.waitFor();
    expect(await toast.evaluate(coveredIn, '.clip-panel :is(a, button)')).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('a clip is downloaded from all cameras that saw it', async () => {
    await empty();
    await saveClip('two saw it', 2, 8);
    await recordClock(join(box.folder, 'data/recordings'), 'garden', startMs, RECORDED_SECONDS);
    await box.api('POST', 'events', { path: 'garden', type: 'person', start: at(4), end: at(6) });
    await using owner = await visit(viewer.browser, box, { size: 'phone' });
    const { page, complaints } = owner;
    await owner.logIn('#/clips');
    await page.getByRole('button', { name: /two saw it/ }).click();
    const film = page.getByRole('link', { name: /^From all cameras that saw it/ });
    await film.scrollIntoViewIfNeeded();
    await settled(page, '.sheet');
    expect(await film.textContent()).toContain('Front door, Garden');
    const [download] = await Promise.all([page.waitForEvent('download'), film.click()]);
    expect(download.suggestedFilename()).toMatch(/^Perch_.*\.zip$/);
    const names = await runProcess('python3', ['-m', 'zipfile', '-t', await download.path()]);
    expect(names).toEqual({ code: 0, output: expect.stringContaining('Done testing') });
    expect(complaints).toEqual([]);
  });

  test.for(sizesInTurn())('a link made on a %s shows its clip and nothing else, until it is revoked', async (size) => {
    await empty();
    await saveClip('the neighbour', 2, 8);
    await using owner = await visit(viewer.browser, box, { size });
    const { page, complaints } = owner;
    await owner.logIn('#/clips');
    await page.getByRole('button', { name: /the neighbour/ }).click();
    const sheet = page.getByRole('dialog', { name: 'Front door' });
    await sheet.getByRole('button', { name: /^Share a link/ }).click();
    const link = page.getByRole('dialog', { name: 'Share a link' });
    await link.getByRole('radio', { name: '30 days' }).check();
    await link.getByRole('radio', { name: '1 day' }).check();
    await link.getByText(/^The link is valid until tomorrow/).waitFor();
    await settled(page, '.sheet');
    expect(await axeFindings(page)).toEqual([]);
    await link.getByRole('button', { name: 'Create link' }).click();
    const made = page.getByRole('dialog', { name: 'New guest link' });
    await made.getByText('Anyone with the link sees this clip and nothing else.').waitFor();
    const address = await made.getByRole('textbox', { name: /^Link/ }).inputValue();
    await made.getByRole('button', { name: 'Done' }).click();
    await made.waitFor({ state: 'detached' });

    await using guest = await visit(viewer.browser, box, { size, theme: 'light' });
    await guest.page.goto(address);
    await guest.page.getByRole('heading', { name: 'Front door' }).waitFor();
    await plays(guest.page);
    expect(await guest.page.getByText('the neighbour').count()).toBe(0);
    expect(await axeFindings(guest.page)).toEqual([]);
    const [download] = await Promise.all([
      guest.page.waitForEvent('download'),
      guest.page.getByRole('link', { name: /^Download/ }).click(),
    ]);
    expect(Number((await ffprobe(await download.path())).format.duration)).toBeCloseTo(6, 0);
    for (const place of ['#/live', '#/rec/front_door', '#/clips', '#/settings/people']) {
      await guest.go(place);
      await guest.page.locator('.shared-clip').waitFor();
      expect(await guest.page.getByRole('navigation').count()).toBe(0);
    }

    await owner.go('#/settings/people');
    await page.getByRole('button', { name: /the neighbour.*Front door.*One clip/ }).waitFor();
    await owner.go('#/clips');
    await page.getByRole('button', { name: /the neighbour/ }).click();
    await sheet.getByRole('button', { name: /^Share a link/ }).click();
    await link.getByText(/Front door · expires tomorrow/).waitFor();
    await link.getByRole('button', { name: 'Revoke link' }).click();
    await page.getByRole('status').filter({ hasText: 'Link revoked.' }).waitFor();
    await guest.page.goto('about:blank');
    await guest.page.goto(address);
    await guest.page.getByText('This link has expired or was revoked.').waitFor();
    expect(complaints).toEqual([]);
  });

  test.for(sizesInTurn())(
    'on a %s recordings between two times are deleted, and Undo shows them again',
    async (size) => {
      await empty();
      await saveClip('the parcel', 9, 10);
      await using owner = await visit(viewer.browser, box, { size });
      const { page, complaints } = owner;
      const clip = `clip=${startMs + 4_000}-${startMs + 12_000}`;
      await owner.logIn(`#/rec/front_door?t=${at(2)}&${clip}`);
      // The kept second has no key frame to play from.
      await page.getByRole('button', { name: 'Pause', exact: true }).click();
      await page.getByRole('button', { name: 'Delete these recordings' }).click();
      const sheet = page.getByRole('dialog', { name: 'Delete recordings?' });
      await sheet.getByText(/^7 s of recordings, about .* (kB|MB), will be deleted\.$/).waitFor();
      await sheet.getByText('the parcel').waitFor();
      await sheet.getByText('Saved clips stay until you remove them').waitFor();
      await sheet.getByText(/You can undo this for ten minutes.*of disk space becomes free/).waitFor();
      await settled(page, '.sheet');
      expect(await axeFindings(page)).toEqual([]);
      const listed = async () => {
        const answer = await owner.context.request.get(`${owner.url}/playback/list?path=front_door`);
        const spans = (await answer.json()) as readonly { readonly start: string }[];
        return spans.filter(({ start }) => Date.parse(start) < startMs + RECORDED_SECONDS * 1000).length;
      };
      const before = await listed();
      await sheet.getByRole('button', { name: 'Cancel' }).click();
      await sheet.waitFor({ state: 'detached' });
      expect(await listed()).toBe(before);
      const playing = () => page.locator('video.recording').getAttribute('src');
      const whole = await playing();
      expect(whole).toContain('playback/get');
      await page.getByRole('button', { name: 'Delete these recordings' }).click();
      await sheet.getByRole('button', { name: 'Delete', exact: true }).click();
      const said = page.getByRole('status').filter({ hasText: 'Recordings deleted.' });
      await said.waitFor();
      expect(await listed()).toBe(before + 2);
      // The player drops what it has loaded.
      await until(async () => ((await playing()) === whole ? undefined : true));
      await page.getByRole('button', { name: 'Undo' }).click();
      await page.getByRole('status').filter({ hasText: 'Recordings restored.' }).waitFor();
      expect(await listed()).toBe(before);

      // Without the message Undo is in Clips.
      await box.api('POST', 'recordings/deletions', { path: 'front_door', start: at(4), end: at(8) });
      await owner.go('#/clips');
      const deleted = page.getByRole('region', { name: 'Recently deleted' });
      await deleted.getByText(/^Undo until/).waitFor();
      expect(await axeFindings(page)).toEqual([]);
      await deleted.getByRole('button', { name: 'Undo' }).click();
      await deleted.waitFor({ state: 'detached' });
      expect(await listed()).toBe(before);
      expect(complaints).toEqual([]);
    },
  );

  test('pictures whose requests never end do not hold up the others', async () => {
    await empty();
    for (const from of [1, 5, 9]) {
      await saveClip('', from, from + 3);
    }
    await using visitor = await visit(viewer.browser, box, { size: 'desktop' });
    const { page } = visitor;
    await page.clock.install();
    let asked = 0;
    await page.route('**/frame.mp4?*', async (route) => {
      asked += 1;
      if (asked > 2) {
        await route.continue();
      }
    });
    await visitor.logIn('#/clips');
    await page.locator('.clips-page li').nth(2).waitFor();
    const drawn = () =>
      page
        .locator('.clip-thumb canvas')
        .evaluateAll((all) => all.filter((one) => (one as HTMLCanvasElement).width > 16).length);
    await expect.poll(() => asked).toBe(2);
    expect(await drawn()).toBe(0);
    await page.clock.fastForward(10_000);
    await expect.poll(drawn).toBe(1);
  });

  test('a viewer plays and downloads the clips of its cameras, without their notes, and changes nothing', async () => {
    await empty();
    await saveClip('a quarrel', 2, 8);
    const eve = { name: 'eve', password: 'a red kite flies', cameras: ['front_door'], recordings: true };
    await box.addUser(eve);
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = visitor;
    await visitor.go('#/live');
    await page.getByRole('button', { name: 'Use another name' }).click();
    await page.getByLabel('Your name').fill('eve');
    await page.getByLabel('Your password').fill('a red kite flies');
    await page.getByRole('button', { name: 'Log in', exact: true }).click();
    await page.getByRole('navigation').waitFor();
    visitor.complaints.length = 0;
    await visitor.go('#/rec/front_door');
    await page.getByRole('link', { name: 'Clips' }).click();
    await page.locator('.clips-page li').getByRole('button').click();
    await plays(page);
    const sheet = page.getByRole('dialog', { name: 'Front door' });
    await sheet.getByRole('button', { name: 'Download' }).waitFor();
    expect(await sheet.getByRole('button', { name: /note|Share a link|Remove/ }).count()).toBe(0);
    expect(await page.getByRole('button', { name: 'Delete these recordings' }).count()).toBe(0);
    expect(await page.getByText('a quarrel').count()).toBe(0);
    await sheet.getByRole('link', { name: 'Show in Recordings' }).click();
    await page.waitForURL(/#\/rec\/front_door\?t=/);
    expect(visitor.complaints).toEqual([]);
  });
});
