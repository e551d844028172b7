import { globSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { cameraView } from '../../webui/words/en/camera-view.ts';
import { clips } from '../../webui/words/en/clips.ts';
import { common } from '../../webui/words/en/common.ts';
import { live } from '../../webui/words/en/live.ts';
import { cameras } from '../../webui/words/en/settings/cameras.ts';
import { forwards } from '../../webui/words/en/settings/forwards.ts';
import { layouts } from '../../webui/words/en/settings/layouts.ts';
import { library } from '../../webui/words/en/settings/library.ts';
import { masks } from '../../webui/words/en/settings/masks.ts';
import { people } from '../../webui/words/en/settings/people.ts';
import { secure } from '../../webui/words/en/settings/secure.ts';
import { storage } from '../../webui/words/en/settings/storage.ts';
import { system } from '../../webui/words/en/settings/system.ts';
import { video } from '../../webui/words/en/settings/video.ts';
import { you } from '../../webui/words/en/settings/you.ts';
import { start } from '../../webui/words/en/start.ts';
import { zhCn } from '../../webui/words/zh-cn.ts';
import { zhCnSettings } from '../../webui/words/zh-cn-settings.ts';
import { FEATURE_SIGHTS, settled } from '../peers/browser/page-visit.ts';

const ENGLISH = {
  ...{ common, live, layouts, cameraView, clips, library, start, cameras },
  ...{ storage, system, secure, people, you, video, forwards, masks },
};
export type Spoken = typeof ENGLISH;
export const WORDS: Readonly<Record<'en' | 'zh', Spoken>> = {
  en: ENGLISH,
  zh: { ...zhCn, ...zhCnSettings },
};

/** One picture: a page, the element that shows it is complete, and actions before the picture. */
export interface Shot {
  readonly name: string;
  readonly place: string;
  readonly sign: string;
  readonly act?: (page: Page, say: Spoken) => Promise<void>;
}

/** Subjects of the pictures. */
export interface Sitters {
  /** A camera that is live, one that is paused, and one that is offline. */
  readonly door: string;
  readonly paused: string;
  readonly offline: string;
  /** A moment that `door` was recorded at. */
  readonly visitMs: number;
  /** A viewer. */
  readonly viewer: string;
}

const FEATURES = join(import.meta.dirname, '../features');
/** Those of `test/features/X/support/shots.ts`. */
const FEATURE_SHOTS: readonly { shots(door: string): readonly Shot[] }[] = await Promise.all(
  globSync('*/support/shots.ts', { cwd: FEATURES }).map((file) => import(join(FEATURES, file))),
);

/** Goes there and does it. @param url the page's */
export async function enter(page: Page, url: string, say: Spoken, { place, sign, act }: Shot): Promise<void> {
  // A new document each time, without the sheet of the previous one.
  await page.goto('about:blank');
  await page.goto(`${url}/${place}`);
  await settled(page, sign);
  await act?.(page, say);
}

const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).first().click();
const row = (page: Page, name: string) => page.locator('.row', { hasText: name }).first().click();
const shot = (name: string, place: string, sign: string, act?: Shot['act']): Shot => ({
  ...{ name, place, sign },
  ...(act && { act }),
});

/** Every place and sheet as the owner sees it. */
export function ownersShots({ door, paused, offline, visitMs, viewer }: Sitters): readonly Shot[] {
  const visit = `#/rec/${door}?t=${new Date(visitMs).toISOString()}`;
  const clip = `&clip=${Math.round(visitMs - 15_000)}-${Math.round(visitMs + 27_000)}`;
  return [
    ...liveShots(door, paused, offline),
    shot('events', '#/events', '.events-page li'),
    shot('recordings', visit, '.recorded'),
    shot('recordings-all', `${visit}&all`, '.day-list'),
    shot('recordings-near', visit, '.recorded', async (page) => {
      for (let i = 0; i < 18; i += 1) {
        await page.keyboard.press('+');
      }
    }),
    shot('recordings-month', visit, '.recorded', async (page) => {
      for (let i = 0; i < 16; i += 1) {
        await page.keyboard.press('-');
      }
    }),
    shot('recordings-gap', `#/rec/${door}?t=${new Date(visitMs - 5.4 * 3_600_000).toISOString()}`, '.recorded'),
    shot('clip', visit + clip, '.recorded'),
    shot('clip-delete', visit + clip, '.recorded', async (page, { library }) => {
      await press(page, library.deleteRecordings);
      await settled(page, '.sheet');
    }),
    shot('clips', '#/clips', '.clips-page li'),
    shot('clip-open', '#/clips', '.clips-page li', async (page) => {
      await page.locator('.clips-page li button').first().click();
      await settled(page, '.sheet');
    }),
    shot('clip-link', '#/clips', '.clips-page li', async (page, { library }) => {
      await page.locator('.clips-page li button').first().click();
      await row(page, library.clipLink);
      await page.waitForFunction(() => document.querySelectorAll('.sheet[open]').length > 1);
      await settled(page, '.sheet');
    }),
    shot('calendar', visit, '.recorded', async (page) => {
      await page.keyboard.press('g');
      await settled(page, '.sheet');
    }),
    shot('trust', 'trust', 'main'),
    ...settingsShots(door, offline, viewer),
  ];
}

