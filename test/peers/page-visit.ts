import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { OWNER_PASSWORD } from '../page-box.ts';
import { byLength } from './peers.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** The two sizes that the page is made for. */
export const SIZES = {
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 1 },
  desktop: { viewport: { width: 1440, height: 900 } },
} as const;
export type Size = keyof typeof SIZES;

/** A phone by an address of the network, and a computer in a secure context. */
const WAYS = [
  ['phone', 'plain'],
  ['desktop', 'localhost'],
] as const satisfies readonly (readonly [Size, string])[];
export type Way = (typeof WAYS)[number];
let asked = 0;

/** For a test that is the same on both: in short form the tests of a file have one each, in turn. */
export function waysInTurn(): readonly Way[] {
  asked += 1;
  return byLength<readonly Way[]>(WAYS.slice(asked % 2, (asked % 2) + 1), WAYS);
}

/** A page that was opened, and all that the browser complained of. */
export interface Visit extends AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Lines of the console that are errors, exceptions, and requests that failed, were refused or went to another host. */
  readonly complaints: string[];
  /** The place behind `#`, without loading the page anew once it is there. */
  go(place: string): Promise<void>;
  /** Logs in as the owner, without the form, and opens the page; at the live pictures when no place is given. */
  logIn(place?: string): Promise<void>;
}

export interface VisitOptions {
  readonly size: Size;
  readonly theme?: 'dark' | 'light';
  /** `en-GB` when not given. */
  readonly locale?: string;
}

/** @param url of the box: `box.url` or `box.plainUrl` */
export async function visit(browser: Browser, url: string, options: VisitOptions): Promise<Visit> {
  const { size, theme = 'dark', locale = 'en-GB' } = options;
  const context = await browser.newContext({ ...SIZES[size], colorScheme: theme, locale });
  const page = await context.newPage();
  page.setDefaultTimeout(50_000);
  const complaints: string[] = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on(
    'request',
    (request) => isElsewhere(request.url(), url) && complaints.push(`asked elsewhere: ${request.url()}`),
  );
  page.on('response', (answer) => answer.status() >= 400 && complaints.push(`${answer.status()} ${answer.url()}`));
  return {
    ...{ page, context, complaints },
    go: async (place) => {
      await page.goto(`${url}/${place}`);
    },
    logIn: async (place = '#/live') => {
      const headers = { 'Sec-Fetch-Site': 'same-origin' };
      const answer = await context.request.post(`${url}/v3/session`, { data: { password: OWNER_PASSWORD }, headers });
      if (!answer.ok()) {
        throw new Error(`the log-in was refused: ${answer.status()} ${await answer.text()}`);
      }
      // A page that is there already would not ask again who one is.
      await page.goto('about:blank');
      await page.goto(`${url}/${place}`);
      // One camera, and who adds some, have the window to themselves.
      await page.getByRole('navigation').or(page.locator('.cinema, .adding')).first().waitFor();
      // What is refused before one has logged in was to be refused.
      complaints.length = 0;
    },
    [Symbol.asyncDispose]: () => context.close(),
  };
}

/** The page needs nothing but its box. */
const isElsewhere = (asked: string, box: string): boolean =>
  /^(?:https?|wss?):/.test(asked) && new URL(asked).host !== new URL(box).host;

/** A place, and what stands on the page as soon as it is all there. */
export type Sight = readonly [name: string, place: string, sign: string];

/** The places where the owner finds something, with the name of one of the cameras. */
export const sightsOf = ([camera = 'demo']: readonly string[]): readonly Sight[] => [
  ['live', '#/live', '.tile.live .stage.playing'],
  ['camera', `#/live/${camera}`, '.cinema .stage.playing'],
  ['recordings', `#/rec/${camera}`, '.recorded'],
  ['add', '#/settings/cameras/add', '.adding'],
  ['cameras', '#/settings/cameras', '.settings-page .row'],
  ['storage', '#/settings/storage', '.settings-page .card .icon'],
  ['system', '#/settings/system', '.headline'],
  ['backup', '#/settings/system/backup', '.restore'],
  ['log', '#/settings/system/log', '.log-lines li'],
  ['file', '#/settings/system/file', '.editor'],
  ['people', '#/settings/people', '.you'],
];

/** The page is built up, as `sign` shows, and nothing moves any more that comes to rest. */
export async function settled(page: Page, sign: string): Promise<void> {
  await page.locator(sign).first().waitFor();
  await page.evaluate(() => {
    const ending = document
      .getAnimations()
      .filter(({ effect }) => effect?.getComputedTiming().endTime !== Number.POSITIVE_INFINITY);
    return Promise.allSettled(ending.map(({ finished }) => finished)).then(() => undefined);
  });
}

/** @returns what axe-core finds, as `rule: element` */
export async function axeFindings(page: Page): Promise<readonly string[]> {
  // Not as a script of the page, which the page's own security policy would refuse.
  await page.evaluate(AXE);
  return await page.evaluate(async (rules) => {
    interface Axe {
      run(
        where: Document,
        how: object,
      ): Promise<{ violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] }>;
    }
    const { axe } = window as unknown as { axe: Axe };
    const { violations } = await axe.run(document, { runOnly: { type: 'tag', values: rules } });
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary ?? ''}`),
    );
  }, RULES);
}
