import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { startViewer } from '../peers/browser/browser.ts';
import { OWNER_PASSWORD, type PageHarness, startPageHarness } from '../peers/browser/page-harness.ts';
import { enterSetupCode, settled, visit } from '../peers/browser/page-visit.ts';
import { buildHouse, type House, NO_DEMO } from './house.ts';
import { takeReadmePictures } from './readme.ts';
import { README_PICTURES } from './readme-stamps.ts';
import { enter, ownersShots, type Shot, type Spoken, WORDS } from './shots.ts';
import { guestsShots, troublesShots, viewersShots } from './shots-others.ts';

/**
 * Pictures of every place and sheet in both themes and languages on a phone and a desktop, for people to look through. Arguments: the folder,
 * and parts of the names of the pictures that are wanted, which may name the other windows, too. `readme` takes those of README instead.
 */
const [folderName = join(import.meta.dirname, '../../screenshots'), ...wanted] = process.argv.slice(2);
const isForReadme = folderName === 'readme';
const folder = isForReadme ? README_PICTURES : resolve(folderName);

/** CSS pixels. */
const WINDOWS = {
  phone: { width: 390, height: 844 },
  desktop: { width: 1440, height: 900 },
  small: { width: 320, height: 568 },
  sideways: { width: 844, height: 390 },
  tablet: { width: 820, height: 1180 },
  large: { width: 2560, height: 1440 },
  television: { width: 3840, height: 2160 },
} as const;
const USUAL: readonly string[] = ['phone', 'desktop'];

interface Appearance {
  readonly window: keyof typeof WINDOWS;
  readonly theme: 'dark' | 'light';
  readonly speech: keyof typeof WORDS;
}

const APPEARANCES = appearancesIn('en');
const CHINESE = appearancesIn('zh');

function appearancesIn(speech: Appearance['speech']): readonly Appearance[] {
  const windows = Object.keys(WINDOWS) as Appearance['window'][];
  return windows.flatMap((window) => (['dark', 'light'] as const).map((theme) => ({ window, theme, speech })));
}

const LOCALES = { en: 'en-GB', zh: 'zh-CN' };
/** How long a picture may take to settle. */
const PATIENCE_MS = 12_000;
const REST_MS = 500;

const failures: string[] = [];

