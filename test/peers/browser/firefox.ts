import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { FIREFOX } from '../programs/peers.ts';

export interface Firefox extends AsyncDisposable {
  readonly browser: Browser;
  open(url: string): Promise<Page>;
}

/**
 * Headless Firefox from the system's packages, driven over WebDriver BiDi. Its WebRTC never goes to 127.0.0.1: see `mediaEverywhere`.
 * @param profile its folder; default: a new one
 */
export async function startFirefox(prefs: Readonly<Record<string, boolean>> = {}, profile?: string): Promise<Firefox> {
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: FIREFOX,
    headless: true,
    ...(profile !== undefined && { userDataDir: profile }),
    extraPrefsFirefox: {
      'media.autoplay.default': 0,
      // No H.264 plugin for WebRTC is downloaded during a test.
      'media.gmp-manager.updateEnabled': false,
      'media.gmp-gmpopenh264.autoupdate': false,
      ...prefs,
    },
  });
  return {
    browser,
    open: async (url) => {
      const page = await browser.newPage();
      await page.goto(url);
      return page;
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}