function liveShots(door: string, paused: string, offline: string): readonly Shot[] {
  const LIVE = '.tile.live .surface.playing';
  const CAMERA = '.camera-view .surface.playing';
  return [
    shot('live', '#/live', LIVE),
    shot('live-arrange', '#/live', LIVE, (page, say) => press(page, say.live.arrange)),
    shot('live-menu', '#/live', LIVE, async (page) => {
      await page.locator('.cell > .more').nth(1).focus();
      await page.keyboard.press('Enter');
    }),
    shot('live-keys', '#/live', LIVE, async (page) => {
      await page.keyboard.press('?');
      await settled(page, '.sheet');
    }),
    shot('live-find', '#/live', LIVE, async (page) => {
      await page.keyboard.press('/');
      await settled(page, '.sheet');
    }),
    shot('wall', '#/wall', '.surface.playing'),
    shot('camera', `#/live/${door}`, CAMERA),
    shot('camera-info', `#/live/${door}`, CAMERA, (page) => page.keyboard.press('i')),
    shot('camera-offline', `#/live/${offline}`, '.camera-view'),
    shot('camera-paused', `#/live/${paused}`, '.camera-view'),
    shot('camera-unknown', '#/live/missing', '.empty'),
  ];
}

function settingsShots(door: string, offline: string, viewer: string): readonly Shot[] {
  const sheetOf = (name: string): [string, string] => [`#/settings/cameras/${name}`, '.sheet'];
  const deeper = (name: string, text: (say: Spoken) => string) =>
    shot(name, ...sheetOf(door), async (page, say) => {
      await row(page, text(say));
      await page.waitForFunction(() => document.querySelectorAll('.sheet[open]').length > 1);
      await settled(page, '.sheet');
    });
  const deepest = (name: string, text: (say: Spoken) => string, act?: (page: Page, say: Spoken) => Promise<void>) =>
    shot(name, ...sheetOf(door), async (page, say) => {
      await row(page, say.cameras.picture);
      await page.getByRole('button', { name: new RegExp(`^${text(say)}`) }).click();
      await page.getByRole('dialog').nth(2).locator('.segment').first().waitFor();
      await settled(page, '.sheet');
      await act?.(page, say);
    });
  const opened = (name: string, room: string, sign: string, open: (page: Page, say: Spoken) => Promise<void>) =>
    shot(name, `#/settings/${room}`, sign, async (page, say) => {
      await open(page, say);
      await settled(page, '.sheet');
    });
  const STORAGE = '.settings-page .card .icon';
  return [
    shot('cameras', '#/settings/cameras', '.settings-page .row'),
    shot('camera-sheet', ...sheetOf(door)),
    shot('camera-sheet-offline', ...sheetOf(offline)),
    deeper('camera-sheet-picture', (say) => say.cameras.picture),
    deepest(
      'camera-sheet-video',
      (say) => say.cameras.large,
      (page, say) => page.getByRole('spinbutton', { name: say.video.bitRate }).press('ArrowUp'),
    ),
    deepest('camera-sheet-night', (say) => say.video.nightAndText),
    shot('camera-sheet-masks', ...sheetOf(door), async (page, say) => {
      await row(page, say.cameras.picture);
      await page.getByRole('button', { name: new RegExp(`^${say.masks.title}`) }).click();
      await press(page, say.masks.add);
      await settled(page, '.mask-board');
    }),
    deeper('camera-sheet-connection', (say) => say.cameras.connection),
    deeper('camera-sheet-forwards', (say) => say.forwards.forwarding),
    ...furtherSheets(door),
    deeper('camera-sheet-removal', (say) => say.cameras.pauseOrRemove),
    shot('layouts', '#/settings/cameras/layouts', '.layouts'),
    opened('layout-sheet', 'cameras/layouts', '.layouts', async (page, say) => {
      await press(page, say.layouts.addWall);
      await press(page, say.layouts.addAll);
    }),
    shot('wall-gone', '#/wall/nowhere', '.wall-gone'),
    shot('add', '#/settings/cameras/add', '.adding'),
    opened('add-missing', 'cameras/add', '.adding', (page, say) => press(page, say.start.cameraMissing)),
    opened('modes-time', 'modes', '.segment', (page) =>
      page.locator('.settings-page section > .button').first().click(),
    ),
    shot('storage', '#/settings/storage', STORAGE),
    opened('storage-places', 'storage', STORAGE, (page, say) => press(page, say.storage.otherDisk)),
    shot('system', '#/settings/system', '.headline'),
    shot('https', '#/settings/system/https', '.secure-outside'),
    shot('remote', '#/settings/system/remote', '.remote-access form'),
    shot('name', '#/settings/system/name', '.network-name .switch'),
    shot('servers', '#/settings/system/servers', '.servers .switch'),
    shot('log', '#/settings/system/log', '.log-lines li'),
    shot('views', '#/settings/people/views', '.views .card, .views .dim'),
    shot('file', '#/settings/system/file', '.editor'),
    shot('people', '#/settings/people', '.you'),
    opened('people-add', 'people', '.you', (page, say) => press(page, say.people.addPerson)),
    opened('people-person', 'people', '.you', (page) => row(page, viewer)),
    opened('people-link', 'people', '.you', (page, say) => press(page, say.people.newGuestLink)),
    opened('people-password', 'people', '.you', (page, say) => press(page, say.you.changePassword)),
    opened('people-factor', 'people', '.you', (page, say) => row(page, say.you.factor)),
    shot('people-passkey', '#/settings/people', '.you', async (page, say) => {
      await row(page, say.you.factor);
      await page.locator('.sheet .row').first().click();
      await settled(page, '.sheet [type=password]');
    }),
    ...FEATURE_SIGHTS.map((sight) => shot(...sight)),
    ...FEATURE_SHOTS.flatMap(({ shots }) => shots(door)),
    opened('people-devices', 'people', '.you', (page, say) => row(page, say.you.devices)),
  ];
}