async function take(page: Page, say: Spoken, url: string, name: string, shot: Shot): Promise<void> {
  try {
    await enter(page, url, say, shot);
  } catch (error) {
    failures.push(`${name}: ${String(error).split('\n')[0]}`);
  }
  await page.waitForTimeout(REST_MS);
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

async function logIn(page: Page, url: string, password: string): Promise<void> {
  await page.goto(`${url}/#/live`);
  await page.locator('input[type=password]').fill(password);
  await page.locator('form .button.main').click();
  await page.getByRole('navigation').waitFor();
}

interface Visitor {
  /** Logs in with it first. */
  readonly password?: string;
  /** Storage that the browser kept from the previous visit. */
  readonly stills?: Stills;
  /** Logs in without the form: the body, and its address below `/v3/`. */
  readonly enters?: readonly [address: string, data: object];
}
type Stills = readonly (readonly [key: string, value: string])[];

async function shoot(
  browser: Browser,
  box: PageHarness,
  appearance: Appearance,
  who: Visitor,
  shots: readonly Shot[],
): Promise<void> {
  const { window, theme, speech } = appearance;
  const nameOf = (shot: Shot) => `${shot.name}-${window}-${theme}${speech === 'en' ? '' : `-${speech}`}`;
  const isWanted = (name: string) =>
    wanted.length === 0 ? USUAL.includes(window) : wanted.some((part) => name.includes(part));
  const chosen = shots.filter((shot) => isWanted(nameOf(shot)));
  if (chosen.length === 0) {
    return;
  }
  await using visitor = await visit(browser, box, {
    ...{ theme, openBy: 'localhost', locale: LOCALES[speech] },
    size: ['desktop', 'large', 'television'].includes(window) ? 'desktop' : 'phone',
  });
  const { page, url } = visitor;
  await page.setViewportSize(WINDOWS[window]);
  page.setDefaultTimeout(PATIENCE_MS);
  await visitor.context.addInitScript((stills) => {
    for (const [key, value] of stills) {
      localStorage.setItem(key, value);
    }
  }, who.stills ?? []);
  if (who.password !== undefined) {
    await logIn(page, url, who.password);
  }
  if (who.enters) {
    const [address, data] = who.enters;
    await visitor.context.request.post(`${url}/v3/${address}`, { data, headers: { 'Sec-Fetch-Site': 'same-origin' } });
  }
  for (const shot of chosen) {
    await take(page, WORDS[speech], url, nameOf(shot), shot);
  }
}

/** Storage of a browser after it has shown pictures. */
async function snapshotsOf(browser: Browser, { box, cameras }: House): Promise<Stills> {
  await using visitor = await visit(browser, box, { size: 'desktop', openBy: 'localhost' });
  const { page, url } = visitor;
  await logIn(page, url, OWNER_PASSWORD);
  await page.waitForFunction((count) => document.querySelectorAll('.surface.playing').length === count, cameras.length);
  // The page keeps them when it is left.
  await page.goto('about:blank');
  await page.goto(`${url}/#/settings/people`);
  return await page.evaluate(() => Object.entries(localStorage).filter(([key]) => key.startsWith('perch-still:')));
}

async function shootHouse(browser: Browser, house: House): Promise<void> {
  const [door = '', , , , paused = '', offline = ''] = house.cameras;
  const shots = ownersShots({ door, paused, offline, visitMs: house.visitMs, viewer: 'Ann' });
  const owner = { password: OWNER_PASSWORD, stills: await snapshotsOf(browser, house) };
  const until = new Date(Date.now() + 86_400_000).toISOString();
  const { token } = await house.box.api<{ token: string }>('POST', 'guests', { paths: [door], until });
  await house.goSilent();
  for (const appearance of APPEARANCES) {
    await shoot(browser, house.box, appearance, owner, shots);
    await shoot(browser, house.box, appearance, {}, [{ name: 'login', place: '#/live', sign: 'form' }]);
    await shootOthers(browser, house, appearance, token);
    for (const shot of troublesShots) {
      await shoot(browser, house.box, appearance, owner, [shot]);
    }
  }
  await house.speakChinese();
  for (const appearance of CHINESE) {
    await shoot(browser, house.box, appearance, owner, shots);
  }
}

/** A viewer, and a guest with a link. */
async function shootOthers(
  browser: Browser,
  { box, cameras: [door = ''] }: House,
  appearance: Appearance,
  token: string,
): Promise<void> {
  const ann = { user: 'Ann', password: 'a wren in the hedge' };
  await shoot(browser, box, appearance, { enters: ['session', ann] }, viewersShots(door));
  await shoot(browser, box, appearance, { enters: ['guest', { token }] }, guestsShots);
}

/** The first start: the box has no owner, then its cameras are found. */
async function shootStart(browser: Browser): Promise<void> {
  for (const appearance of [...APPEARANCES, ...CHINESE]) {
    await using fresh = await startPageHarness({ cameras: [{}, {}, {}] });
    const found = async (page: Page) => {
      await page.locator('input[type=password]').fill(OWNER_PASSWORD);
      await enterSetupCode(page, fresh.app.accounts.setup?.code);
      await page.locator('form .button.main').click();
      await settled(page, '.ticks');
    };
    const arriving = async (page: Page) => {
      await page.locator('input[type=password]').fill('none');
      await page.locator('form .button.main').click();
      await settled(page, '.surface.playing');
    };
    const start = { place: '#/start', sign: 'form' };
    await shoot(browser, fresh, appearance, {}, [
      { name: 'start', ...start },
      { name: 'start-found', ...start, act: found },
      { name: 'start-arriving', place: '#/start', sign: '.ticks', act: arriving },
    ]);
  }
}

/** A box whose owner has no camera yet. */
async function shootEmpty(browser: Browser): Promise<void> {
  await using box = await startPageHarness({ config: NO_DEMO });
  await box.claim();
  const places = ['live', 'rec', 'settings/cameras', 'settings/storage', 'settings/cameras/add'];
  const shots = places.map((place) => ({
    ...{ name: `empty-${place.replaceAll('/', '-')}`, place: `#/${place}` },
    sign: '.empty, .adding',
  }));
  for (const appearance of [...APPEARANCES, ...CHINESE]) {
    await shoot(browser, box, appearance, { password: OWNER_PASSWORD }, shots);
  }
}

if (isForReadme) {
  await using viewer = await startViewer();
  await using house = await buildHouse(viewer.browser);
  await takeReadmePictures(viewer.browser, house, folder, wanted);
} else {
  await mkdir(folder, { recursive: true });
  await using viewer = await startViewer();
  await shootEmpty(viewer.browser);
  await shootStart(viewer.browser);
  await using house = await buildHouse(viewer.browser);
  await shootHouse(viewer.browser, house);
}
process.stdout.write(
  `pictures are in ${folder}\n${failures.map((failure) => `not as it should be: ${failure}\n`).join('')}`,
);
process.exit(failures.length > 0 ? 1 : 0);
