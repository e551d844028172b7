import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { OWNER_PASSWORD, type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, type Size, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { freePorts } from '../../../support/base/free-port.ts';

const CLOSED_BY_RESTART = /ERR_|Failed to fetch|WebSocket|^401 /;
const BACKUP = '#/settings/system/backup';

describeWith(['chromium'], 'the page about backups', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let camera: string;
  beforeAll(async () => {
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}] })]);
    await box.claim();
    [camera = ''] = await box.adopt();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });
  const open = async (size: Size) => {
    const visitor = await visit(viewer.browser, box, { size });
    await visitor.logIn('#/settings/system');
    await visitor.page.getByRole('link', { name: /^Backup/ }).click();
    await settled(visitor.page, '.restore');
    return visitor;
  };
  const choose = (page: Page, name: string, buffer: Buffer) =>
    page.locator('input[type=file]').setInputFiles({ name, mimeType: 'application/octet-stream', buffer });
  const download = async (page: Page, button: string): Promise<Buffer> => {
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: button }).click(),
    ]);
    return readFileSync(await file.path());
  };
  const downloadBackup = async (page: Page): Promise<Buffer> => {
    await page.getByRole('button', { name: 'Download backup' }).click();
    const sheet = page.getByRole('dialog');
    await sheet.getByLabel('Your password', { exact: true }).fill(OWNER_PASSWORD);
    const [saved] = await Promise.all([
      page.waitForEvent('download'),
      sheet.getByRole('button', { name: 'Download backup' }).click(),
    ]);
    await sheet.waitFor({ state: 'detached' });
    return readFileSync(await saved.path());
  };
  const file = () => readFileSync(join(box.folder, 'perch.yml'), 'utf8');

  test.for(sizesInTurn())('a restore brings back a removed camera, on a %s', async (size) => {
    await using owner = await open(size);
    const { page, complaints } = owner;
    expect(await axeFindings(page)).toEqual([]);
    const backup = await downloadBackup(page);
    const before = file();
    await box.api('DELETE', `cameras/forget/${camera}`);
    await box.addUser({ name: 'ann', password: 'a red kite over the hill' });
    await box.api('POST', 'devicepasswords', { name: 'TV' });
    await choose(page, 'my.perchbackup', backup);
    const plan = page.locator('.plan');
    await plan.getByText('Added').waitFor();
    await plan.getByText('Front door').waitFor();
    await plan.getByText('ann').waitFor();
    await plan.getByText('One device password stops working.').waitFor();
    await settled(page, '.plan');
    expect(await axeFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
    const former = box.app;
    // The page reloads when the box is back.
    const again = page.waitForEvent('load');
    await page.getByRole('button', { name: 'Restore', exact: true }).click();
    await page.getByText('The box is restarting').first().waitFor();
    await again;
    await page.getByText('Restored the backup of').waitFor();
    await settled(page, '.restore');
    expect(box.app).not.toBe(former);
    expect(file()).toBe(before);
    await owner.go('#/live');
    await page.locator('.tile.live .surface.playing').first().waitFor();
    expect(complaints.filter((text) => !CLOSED_BY_RESTART.test(text))).toEqual([]);
  });

  test.for(sizesInTurn())('rejects a file that is not a backup, and changes nothing, on a %s', async (size) => {
    await using owner = await open(size);
    const { page } = owner;
    const before = file();
    const backup = await downloadBackup(page);
    const wrong = [
      ['holiday.jpg', Buffer.from('ÿØÿà and more'), 'This is not a Perch backup.'],
      ['cut.perchbackup', backup.subarray(0, backup.length / 2), 'The backup is damaged or incomplete.'],
    ] as const;
    for (const [name, bytes, reason] of wrong) {
      await choose(page, name, bytes);
      await page.getByRole('alert').filter({ hasText: reason }).waitFor();
      await page.getByRole('alert').filter({ hasText: 'Nothing was changed' }).waitFor();
      expect(await page.getByRole('button', { name: 'Restore', exact: true }).count()).toBe(0);
    }
    // A film is not even uploaded.
    await page.locator('input[type=file]').evaluate((input: HTMLInputElement) => {
      const files = new DataTransfer();
      files.items.add(new File([new Uint8Array(5 << 20)], 'film.mp4'));
      input.files = files.files;
      input.dispatchEvent(new Event('change', { bubbles: true }));
    });
    await page.getByRole('alert').filter({ hasText: 'Nothing was changed. This file is too large' }).waitFor();
    // The end of the page may be below the bar.
    await page
      .getByRole('button', { name: 'Download report' })
      .evaluate((end) => end.scrollIntoView({ block: 'center' }));
    expect(await axeFindings(page)).toEqual([]);
    // The correct file now.
    await choose(page, 'right.perchbackup', backup);
    await page.getByText('Nothing changes.').waitFor();
    expect(await page.locator('.button.main').allTextContents()).toEqual(['Restore']);
    expect(await page.getByRole('alert').filter({ hasText: 'cannot be restored' }).count()).toBe(0);
    expect(file()).toBe(before);
  });

  test('a backup is given for the password of its owner only', async () => {
    await using owner = await open('phone');
    const { page } = owner;
    await page.getByRole('button', { name: 'Download backup' }).click();
    const sheet = page.getByRole('dialog');
    await settled(page, '.sheet');
    expect(await axeFindings(page)).toEqual([]);
    await sheet.getByLabel('Your password', { exact: true }).fill('a guess at the password');
    await sheet.getByRole('button', { name: 'Download backup' }).click();
    await sheet.locator('[aria-invalid=true]').waitFor();
    const status = (method: string) =>
      page.evaluate(async (by) => (await fetch('v3/backup', { method: by })).status, method);
    expect(await status('GET')).toBe(403);
  });

  test.for(sizesInTurn())('the support bundle is a file without passwords, on a %s', async (size) => {
    await using owner = await open(size);
    const text = gunzipSync(await download(owner.page, 'Download report')).toString();
    expect(JSON.parse(text)).toMatchObject({ format: 'perch-diagnostics', cameras: [{ path: camera }] });
    expect(text).not.toContain(OWNER_PASSWORD);
    expect(file()).toContain('password: none');
    expect(JSON.parse(text).config.paths[0].camera.password).toBe('<redacted>');
    expect(owner.complaints).toEqual([]);
  });

  test.for(sizesInTurn())('a new box becomes the old one before it has a password, on a %s', async (size) => {
    await using owner = await visit(viewer.browser, box, { size });
    await owner.logIn(BACKUP);
    await settled(owner.page, '.restore');
    const document = JSON.parse(gunzipSync(await downloadBackup(owner.page)).toString());
    await using fresh = await startPageHarness();
    // It keeps its own addresses, because both are on one machine, except the page's.
    const [port = 0] = await freePorts(1);
    const own = readFileSync(join(fresh.folder, 'perch.yml'), 'utf8');
    const config = document.members.find(({ name }: { name: string }) => name === 'perch.yml');
    config.text = `${own.replace(`address: ':${fresh.port}'`, `address: ':${port}'`)}paths:\n  shed:\n    source: publisher\n`;

    await using newcomer = await visit(viewer.browser, fresh, { size });
    const { page } = newcomer;
    await newcomer.go('#/start');
    await page.getByRole('button', { name: 'I have a backup' }).click();
    await settled(page, '.sheet .restore');
    const code = page.locator('.sheet [name=code]');
    if ((await code.count()) > 0) {
      // As for setting the password: an address that is not private requires it.
      await page.getByRole('button', { name: 'Choose a backup' }).click();
      await page.getByRole('alert').filter({ hasText: 'the journal or the container' }).waitFor();
      await code.fill(fresh.app.accounts.setup?.code ?? '');
    }
    await choose(page, 'old.perchbackup', gzipSync(JSON.stringify(document)));
    await page.getByText('Your password becomes the one in the backup.').waitFor();
    await settled(page, '.plan');
    expect(await axeFindings(page)).toEqual([]);
    // A box that restarts within a second is soon noticed as away.
    await page.route('**/v3/restore', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), seconds: 1 } });
    });
    await page.getByRole('button', { name: 'Restore', exact: true }).click();
    await page.getByText('In the backup the box has another address').waitFor();
    const again = page.getByRole('link', { name: `:${port}/` });
    // Within the usual time it may come back here; after that the page reports that it does not.
    await page.getByText('The box does not answer at this address.').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await again.click();
    await page.getByLabel('Your password', { exact: true }).fill(OWNER_PASSWORD);
    await page.getByRole('button', { name: 'Log in', exact: true }).click();
    await page.getByRole('navigation').waitFor();
    expect(readFileSync(join(fresh.folder, 'perch.yml'), 'utf8')).toContain('shed');
  });
});