/** Sheets that a sheet or a page opens next. */
function furtherSheets(door: string): readonly Shot[] {
  const above = async (page: Page, count: number) => {
    await page.waitForFunction((wanted) => document.querySelectorAll('.sheet[open]').length >= wanted, count);
    await settled(page, '.sheet');
  };
  return [
    shot('camera-sheet-remove', `#/settings/cameras/${door}`, '.sheet', async (page, say) => {
      await row(page, say.cameras.pauseOrRemove);
      await above(page, 2);
      await press(page, say.cameras.removeOnly);
      await settled(page, '.sheet fieldset, .sheet [role=group]');
    }),
    shot('camera-sheet-forwards-add', `#/settings/cameras/${door}`, '.sheet', async (page, say) => {
      await row(page, say.forwards.forwarding);
      await above(page, 2);
      await press(page, say.forwards.addServer);
      await above(page, 3);
      await page.locator('.sheet [name=dest]').fill('whip://media.example/door/whip');
    }),
    shot('add-rtp', '#/settings/cameras/add', '.adding', async (page, say) => {
      await press(page, say.start.cameraMissing);
      await above(page, 1);
      await page.locator('.sheet [name=address]').fill('udp+rtp://239.0.0.1:5004');
      await page.locator('.sheet textarea').waitFor();
    }),
    shot('modes-camera', '#/settings/modes', '.segment', async (page) => {
      await page.locator('.settings-page button.row').last().click();
      await above(page, 1);
    }),
    shot('backup-password', '#/settings/system/backup', '.restore', async (page, say) => {
      await press(page, say.system.backupDownload);
      await above(page, 1);
    }),
    shot('file-passwords', '#/settings/system/file', '.editor', async (page, say) => {
      await press(page, say.system.fileShow);
      await above(page, 1);
    }),
    shot('people-device', '#/settings/people', '.you', async (page, say) => {
      await press(page, say.people.newDevicePassword);
      await above(page, 1);
    }),
  ];
}
