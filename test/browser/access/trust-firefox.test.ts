import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'puppeteer-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startFirefox } from '../../peers/browser/firefox.ts';
import { type PageHarness, startPageHarness } from '../../peers/browser/page-harness.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { freePort } from '../../support/base/free-port.ts';

const SOON = { timeout: 30_000 };

describeWith(['firefox', 'certutil'], 'the guided steps to https in Firefox', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-firefox-'));
  const file = join(folder, 'perch.pem');
  let box: PageHarness;
  beforeAll(async () => {
    box = await startPageHarness({ tlsAddress: `:${await freePort()}` });
    writeFileSync(file, await (await fetch(`http://127.0.0.1:${box.port}/trust/perch.pem`)).text());
  });
  afterAll(async () => {
    await box?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });
  const says = (page: Page, text: string) =>
    expect.poll(() => page.$eval('#state', (state) => state.textContent), SOON).toBe(text);

  test('Firefox that does not trust the box gets its own steps', async () => {
    await using firefox = await startFirefox();
    const page = await firefox.open(`http://localhost:${box.port}/trust?lang=en`);
    await says(page, 'This computer does not trust the box yet.');
    expect(await page.$eval('#system', (choice) => (choice as HTMLSelectElement).value)).toBe('firefox');
    const shown = await page.$eval('section[data-system="firefox"]', (steps) =>
      steps.checkVisibility() ? steps.textContent : '',
    );
    expect(shown).toContain('Select “Trust this CA to identify websites”');
  });

  test('Firefox that has imported the certificate trusts the box, over http and over https', async () => {
    const profile = join(folder, 'profile');
    mkdirSync(profile);
    execFileSync('certutil', ['-N', '-d', `sql:${profile}`, '--empty-password']);
    execFileSync('certutil', ['-A', '-d', `sql:${profile}`, '-n', 'perch', '-t', 'C,,', '-i', file]);
    await using firefox = await startFirefox({}, profile);
    const page = await firefox.open(`http://localhost:${box.port}/trust?lang=en`);
    await says(page, 'This computer trusts the box.');
    await Promise.all([page.waitForNavigation(), page.click('#go-on')]);
    expect(page.url()).toMatch(/^https:\/\/localhost:\d+\/trust\?lang=en$/);
    await says(page, 'This computer trusts the box.');
    expect(await page.$eval('#go-on', (link) => (link as HTMLElement).offsetParent)).toBeNull();
  });
});
