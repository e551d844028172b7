import { globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { expect, onTestFailed } from 'vitest';
import { longDay } from '../../../webui/words/dates.ts';
import { byLength } from '../programs/peers.ts';
import { OWNER_PASSWORD } from './page-harness.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** The two sizes that the page is made for. */
export const SIZES = {
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 1 },
  desktop: { viewport: { width: 1440, height: 900 } },
} as const;
export type Size = keyof typeof SIZES;

/** `localhost` is a secure context; the machine's own address (`plain`) is not. */
export type PageAddress = 'localhost' | 'plain';

/**
 * The address by which the pages of this run are opened: vitest.config.ts runs their suites by each in the long length. In short form a
 * phone uses the machine's address, and a desktop localhost.
 */
const RUN_BY = process.env['PERCH_PAGE_BY'] as PageAddress | undefined;

/** Defines a test about one of the addresses: only in that address's run. */
export function onlyBy(openBy: PageAddress, define: () => void): void {
  if (RUN_BY === undefined || RUN_BY === openBy) {
    define();
  }
}

let asked = { by: '', times: 0 };
/** For a test that is the same on both sizes: in short form the tests of a file alternate. */
export function sizesInTurn(): readonly Size[] {
  const { testPath: by = '' } = expect.getState();
  asked = { by, times: asked.by === by ? asked.times + 1 : 1 };
  return byLength<readonly Size[]>([asked.times % 2 === 0 ? 'phone' : 'desktop'], ['phone', 'desktop']);
}

function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const found = all.find(({ family, internal }) => family === 'IPv4' && !internal);
  if (!found) {
    throw new Error('this machine has no address but loopback');
  }
  return found.address;
}

/** An open page, and all complaints of the browser. */
export interface Visit extends AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  /** URL of the page at the address that this visit uses. */
  readonly url: string;
  /** Errors of the console, exceptions, and requests that failed, were rejected or went to another host. */
  readonly complaints: string[];
  /** Changes the part after `#`; a loaded page is not reloaded. */
  go(place: string): Promise<void>;
  /** Logs in as the owner, without the form, and opens the page; default: the live pictures. */
  logIn(place?: string): Promise<void>;
  /** Its history is printed if the current test fails. */
  watch(): void;
}

export interface VisitOptions {
  readonly size: Size;
  /** Default: the run's. */
  readonly openBy?: PageAddress;
  readonly theme?: 'dark' | 'light';
  /** Default: `en-GB`. */
  readonly locale?: string;
  /** For tests of what is seen once every transition has ended: the short length has none. */
  readonly isCalm?: boolean;
  /** The page has a clock of its own, which `page.clock` moves on. */
  readonly hasClock?: boolean;
  /** In a time zone in which it is about noon: what has just happened is of the same day. */
  readonly isNoon?: boolean;
}

/** Signs of these zones are those of POSIX: `Etc/GMT-2` is two hours ahead of UTC. */
function zoneOfNoon(): string {
  const hours = 12 - new Date().getUTCHours();
  return `Etc/GMT${hours > 0 ? '-' : '+'}${Math.abs(hours)}`;
}

/** A harness, or the main port of an agent. */
export interface Visited {
  readonly port: number;
  /** URL of the page of a box on another machine. */
  readonly remoteUrl?: string;
}

/** The page's address for a visitor. */
export function addressOf({ port, remoteUrl }: Visited, { size, openBy = RUN_BY }: VisitOptions): string {
  if (remoteUrl !== undefined) {
    return remoteUrl;
  }
  const isPlain = (openBy ?? (size === 'phone' ? 'plain' : 'localhost')) === 'plain';
  return `http://${isPlain ? ownAddress() : 'localhost'}:${port}`;
}

/** Concurrent suites add and remove network interfaces, at which Chromium aborts its requests. */
const OTHERS_NETWORK = /net::ERR_NETWORK_CHANGED/;

