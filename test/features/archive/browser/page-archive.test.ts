import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseKeyText } from '../../../../agent/features/archive/encryption/key-text.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { type Moto, startMoto } from '../../../peers/programs/moto.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

describeWith(['chromium', 'moto'], 'the page about the archive', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let moto: Moto;
  let nas: string;

  beforeAll(async () => {
    nas = mkdtempSync(join(tmpdir(), 'perch-nas-'));
    const config = 'paths:\n  stage:\n';
    [viewer, box, moto] = await Promise.all([startViewer(), startPageHarness({ config }), startMoto()]);
    await box.claim();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
    await moto[Symbol.asyncDispose]();
    rmSync(nas, { recursive: true, force: true });
  });

  test.for(sizesInTurn())('on a %s the owner tests a bucket, and saves it', async (size) => {
    await box.api('PATCH', 'config/global/patch', { archive: 'no', archiveURL: '', archiveSecretKey: '' });
    await using owner = await visit(viewer.browser, box, { size });
    const { page, complaints } = owner;
    await owner.logIn('#/settings/storage');
    await page.getByRole('link', { name: /^Archive/ }).click();
    await settled(page, '.archive .segment');
    await page.getByRole('radio', { name: 'S3 server' }).check({ force: true });
    const tried = page.getByRole('button', { name: 'Test' });
    await tried.click();
    await page.getByText('Enter the address of the server.').waitFor();
    await page.getByText('Enter the access key.').waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('name'))).toBe('archiveURL');

    await page.getByRole('textbox', { name: 'Server', exact: true }).fill(moto.url);
    await page.getByRole('textbox', { name: 'Bucket' }).fill('cameras');
    await page.getByRole('textbox', { name: 'Access key' }).fill(moto.accessKey);
    await page.getByLabel('Secret key', { exact: true }).fill('guess');
    await tried.click();
    await page.getByText('The server rejects the access key or the secret key.').waitFor();
    await page.getByLabel('Secret key', { exact: true }).fill(moto.secretKey);
    await tried.click();
    await page.getByText('Storing, reading, listing and deleting work.').waitFor();
    expect((await moto.objects()).size).toBe(0);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Nothing is waiting.').waitFor();
    await page.getByRole('button', { name: 'Undo' }).waitFor({ state: 'hidden' });
    expect(await axeFindings(page)).toEqual([]);
    expect(await box.api('GET', 'config/global/get')).toMatchObject({
      archive: 's3',
      archiveURL: moto.url,
      archiveSecretKey: '<redacted>',
    });
    await expect.poll(() => page.getByLabel('Secret key', { exact: true }).inputValue()).toBe('');

    await page.getByText('No limit', { exact: true }).waitFor();
    await page.getByRole('radio', { name: 'Clips only' }).check({ force: true });
    await page.getByRole('button', { name: 'Save' }).last().click();
    await expect.poll(() => box.api('GET', 'config/pathdefaults/get')).toMatchObject({ recordArchive: 'protected' });
    await box.api('PATCH', 'config/pathdefaults/patch', { recordArchive: 'all' });
    expect(complaints).toEqual([]);
  });

  test('the key of an encrypted archive is shown until it was written down, and another one is typed', async () => {
    await box.api('PATCH', 'config/global/patch', {
      archive: 'folder',
      archiveFolder: nas,
      archiveEncryption: 'yes',
    });
    await using owner = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = owner;
    await owner.logIn('#/settings/storage/archive');
    await page.getByRole('button', { name: 'Show the key' }).click();
    const shown = await page.locator('.archive .row bdi').first().textContent();
    expect(parseKeyText(shown ?? '').length).toBe(20);
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'I have written it down' }).click();
    await page.getByText('New recordings are encrypted.').waitFor();
    expect(await page.content()).not.toContain(shown);
    await expect(box.api('POST', 'archive/key/show', {})).rejects.toThrow('404');

    await page.getByRole('button', { name: 'Enter the key of another box' }).click();
    await page.getByLabel('Key', { exact: true }).fill('ABCD');
    await page.getByRole('button', { name: 'Add key' }).click();
    await page.getByText('This is not an archive key.').waitFor();
    await page.getByLabel('Key', { exact: true }).fill(shown ?? '');
    await page.getByRole('button', { name: 'Add key' }).click();
    await page.getByText('Key added').waitFor();
  });

  test('while the archive fails, the page says since when and why, in both languages', async () => {
    await box.api('PATCH', 'config/global/patch', {
      archive: 'folder',
      archiveFolder: join(nas, 'absent'),
      archiveEncryption: 'no',
    });
    await using owner = await visit(viewer.browser, box, { size: 'desktop' });
    await owner.logIn('#/settings/storage/archive');
    await owner.page.getByText(/Not working since .*The folder is missing\. .*Recording continues/).waitFor();
    await owner.page.getByRole('link', { name: 'Storage' }).first().click();
    await owner.page.getByRole('link', { name: 'Archive Not working. Open for the reason.' }).waitFor();
    await using chinese = await visit(viewer.browser, box, { size: 'desktop', locale: 'zh-CN' });
    await chinese.logIn('#/settings/storage/archive');
    await chinese.page.getByText(/起无法归档。 找不到文件夹。.*录制继续进行/).waitFor();
    expect(await axeFindings(chinese.page)).toEqual([]);
  });
});
