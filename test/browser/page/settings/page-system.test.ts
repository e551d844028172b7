import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSigningKey } from '../../../../agent/record/signing/signing-key.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { OWNER_PASSWORD, type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, type Size, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

const GLOBAL = 'config/global/get';
const CLOSED_BY_RESTART = /ERR_|Failed to fetch|WebSocket/;

describeWith(['chromium'], 'the page about the system', () => {
  let viewer: Viewer;
  let box: PageHarness;
  beforeAll(async () => {
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}] })]);
    await box.claim();
    await box.adopt();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });
  const open = async (size: Size, place: string) => {
    const visitor = await visit(viewer.browser, box, { size });
    await visitor.logIn(place);
    return visitor;
  };
  const file = () => readFileSync(join(box.folder, 'perch.yml'), 'utf8');

  test.for(sizesInTurn())("shows the box's health on a %s", async (size) => {
    const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    writeFileSync(join(box.folder, 'data/signing-key.pem'), key);
    const fingerprint = readSigningKey(key)?.fingerprint;
    await using owner = await open(size, '#/settings/system');
    const { page, complaints } = owner;
    await page.getByRole('button', { name: `Key of signed recordings ${fingerprint}` }).waitFor();
    await page.getByRole('heading', { name: /Running well|Working hard|One thing/ }).waitFor();
    await page.getByText('Perch v0.0.0').waitFor();
    expect(await page.locator('.spark').first().isVisible()).toBe(size === 'desktop');
    expect(await axeFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test.for(sizesInTurn())('a new name in the network is checked, saved and undone on a %s', async (size) => {
    const nameOf = async () => (await box.api<{ boxName: string }>('GET', GLOBAL)).boxName;
    await using owner = await open(size, '#/settings/system');
    const { page, complaints } = owner;
    await page.getByRole('link', { name: /^Network name/ }).click();
    const name = page.getByRole('textbox', { name: 'Name' });
    await name.fill('my barn');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Use a to z, 0 to 9 and hyphens').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await name.fill('Barn.local');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('button', { name: 'Undo' }).waitFor();
    expect([await name.inputValue(), await nameOf()]).toEqual(['barn', 'barn']);
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect.poll(nameOf).toBe('perch');
    expect(complaints).toEqual([]);
  });

  test.for(sizesInTurn())('reverse proxies and public names are checked, saved and undone on a %s', async (size) => {
    const saved = async () => {
      const { trustedProxies, webrtcAdditionalHosts } = await box.api<Record<string, string[]>>('GET', GLOBAL);
      return [trustedProxies, webrtcAdditionalHosts];
    };
    // After a failed try, too.
    await box.api('PATCH', 'config/global/patch', { trustedProxies: [], webrtcAdditionalHosts: [] });
    const before = await saved();
    await using owner = await open(size, '#/settings/system/https');
    const { page } = owner;
    await page.getByRole('link', { name: /^Reverse proxy and router/ }).click();
    const proxies = page.getByRole('textbox', { name: 'Addresses of the reverse proxy' });
    const hosts = page.getByRole('textbox', { name: 'Public names or addresses' });
    await proxies.fill('127.0.0.1, 192.168.1.0/24');
    await hosts.fill('https://perch.example');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Names such as perch.example').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await hosts.fill('perch.example');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('button', { name: 'Undo' }).waitFor();
    await expect.poll(saved).toEqual([['127.0.0.1/32', '192.168.1.0/24'], ['perch.example']]);
    await expect.poll(() => proxies.inputValue()).toBe('127.0.0.1 192.168.1.0/24');
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect.poll(saved).toEqual(before);
  });

  test.for(sizesInTurn())('shows a line of the log as it is written, on a %s', async (size) => {
    await using owner = await open(size, '#/settings/system/log');
    const { page, complaints } = owner;
    await page.locator('.log-lines li').first().waitFor();
    await settled(page, '.log-lines');
    expect(await axeFindings(page)).toEqual([]);
    expect(await linesThatOverlap(page)).toEqual([]);
    // An earlier line is found again.
    const name = `<img src=${randomUUID()}>`;
    await page.getByLabel('Search').fill(name);
    await page.getByText('No matching entries').waitFor();
    // A login with a strange name is rejected, which is logged.
    const refused = fetch(`${owner.url}/v3/paths/list`, {
      headers: { authorization: `Basic ${btoa(`${name}:wrong`)}` },
    });
    await page.locator('.log-lines li').filter({ hasText: name }).first().waitFor();
    expect((await refused).status).toBe(401);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download' }).click(),
    ]);
    const text = readFileSync(await download.path(), 'utf8');
    expect(text).toContain(name);
    expect(text.trim().split('\n')).toHaveLength(await page.locator('.log-lines li').count());
    expect(complaints).toEqual([]);
  });

  test.for(sizesInTurn())(
    'a file broken by another program is reported with its line and a link, until it is valid again, on a %s',
    async (size) => {
      const before = file();
      await using owner = await open(size, '#/settings/system');
      const { page, complaints } = owner;
      const row = page.getByRole('link', { name: /^Configuration file/ });
      await row.filter({ hasText: 'For experts' }).waitFor();
      const name = join(box.folder, 'perch.yml');
      writeFileSync(name, `${before}\nhls: [yes\n`);
      try {
        await page.getByText('There is a mistake in the configuration file.').waitFor();
        await row.filter({ hasText: /Mistake on line \d+/ }).waitFor();
        await page.getByRole('heading', { name: 'One thing to check' }).waitFor();
        expect(await axeFindings(page)).toEqual([]);
        await page.getByRole('link', { name: 'Open the file' }).click();
        await page
          .getByRole('button', { name: /^Line \d+/ })
          .first()
          .waitFor();
      } finally {
        writeFileSync(name, before);
      }
      await owner.go('#/settings/system');
      await row.filter({ hasText: 'For experts' }).waitFor();
      expect(complaints).toEqual([]);
    },
  );

  test.for(sizesInTurn())(
    'a mistake in the file is shown at its line, and the corrected text is saved, on a %s',
    async (size) => {
      const before = file();
      await using owner = await open(size, '#/settings/system/file');
      const { page, complaints } = owner;
      const editor = page.getByRole('textbox', { name: 'Configuration file' });
      await editor.waitFor();
      const shown = await editor.inputValue();
      expect(await axeFindings(page)).toEqual([]);
      if (size === 'phone') {
        expect(await editor.isEditable()).toBe(false);
        await page.getByRole('button', { name: 'Edit anyway' }).click();
      }
      const wrong = `${shown}# ${size}\nlogLevel: loud\n`;
      await editor.fill(wrong);
      const line = wrong.split('\n').indexOf('logLevel: loud') + 1;
      await page.getByRole('button', { name: `Line ${line}`, exact: true }).click();
      await page.locator(`.numbers .error:nth-child(${line})`).waitFor();
      expect(await page.getByRole('button', { name: 'Review changes' }).isDisabled()).toBe(true);
      expect(
        await editor.evaluate((area) =>
          (area as HTMLTextAreaElement).value.slice((area as HTMLTextAreaElement).selectionStart),
        ),
      ).toMatch(/^logLevel: loud/);
      expect(await axeFindings(page)).toEqual([]);

      // The input is still there after a visit of another page.
      await owner.go('#/settings/system');
      await page.getByRole('link', { name: /^Configuration file/ }).click();
      await editor.waitFor();
      expect(await editor.inputValue()).toBe(wrong);
      await editor.fill(`${shown}# ${size}\n`);
      await page.getByRole('button', { name: 'Review changes' }).click();
      const mine = page.locator('.diff .mine');
      await mine.first().waitFor();
      expect(await mine.allTextContents()).toEqual([expect.stringContaining(`# ${size}`)]);
      expect(await axeFindings(page)).toEqual([]);
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('status').filter({ hasText: 'Saved.' }).waitFor();
      expect(file()).toBe(`${before}# ${size}\n`);
      expect(complaints).toEqual([]);
    },
  );

  test.for(sizesInTurn())(
    "the file opens with its passwords hidden, and shows them for the owner's password, on a %s",
    async (size) => {
      await using owner = await open(size, '#/settings/system/file');
      const { page, complaints } = owner;
      const editor = page.getByRole('textbox', { name: 'Configuration file' });
      await editor.waitFor();
      expect(await editor.inputValue()).toMatch(/password: <hidden-[0-9a-f]{12}>/);
      const hint = await page.getByText('Passwords are hidden.').boundingBox();
      const button = await page.getByRole('button', { name: 'Show passwords' }).boundingBox();
      const middle = (one: typeof hint) => (one?.y ?? 0) + (one?.height ?? 0) / 2;
      expect(size === 'phone' || Math.abs(middle(hint) - middle(button)) < 2).toBe(true);
      await page.getByRole('button', { name: 'Show passwords' }).click();
      const sheet = page.getByRole('dialog', { name: 'Show passwords' });
      await sheet.getByLabel('Your password').fill('a guess');
      await sheet.getByRole('button', { name: 'Show passwords', exact: true }).click();
      await sheet.getByRole('alert').filter({ hasText: 'Wrong password.' }).waitFor();
      expect(await axeFindings(page)).toEqual([]);
      await sheet.getByLabel('Your password').fill(OWNER_PASSWORD);
      await sheet.getByRole('button', { name: 'Show passwords', exact: true }).click();
      await sheet.waitFor({ state: 'detached' });
      expect(await editor.inputValue()).toBe(file());
      expect(await page.getByText('Passwords are hidden.').count()).toBe(0);
      expect(complaints.filter((text) => !text.includes('403'))).toEqual([]);
    },
  );

  test('an unknown word is reported next to Save too, with a suggestion', async () => {
    await using owner = await open('desktop', '#/settings/system/file');
    const { page, complaints } = owner;
    const editor = page.getByRole('textbox', { name: 'Configuration file' });
    await editor.waitFor();
    await editor.fill(`${await editor.inputValue()}frobnicate: 11s\n`);
    await page.getByRole('button', { name: 'Review changes' }).click();
    await page.getByRole('button', { name: 'Save' }).waitFor();
    await page.getByText('unknown key').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Keep editing' }).click();
    await page.getByRole('button', { name: 'Discard changes' }).click();
    expect(complaints).toEqual([]);
  });

  test('saving a file that another person has changed meanwhile warns, compares, and keeps both', async () => {
    await using owner = await open('desktop', '#/settings/system/file');
    const { page } = owner;
    const editor = page.getByRole('textbox', { name: 'Configuration file' });
    await editor.waitFor();
    await editor.fill(`${await editor.inputValue()}# mine\n`);
    await box.api('PATCH', 'config/global/patch', { readTimeout: '11s' });
    await page.getByRole('button', { name: 'Review changes' }).click();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('owner has changed the file. Nothing was saved.').waitFor();
    expect(file()).toContain('readTimeout: 11s');
    expect(file()).not.toContain('# mine');
    await page.getByRole('button', { name: 'Compare mine with theirs' }).click();
    await page.locator('.diff .theirs', { hasText: 'readTimeout: 11s' }).waitFor();
    await page.getByRole('button', { name: 'Keep editing' }).click();
    await page.getByRole('button', { name: 'Discard changes' }).click();
    expect(await editor.inputValue()).toMatch(/readTimeout: 11s(?![\s\S]*# mine)/);
  });

  test.for(sizesInTurn())('a restart of the box is announced and survived, on a %s', async (size) => {
    await using owner = await open(size, '#/settings/system');
    const { page, complaints } = owner;
    const former = box.app;
    await page.getByRole('button', { name: 'Restart' }).click();
    await page.getByText('Press again to restart.').waitFor();
    await page.getByRole('button', { name: 'Restart' }).click();
    const strip = page.getByText('The box is restarting.');
    await strip.waitFor();
    await strip.waitFor({ state: 'hidden' });
    expect(box.app).not.toBe(former);
    await owner.go('#/live');
    await page.locator('.tile.live .surface.playing').waitFor();
    expect(complaints.filter((text) => !CLOSED_BY_RESTART.test(text))).toEqual([]);
  });
});

/** @returns the lines of the log that overlap the previous one */
const linesThatOverlap = (page: Page): Promise<readonly string[]> =>
  page.locator('.log-lines li').evaluateAll((lines) =>
    lines.flatMap((line, i) => {
      const endPx = lines[i - 1]?.getBoundingClientRect().bottom ?? 0;
      return line.getBoundingClientRect().top < endPx - 0.5 ? [line.outerHTML] : [];
    }),
  );
