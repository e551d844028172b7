import { type Browser, chromium, type Page } from 'playwright-core';
import { CHROMIUM } from '../../peers/programs/peers.ts';
import type { Router, WifiMachine } from './wifi-machine.ts';

/** URLs by which systems find out whether they are online. */
export const PROBES = [
  'http://connectivitycheck.gstatic.com/generate_204',
  'http://captive.apple.com/hotspot-detect.html',
  'http://www.msftconnecttest.com/connecttest.txt',
] as const;

/** The browser of the phone: all that it asks for goes through the phone's radio. */
export class PhoneBrowser implements AsyncDisposable {
  readonly #browser: Browser;
  readonly #patienceMs: number;

  private constructor(browser: Browser, patienceMs: number) {
    this.#browser = browser;
    this.#patienceMs = patienceMs;
  }

  static async open(box: WifiMachine, patienceMs: number): Promise<PhoneBrowser> {
    const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking'];
    const browser = await chromium.launch({ executablePath: CHROMIUM, args, proxy: { server: box.proxy } });
    return new PhoneBrowser(browser, patienceMs);
  }

  async at<T>(url: string, use: (page: Page) => Promise<T>): Promise<T> {
    const context = await this.#browser.newContext({ viewport: { width: 390, height: 844 }, locale: 'en-US' });
    context.setDefaultTimeout(this.#patienceMs);
    try {
      const page = await context.newPage();
      await page.goto(url);
      return await use(page);
    } finally {
      await context.close();
    }
  }

  /** Chooses on the page of the access point, as a person does. @returns what it says then */
  choose({ name }: Router, password: string): Promise<string | null> {
    return this.at(PROBES[0], async (page) => {
      await page.getByLabel('Country').selectOption('DE');
      const network = page.getByRole('radio', { name });
      while ((await network.count()) === 0) {
        await page.getByRole('button', { name: 'Search again' }).click();
        await page.getByRole('button', { name: 'Search again', disabled: false }).waitFor();
        await page.getByLabel('Country').selectOption('DE');
      }
      await network.check();
      await page.getByLabel('Password').fill(password);
      await page.getByRole('button', { name: 'Connect' }).click();
      await page.locator('ol').waitFor();
      return page.locator('main').textContent();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}