export async function visit(browser: Browser, box: Visited, options: VisitOptions): Promise<Visit> {
  const { size, theme = 'dark', locale = 'en-GB' } = options;
  const url = addressOf(box, options);
  const reducedMotion = options.isCalm ? byLength('reduce', 'no-preference') : 'no-preference';
  const zone = options.isNoon ? { timezoneId: zoneOfNoon() } : {};
  const context = await browser.newContext({ ...SIZES[size], colorScheme: theme, locale, reducedMotion, ...zone });
  const page = await context.newPage();
  if (options.hasClock) {
    await page.clock.install();
  }
  page.setDefaultTimeout(50_000);
  askSparingly(page);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' && !OTHERS_NETWORK.test(message.text())) {
      // The text about a failed request has only the reason, not the URL.
      complaints.push(`${message.text()} (${message.location().url})`);
    }
  });
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on(
    'request',
    (request) => isElsewhere(request.url(), url) && complaints.push(`asked elsewhere: ${request.url()}`),
  );
  page.on('response', (answer) => answer.status() >= 400 && complaints.push(`${answer.status()} ${answer.url()}`));
  const history = recordHistory(page);
  const watch = () => printIfFailed(history);
  watch();
  return {
    ...{ page, context, url, complaints, watch },
    go: async (place) => {
      await page.goto(`${url}/${place}`);
    },
    logIn: async (place = '#/live') => {
      const headers = { 'Sec-Fetch-Site': 'same-origin' };
      const answer = await context.request.post(`${url}/v3/session`, { data: { password: OWNER_PASSWORD }, headers });
      if (!answer.ok()) {
        throw new Error(`the login was refused: ${answer.status()} ${await answer.text()}`);
      }
      // A loaded page would keep its old session.
      await page.goto('about:blank');
      await page.goto(`${url}/${place}`);
      // The view of one camera and the page that adds cameras have no navigation.
      await page.getByRole('navigation').or(page.locator('.camera-view, .adding')).first().waitFor();
      // Requests before the login are rejected as intended.
      complaints.length = 0;
    },
    [Symbol.asyncDispose]: async () => {
      history.push(`shown at the end:\n${await shownText(page)}`);
      // Requests that a test still answers end with their page.
      if (!page.isClosed()) {
        await page.unrouteAll({ behavior: 'ignoreErrors' });
      }
      await context.close();
    },
  };
}

const ASK_EVERY_MS = 100;

/** Playwright asks `waitForFunction` at each frame of the page, and the browser would paint sixty of them a second. */
function askSparingly(page: Page): void {
  const ask = page.waitForFunction.bind(page) as (condition: unknown, argument: unknown, options: object) => unknown;
  const sparingly = (condition: unknown, argument: unknown, options?: object) =>
    ask(condition, argument, { polling: ASK_EVERY_MS, ...options });
  page.waitForFunction = sparingly as Page['waitForFunction'];
}

const MAX_HISTORY = 80;
/** Polling would fill it. */
const REPEATED_WITHIN = 12;
const MAX_SHOWN_CHARS = 3_000;

/** Navigations and requests of a page, which are printed if the test fails. */
function recordHistory(page: Page): string[] {
  const history: string[] = [];
  const start = performance.now();
  const note = (text: string) => {
    const isRepeated = history.slice(-REPEATED_WITHIN).some((line) => line.endsWith(`s: ${text}`));
    if (!isRepeated) {
      history.push(`${((performance.now() - start) / 1000).toFixed(2)} s: ${text}`);
      history.splice(0, history.length - MAX_HISTORY);
    }
  };
  page.on('framenavigated', (frame) => note(`at ${frame.url()}`));
  page.on('requestfailed', (request) => note(`${request.method()} ${request.url()}: ${request.failure()?.errorText}`));
  page.on('response', (answer) => note(`${answer.request().method()} ${answer.url()}: ${answer.status()}`));
  page.on('crash', () => note('the page crashed'));
  return history;
}

function printIfFailed(history: readonly string[]): void {
  try {
    onTestFailed(() => {
      process.stderr.write(`Page of the failed test:\n${history.join('\n')}\n`);
    });
  } catch {
    // A visit of a whole suite.
  }
}

async function shownText(page: Page): Promise<string> {
  const text = await page.locator('body').ariaSnapshot({ timeout: 2_000 }).catch(String);
  return text.slice(0, MAX_SHOWN_CHARS);
}

/** The first start asks for it at an address that is not private, as this machine may have. */
export async function enterSetupCode(page: Page, code = ''): Promise<void> {
  const field = page.locator('[name=code]');
  if ((await field.count()) > 0) {
    await field.fill(code);
  }
}

/** Playing pictures change: the same picture twice would be a still. */
export async function expectMoving(visitor: Visit, count: number): Promise<void> {
  const { page } = visitor;
  await page.waitForFunction((wanted) => document.querySelectorAll('.surface.playing video').length >= wanted, count);
  const times = () => page.evaluate(() => [...document.querySelectorAll('video')].map((video) => video.currentTime));
  const before = await times();
  await expect
    .poll(async () => (await times()).every((time, i) => time > (before[i] ?? 0)), { timeout: 15_000 })
    .toBe(true);
}

/** The page loads only from its box. */
const isElsewhere = (asked: string, box: string): boolean =>
  /^(?:https?|wss?):/.test(asked) && new URL(asked).host !== new URL(box).host;

/** A place, and an element that is there once it is complete. */
export type Sight = readonly [name: string, place: string, sign: string];

