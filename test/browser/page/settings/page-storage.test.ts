import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, assert, beforeAll, expect, test, vi } from 'vitest';
import { byteSize } from '../../../../webui/words/format.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, type Size, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith, inShort } from '../../../peers/programs/peers.ts';

interface Use {
  readonly items: readonly { readonly path: string; readonly bytes: number; readonly title: string | null }[];
}

describeWith(['chromium'], 'the settings of the storage', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let door: string;
  let garden: string;
  beforeAll(async () => {
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}, {}] })]);
    await box.claim();
    [door = '', garden = ''] = await box.adopt();
    const patient = { timeout: 30_000, interval: 200 };
    for (const name of [door, garden]) {
      await vi.waitFor(async () => {
        const { segments } = await box.api<{ segments: object[] }>('GET', `recordings/get/${name}`);
        expect(segments.length).toBeGreaterThan(0);
      }, patient);
      // Its file ends here, and counts from now on.
      await box.api('PATCH', `config/paths/patch/${name}`, { record: 'no', recordDeleteAfter: '14d' });
    }
    await vi.waitFor(async () => {
      const { items } = await box.api<Use>('GET', 'recordings/usage');
      expect(items.filter(({ path, bytes }) => [door, garden].includes(path) && bytes > 0)).toHaveLength(2);
    }, patient);
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  const open = async (size: Size) => {
    const visitor = await visit(viewer.browser, box, { size });
    await visitor.logIn('#/settings/storage');
    return visitor;
  };
  const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 100 });

  test.for(sizesInTurn())("on a %s its numbers are the box's, and axe finds nothing", async (size) => {
    await using visitor = await open(size);
    const { page, complaints } = visitor;
    await settled(page, '.settings-page .tall');
    const { items } = await box.api<Use>('GET', 'recordings/usage');
    for (const { path, bytes } of items.filter(({ path }) => [door, garden].includes(path))) {
      const title = path === door ? 'Front door' : 'Garden';
      const row = page.getByRole('link', { name: new RegExp(`^${title}`) });
      expect(await row.locator('.value').textContent()).toBe(byteSize(bytes, 'en'));
    }
    const disks = await box.api<{ items: { totalBytes: number; folder: string }[] }>('GET', 'disks');
    const total = byteSize(disks.items[0]?.totalBytes ?? 0, 'en');
    await page.getByText(new RegExp(`^.* used of ${total}$`)).waitFor();
    await page.locator('.headline').waitFor();
    await page.getByText(disks.items[0]?.folder ?? '', { exact: true }).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('the reach of recordings is one number, with a note if the space does not suffice for the wanted retention', async () => {
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = visitor;
    const known = { bytesPerDay: 1e9, reachesBackDays: 1, files: 1, configured: true };
    const items = [
      { ...known, path: door, title: 'Front door', bytes: 3e9, wantedDays: 30, fitsDays: 26.4 },
      { ...known, path: garden, title: 'Garden', bytes: 2e9, wantedDays: 14, fitsDays: 26.4 },
    ];
    await page.route('**/v3/recordings/usage', (route) =>
      route.fulfill({ json: { bytes: 5e9, bytesPerDay: 2e9, reachesBackDays: 1, items } }),
    );
    await visitor.logIn('#/settings/storage');
    await page.getByText('26 days', { exact: true }).waitFor();
    await page.getByRole('link', { name: /^Front door Set to 30 days, room for 26 days only 3 GB$/ }).waitFor();
    await page.getByText('2 GB per day').waitFor();
    // A reason that several share is shown once, above them.
    await page.route('**/v3/recordings/usage', (route) =>
      route.fulfill({
        json: {
          ...{ bytes: 5e9, bytesPerDay: 2e9, reachesBackDays: 1 },
          items: items.map((item) => ({ ...item, wantedDays: 30 })),
        },
      }),
    );
    await page.reload();
    await page.getByRole('link', { name: /^Front door 3 GB$/ }).waitFor();
    expect(await page.getByText('Set to 30 days, room for 26 days only').count()).toBe(1);
    // A list of cameras to go through.
    await page.getByRole('link', { name: /^Front door 3 GB$/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
    await page.waitForURL('**/#/settings/storage');
    await visitor.go(`#/settings/cameras/${garden}`);
    const disk = await box.api<{ items: { totalBytes: number }[] }>('GET', 'disks');
    const total = byteSize(disk.items[0]?.totalBytes ?? 0, 'en');
    await page.getByRole('radio', { name: 'Always' }).check();
    await page.getByText(`About 14 GB of the ${total} disk.`).waitFor();
  });

  test('the free space is changed by taps and reverted by Undo', async () => {
    await using visitor = await open('phone');
    const { page, complaints } = visitor;
    const free = async () => (await box.api<{ recordMinFree: string }>('GET', 'config/global/get')).recordMinFree;
    const before = await free();
    expect(before).toBe('10%');
    const field = page.locator('.field').filter({ hasText: 'Keep free on each disk' });
    await field.getByRole('button', { name: 'Less' }).click();
    await field.getByRole('button', { name: 'Less' }).click();
    await until(async () => expect(await free()).toBe('3%'));
    await page.getByRole('button', { name: 'Undo' }).click();
    await until(async () => expect(await free()).toBe(before));
    await field.getByText('10%').waitFor();
    expect(complaints).toEqual([]);
  });

  test('more free space than there is deletes recordings only after a confirmation', async () => {
    await box.api('PATCH', 'config/global/patch', { recordMinFree: '1%' });
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    const { page, complaints } = visitor;
    await page.route('**/v3/disks', async (route) => {
      const { items } = await box.api<{ items: readonly object[] }>('GET', 'disks');
      await route.fulfill({ json: { items: [{ ...items[0], totalBytes: 100e9, freeBytes: 2.5e9 }] } });
    });
    await visitor.logIn('#/settings/storage');
    const free = async () => (await box.api<{ recordMinFree: string }>('GET', 'config/global/get')).recordMinFree;
    const field = page.locator('.field').filter({ hasText: 'Keep free on each disk' });
    const more = field.getByRole('button', { name: 'More' });
    await more.click();
    await until(async () => expect(await free()).toBe('2%'));
    expect(await page.getByRole('dialog').count()).toBe(0);
    await more.click();
    const sheet = page.getByRole('dialog', { name: 'Keep free on each disk' });
    await sheet
      .getByText('Less than 3% is free now. The oldest recordings are deleted to keep this much free.')
      .waitFor();
    await settled(page, '.sheet');
    expect(await axeFindings(page)).toEqual([]);
    await sheet.getByRole('button', { name: 'Cancel' }).click();
    await sheet.waitFor({ state: 'detached' });
    await field.getByText('2%').waitFor();
    await more.click();
    // Left before the question, nothing is saved either.
    await visitor.go('#/settings/system');
    await visitor.go('#/settings/storage');
    await field.getByText('2%').waitFor();
    expect(await free()).toBe('2%');
    await more.click();
    await sheet.getByRole('button', { name: /^Delete them now/ }).click();
    await until(async () => expect(await free()).toBe('3%'));
    await sheet.waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
    await box.api('PATCH', 'config/global/patch', { recordMinFree: '10%' });
  });

  test('while it is not known how many days fit, the page does not name a time that has passed', async () => {
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = visitor;
    await page.route('**/v3/recordings/usage', async (route) => {
      const use = await box.api<Use>('GET', 'recordings/usage');
      const items = use.items.map((item) => ({ ...item, fitsDays: null }));
      await route.fulfill({ json: { ...use, items, bytesPerDay: null, reachesBackDays: 12 / 1440 } });
    });
    await visitor.logIn('#/settings/storage');
    await page.getByText('12 minutes', { exact: true }).waitFor();
    await page.getByText('How many days fit is known when Perch has run for ten minutes.').waitFor();
  });

  test.for([
    ['SD', 'The SD card is 80% worn.', 'Record to a USB disk, which lasts longer.'],
    ['NVMe', 'The disk is 80% worn.', 'Replace it before it is worn out.'],
  ] as const)('of a worn %s drive that gets the recordings it says: %s', async ([kind, title, text]) => {
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = visitor;
    const { items } = await box.api<{ items: { device: string }[] }>('GET', 'disks/places');
    await page.route('**/v3/system', async (route) => {
      const system = await (await route.fetch()).json();
      const drives = items.map(({ device }) => ({
        ...{ name: device, model: '', kind, sizeBytes: 1e9, health: 'ok', wornPercent: 80 },
        ...{ writtenBytesPerDay: null, temperatureCelsius: null },
      }));
      await route.fulfill({ json: { ...system, drives } });
    });
    await visitor.logIn('#/settings/storage');
    await page.getByText(title).waitFor();
    await page.getByText(text).waitFor();
  });

  test('a disk problem is shown on top, and a harmless state is not an alarm', async () => {
    await using visitor = await visit(viewer.browser, box, { size: 'desktop' });
    const { page } = visitor;
    let state = 'vanished';
    await page.route('**/v3/disks', async (route) => {
      const { items } = await box.api<{ items: readonly object[] }>('GET', 'disks');
      await route.fulfill({ json: { items: [{ ...items[0], state, fullInDays: 2 }] } });
    });
    await visitor.logIn();
    const said: readonly (readonly [string, string])[] = [
      ['vanished', 'The disk is missing. Recording has stopped.'],
      ['full', 'The disk is full. Recording has stopped.'],
      ['failing', 'The disk reports faults.'],
      ['slowing', 'The disk has become much slower.'],
      ['filling', 'The oldest recordings will be deleted in 2 days. This is normal.'],
    ];
    for (const [next, words] of said) {
      state = next;
      await visitor.go('#/settings/system');
      await visitor.go('#/settings/storage');
      await page.getByText(words).waitFor();
      expect(await page.locator('.message-card.bad').count(), next).toBe(next === 'filling' ? 0 : 1);
    }
  });

  const SPOKEN = [
    ['English', 'en', 'The disk is missing. Recording has stopped.', 'Storage'],
    ['Chinese', 'zh-CN', '找不到磁盘，录像已停止。', '存储'],
  ] as const;
  test.for(inShort(SPOKEN, 'English'))(
    'while the disk is missing Live reports it once in %s, with a link to Storage',
    async ([, locale, text, name]) => {
      await using visitor = await visit(viewer.browser, box, { size: 'desktop', locale });
      const { page } = visitor;
      const error = 'cannot record to /mnt/usb: its disk is not mounted';
      await page.route('**/v3/paths/list**', async (route) => {
        const { items } = await box.api<{ items: readonly object[] }>('GET', 'paths/list');
        await route.fulfill({
          json: { items: items.map((item) => ({ ...item, recording: { active: false, error } })) },
        });
      });
      await page.route('**/v3/disks', async (route) => {
        const { items } = await box.api<{ items: readonly object[] }>('GET', 'disks');
        await route.fulfill({ json: { items: [{ ...items[0], state: 'vanished', freeBytes: null }] } });
      });
      await visitor.logIn('#/live');
      const said = page.getByRole('alert').filter({ hasText: text });
      const [icon, title, button] = await Promise.all(
        [said.locator('.icon').first(), said.locator('b'), said.getByRole('link', { name })].map((one) =>
          one.boundingBox(),
        ),
      );
      assert(icon && title && button);
      // The link is below the text. The icon is level with the text.
      expect(button.y).toBeGreaterThanOrEqual(title.y + title.height);
      // The card begins where the title of the page does.
      const [card, heading] = await Promise.all([said.boundingBox(), page.locator('h1').boundingBox()]);
      expect(card?.x).toBe(heading?.x);
      expect(Math.abs(icon.y + icon.height / 2 - title.y - title.height / 2)).toBeLessThan(2);
      await said.getByRole('link', { name }).click();
      await page.waitForURL('**/#/settings/storage');
    },
  );

  test('recordings move to a chosen disk, and Undo brings them back', async () => {
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    const { page, complaints } = visitor;
    const folder = join(box.folder, 'usb');
    // A test has no second mount: the box's response gets one more.
    await page.route('**/v3/disks/places', async (route) => {
      const { items } = await box.api<{ items: readonly object[] }>('GET', 'disks/places');
      const room = {
        totalBytes: 602e6,
        freeBytes: 556e6,
        older: { files: 2, bytes: 41e6, end: '2020-05-12T10:00:00Z' },
      };
      const other = { ...items[0], ...room, folder, isChosen: false, recordsHere: [], removable: true };
      await route.fulfill({
        json: { items: [...items, { ...other, recordPath: `${folder}/perch/%path/%Y-%m-%d_%H-%M-%S-%f` }] },
      });
    });
    await page.route('**/v3/recordings/usage', async (route) => {
      const use = await box.api<object>('GET', 'recordings/usage');
      await route.fulfill({ json: { ...use, bytesPerDay: 80e9 } });
    });
    await visitor.logIn('#/settings/storage');
    await page
      .locator('.tall', { hasText: folder })
      .getByText('41 MB of older recordings, the last from 12 May')
      .waitFor();
    await page.getByRole('button', { name: 'Record to another disk' }).click();
    const sheet = page.getByRole('dialog');
    await sheet
      .locator('.radio-card', { hasText: folder })
      .getByText('space for about 10 minutes of recordings')
      .waitFor();
    await settled(page, '.radio-card');
    expect(await axeFindings(page)).toEqual([]);
    expect(await sheet.getByRole('button', { name: 'Record here' }).isDisabled()).toBe(true);
    await sheet.getByRole('radio', { name: new RegExp(`^${folder}`) }).check();
    await sheet.getByRole('button', { name: 'Record here' }).click();
    await page.getByRole('status').filter({ hasText: 'Now recording to the other disk.' }).waitFor();
    const file = () => readFileSync(join(box.folder, 'perch.yml'), 'utf8');
    expect(file()).toContain(`recordPath: ${folder}/perch/`);
    await page.getByRole('button', { name: 'Undo' }).click();
    await until(async () => expect(file()).not.toContain(`${folder}/perch/`));
    expect(complaints).toEqual([]);
  });

  test('the host first grants write access to a disk; nothing changes while that fails', async () => {
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = visitor;
    const folder = join(box.folder, 'closed');
    const recordPath = `${folder}/perch/%path/%Y-%m-%d_%H-%M-%S-%f`;
    await page.route('**/v3/disks/places', async (route) => {
      const { items } = await box.api<{ items: readonly object[] }>('GET', 'disks/places');
      const closed = { folder, recordPath, isChosen: false, recordsHere: [], writable: false, canBeOpened: true };
      await route.fulfill({ json: { items: [...items, { ...items[0], ...closed }] } });
    });
    // Root's part does not exist in a test: it rejects once, and then succeeds.
    const opened: unknown[] = [];
    await page.route('**/v3/disks/places/open', async (route) => {
      opened.push(route.request().postDataJSON());
      const refused = { status: 'error', error: 'the disk is not mounted' };
      await route.fulfill(opened.length === 1 ? { status: 400, json: refused } : { json: { text: 'Perch restarts' } });
    });
    await visitor.logIn('#/settings/storage');
    await page.getByRole('button', { name: 'Record to another disk' }).click();
    const sheet = page.getByRole('dialog');
    await sheet.getByText('Perch restarts to record here').waitFor();
    await sheet.getByRole('radio', { name: new RegExp(`^${folder}`) }).check();
    await sheet.getByRole('button', { name: 'Record here' }).click();
    await sheet.getByRole('status').filter({ hasText: 'Not saved.' }).waitFor();
    const file = () => readFileSync(join(box.folder, 'perch.yml'), 'utf8');
    expect(file()).not.toContain(folder);
    await sheet.getByRole('button', { name: 'Record here' }).click();
    await page.getByRole('status').filter({ hasText: 'Now recording to the other disk.' }).waitFor();
    expect(file()).toContain(`recordPath: ${folder}/perch/`);
    expect(opened).toEqual([{ folder }, { folder }]);
    await page.getByRole('button', { name: 'Undo' }).click();
    await until(async () => expect(file()).not.toContain(folder));
  });

  test('saved clips are counted, and their row leads to the library', async () => {
    const { segments } = await box.api<{ segments: { start: string }[] }>('GET', `recordings/get/${door}`);
    const start = segments[0]?.start ?? '';
    const end = new Date(Date.parse(start) + 1000).toISOString();
    await box.api('POST', 'recordings/protect', { path: door, start, end, note: 'the parcel <b>' });
    await using visitor = await open('desktop');
    const { page, complaints } = visitor;
    await page.getByRole('link', { name: /^Saved clips One clip/ }).click();
    await page.getByRole('button', { name: /the parcel <b>/ }).waitFor();
    expect(complaints).toEqual([]);
  });

  test('recordings of a removed camera are listed and can be deleted', async () => {
    await box.api('DELETE', `cameras/forget/${garden}`);
    await using visitor = await open('phone');
    const { page, complaints } = visitor;
    await page.getByRole('button', { name: /^Garden removed, recordings kept/ }).click();
    await page.getByText('Its recordings are deleted after 14 days').waitFor();
    await page.getByRole('button', { name: /^Delete them now/ }).click();
    await page
      .getByRole('status')
      .filter({ hasText: / deleted\.$/ })
      .waitFor();
    const { items } = await box.api<Use>('GET', 'recordings/usage');
    expect(items.find(({ path }) => path === garden)?.bytes ?? 0).toBe(0);
    await page.getByRole('button', { name: /^Garden/ }).waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
  });
});
