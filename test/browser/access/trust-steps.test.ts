import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemNames } from '../../../agent/tls/device-names.ts';
import { type PageHarness, startPageHarness } from '../../peers/browser/page-harness.ts';
import { axeFindings, SIZES } from '../../peers/browser/page-visit.ts';
import { startBrowserAt, startProfileAt } from '../../peers/browser/trusting-browser.ts';
import { describeWith, inShort } from '../../peers/programs/peers.ts';
import { freePort } from '../../support/base/free-port.ts';

const SOON = { timeout: 30_000 };
const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile/15E148 Safari/604.1';
const ANDROID = 'Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari/537.36';
const IPAD_AS_MAC = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.5 Safari/605.1.15';
const [NAME = ''] = systemNames().dns;

describeWith(['chromium', 'certutil'], 'the guided steps to https', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-steps-'));
  let box: PageHarness;
  const file = join(folder, 'perch.pem');
  let tlsPort = 0;
  /** Its user has imported the authority into the certificate store (NSS). */
  let trusting: Browser;
  let strange: Browser;

  beforeAll(async () => {
    tlsPort = await freePort();
    box = await startPageHarness({ tlsAddress: `:${tlsPort}` });
    writeFileSync(file, await (await fetch(`http://127.0.0.1:${box.port}/trust/perch.pem`)).text());
    trusting = await startBrowserAt(join(folder, 'trusting'), file);
    strange = await startBrowserAt(join(folder, 'strange'));
  });
  afterAll(async () => {
    await trusting?.close();
    await strange?.close();
    await box?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(browser: Browser, options: BrowserContextOptions = {}, query = '') {
    const context = await browser.newContext({ locale: 'en-GB', ...options });
    const page = await context.newPage();
    await page.goto(`http://${NAME}:${box.port}/trust${query}`);
    return { page, context };
  }
  const stateOf = (page: Page) => page.getByRole('status').first();
  const says = (page: Page, text: string) => expect.poll(() => stateOf(page).textContent(), SOON).toBe(text);

  test('a phone that does not trust the box gets that answer and the next step', async () => {
    const { page, context } = await open(strange, { ...SIZES.phone, userAgent: IPHONE });
    await says(page, 'This phone does not trust the box yet.');
    await page.getByText('Follow the steps below').waitFor();
    await page.getByText('Certificate Trust Settings, at the very bottom').waitFor();
    expect(await page.getByRole('link', { name: 'Download profile' }).getAttribute('href')).toBe(
      'trust/perch.mobileconfig',
    );
    expect(await page.getByText('Install anyway').isVisible()).toBe(false);
    expect(await page.getByRole('link', { name: 'Continue over https' }).isVisible()).toBe(false);
    await expect(page.goto(`https://${NAME}:${tlsPort}/`)).rejects.toThrow('ERR_CERT_AUTHORITY_INVALID');
    await context.close();
  });

  test('after the download it names the step that people miss', async () => {
    const { page, context } = await open(strange, { ...SIZES.phone, userAgent: ANDROID });
    await says(page, 'This phone does not trust the box yet.');
    const missed = page.getByText('not “VPN & app user certificate”');
    expect(await missed.isVisible()).toBe(false);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download certificate' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('perch.crt');
    await page.getByRole('button', { name: 'Check again' }).click();
    await missed.waitFor();
    await context.close();
  });

  test('the steps of another system can be chosen', async () => {
    const { page, context } = await open(strange, {}, '?lang=en');
    await says(page, 'This computer does not trust the box yet.');
    const choice = page.getByLabel('System');
    expect(await choice.inputValue()).toBe('linux');
    for (const [system, step] of [
      ['windows', 'Trusted Root Certification Authorities'],
      ['macos', 'Keychain Access asks'],
      ['firefox', 'Select “Trust this CA to identify websites”'],
      ['android', 'Install anyway'],
    ] as const) {
      await choice.selectOption(system);
      await page.getByText(step).first().waitFor();
      expect(await page.locator('section[data-system]:visible').count()).toBe(1);
    }
    await context.close();
  });

  test('an iPad that calls itself a Mac gets the steps of an iPad', async () => {
    const { page, context } = await open(strange, { userAgent: IPAD_AS_MAC, hasTouch: true });
    await says(page, 'This tablet does not trust the box yet.');
    expect(await page.getByLabel('System').inputValue()).toBe('ios');
    await context.close();
  });

  test('a phone that trusts the box says so, continues over https and is offered the installation', async () => {
    const { page, context } = await open(trusting, { ...SIZES.phone, userAgent: ANDROID });
    await says(page, 'This phone trusts the box.');
    await page.getByRole('link', { name: 'Continue over https' }).click();
    await page.waitForURL(`https://${NAME}:${tlsPort}/trust`);
    await says(page, 'This phone trusts the box.');
    await page.getByRole('heading', { name: 'Install on this phone' }).waitFor();
    await page.getByText('“Add to Home screen” → “Install”').waitFor();
    await page.getByRole('link', { name: 'Open Perch' }).click();
    await page.waitForURL(`https://${NAME}:${tlsPort}/**`);
    await page.getByRole('heading', { name: 'Make this box yours' }).waitFor();
    await context.close();
  });

  test('Chromium finds the page fit to be installed, and the page offers its Install', async () => {
    const context = await startProfileAt(join(folder, 'installing'), file);
    const page = await context.newPage();
    await page.goto(`https://${NAME}:${tlsPort}/trust`);
    await says(page, 'This computer trusts the box.');
    await page.getByRole('button', { name: 'Install' }).waitFor();
    const browser = await context.newCDPSession(page);
    expect(await browser.send('Page.getInstallabilityErrors')).toEqual({ installabilityErrors: [] });
    expect(await axeFindings(page)).toEqual([]);
    await context.close();
  });

  test('a browser that was forced past its warning does not count as trusting', async () => {
    const context = await strange.newContext({ locale: 'en-GB' });
    const page = await context.newPage();
    await page.goto(`https://${NAME}:${tlsPort}/trust`).catch(() => {});
    await expect.poll(() => page.title(), SOON).toBe('Privacy error');
    // Continues past Chromium's warning, which hears the keys a moment after it is shown.
    await expect
      .poll(async () => {
        await page.keyboard.type('thisisunsafe');
        return page.title();
      }, SOON)
      .not.toBe('Privacy error');
    await says(page, 'This computer does not trust the box yet. The browser opened this page despite its warning.');
    expect(await page.getByRole('link', { name: 'Open Perch' }).isVisible()).toBe(false);
    await context.close();
  });

  const LOOKS = [
    ['dark', 'phone', 'en'],
    ['light', 'phone', 'zh-CN'],
    ['light', 'desktop', 'en'],
  ] as const;
  test.for(inShort(LOOKS, 'dark phone en', 'light desktop en'))(
    'axe finds nothing in %s on a %s in %s, whether the browser trusts the box or not',
    async ([theme, size, lang]) => {
      for (const browser of [strange, trusting]) {
        const { page, context } = await open(browser, { ...SIZES[size], colorScheme: theme }, `?lang=${lang}`);
        await expect.poll(() => stateOf(page).getAttribute('data-is'), SOON).toMatch(/yes|no/);
        expect(await axeFindings(page)).toEqual([]);
        await page.setViewportSize({ width: 320, height: 568 });
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
        await context.close();
      }
    },
  );

  test('everything is reachable by keyboard', async () => {
    const { page, context } = await open(strange);
    await says(page, 'This computer does not trust the box yet.');
    const reached: string[] = [];
    for (let i = 0; i < 5; i += 1) {
      await page.keyboard.press('Tab');
      reached.push(await page.evaluate(() => document.activeElement?.textContent?.slice(0, 20) ?? ''));
    }
    expect(reached.map((text) => text.slice(0, 12))).toEqual([
      '简体中文',
      'Check again',
      'Steps',
      'iPhone, iPad',
      'Download cer',
    ]);
    await context.close();
  });
});