const FEATURES = join(import.meta.dirname, '../../features');
const ofFeatures: readonly { readonly sights: readonly Sight[] }[] = await Promise.all(
  globSync('*/support/sights.ts', { cwd: FEATURES }).map((file) => import(join(FEATURES, file))),
);
/** Places of `test/features/X/support/sights.ts`. */
export const FEATURE_SIGHTS = ofFeatures.flatMap(({ sights }) => sights);

/** The owner's places, with the name of one of the cameras. */
export const sightsOf = ([camera = 'demo']: readonly string[]): readonly Sight[] => [
  ['live', '#/live', '.tile.live .surface.playing'],
  ['camera', `#/live/${camera}`, '.camera-view .surface.playing'],
  ['events', '#/events', '.events-page'],
  ['recordings', `#/rec/${camera}`, '.recorded'],
  ['clips', '#/clips', '.clips-page ul, .clips-page .empty'],
  ['add', '#/settings/cameras/add', '.adding'],
  ['cameras', '#/settings/cameras', '.settings-page .row'],
  ['layouts', '#/settings/cameras/layouts', '.layouts'],
  ['storage', '#/settings/storage', '.settings-page .card .icon'],
  ['system', '#/settings/system', '.headline'],
  ['backup', '#/settings/system/backup', '.restore'],
  ['https', '#/settings/system/https', '.secure-outside'],
  ['remote', '#/settings/system/remote', '.remote-access form'],
  ['name', '#/settings/system/name', '.network-name .switch'],
  ['servers', '#/settings/system/servers', '.servers .switch'],
  ['log', '#/settings/system/log', '.log-lines li'],
  ['file', '#/settings/system/file', '.editor'],
  ['people', '#/settings/people', '.you'],
  ['views', '#/settings/people/views', '.views .card, .views .dim'],
  ...FEATURE_SIGHTS,
];

/** The page is complete, as `sign` shows, and its transitions have ended. */
export async function settled(page: Page, sign: string): Promise<void> {
  await page.locator(sign).first().waitFor();
  await page.evaluate(() => {
    const ending = document
      .getAnimations()
      .filter(({ effect }) => effect?.getComputedTiming().endTime !== Number.POSITIVE_INFINITY);
    return Promise.allSettled(ending.map(({ finished }) => finished)).then(() => undefined);
  });
}

/** Closes every sheet and menu, and discards what was typed. */
export async function closeSheets(page: Page): Promise<void> {
  while ((await page.locator('.sheet, [role=menu]').count()) > 0) {
    await page.keyboard.press('Escape');
    // Asked of a form with input; while the sheet slides away it is still there.
    const discard = page.locator('.sheet:not([data-leaving])').getByRole('button', { name: 'Discard', exact: true });
    if (await discard.isVisible()) {
      await discard.click({ timeout: 1_000 }).catch(() => {});
    }
    await page.waitForTimeout(50);
  }
}

/** @returns axe-core's findings, as `rule: element` */
export async function axeFindings(page: Page): Promise<readonly string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) {
    // Not as a script of the page, which the page's own security policy would reject.
    await page.evaluate(AXE);
  }
  return await page.evaluate(async (rules) => {
    interface Node {
      html: string;
      failureSummary?: string;
      target: string[];
    }
    interface Axe {
      run(where: Document | Element, how: object): Promise<{ violations: { id: string; nodes: Node[] }[] }>;
    }
    const { axe } = window as unknown as { axe: Axe };
    /** An element half below the bar of the places can be scrolled: its size is checked in the middle of the window. */
    const isSmall = async ({ target: [selector = ''] }: Node) => {
      const element = document.querySelector(selector) ?? document.body;
      const { scrollX, scrollY } = window;
      element.scrollIntoView({ block: 'center' });
      const { violations } = await axe.run(element, {
        ...{ runOnly: { type: 'rule', values: ['target-size'] }, resultTypes: ['violations'] },
      });
      window.scrollTo(scrollX, scrollY);
      return violations.length > 0;
    };
    // It would describe every element that passes, too.
    const { violations } = await axe.run(document, {
      ...{ runOnly: { type: 'tag', values: rules }, resultTypes: ['violations'] },
    });
    const found: string[] = [];
    for (const { id, nodes } of violations) {
      for (const node of nodes) {
        if (id !== 'target-size' || (await isSmall(node))) {
          found.push(`${id}: ${node.html.slice(0, 160)} ${node.failureSummary ?? ''}`);
        }
      }
    }
    return found;
  }, RULES);
}

/** The name of a day in the calendar, with the year if it is not this one. Browsers differ in the comma before it. */
export const nameOfDay = (ms: number, and = ''): RegExp =>
  new RegExp(`^${longDay(ms, 'en-GB').replace(',', ',?')}${and}$`);
