import type { Page } from 'playwright-core';
import { OWNER_PASSWORD } from '../peers/agent/agent.ts';
import { settled } from '../peers/browser/page-visit.ts';
import type { Shot, Spoken } from './shots.ts';

/** The strip above the page. */
const AWAY = '.strip[role=status]:not([hidden])';

/** A camera and the settings as viewers see them. */
export const viewersShots = (camera: string): readonly Shot[] => [
  { name: 'viewer-live', place: '#/live', sign: '.tile' },
  { name: 'viewer-recordings', place: `#/rec/${camera}`, sign: '.recorded' },
  { name: 'viewer-settings', place: '#/settings/people', sign: '.you' },
];

/** The page of a guest. */
export const guestsShots: readonly Shot[] = [{ name: 'guest', place: '#/live', sign: '.tile, .camera-view' }];

const json = (page: Page, address: string, body: object, status = 200) =>
  page.route(address, (route) => route.fulfill({ status, json: body }));

/** The box stops answering, and the page is opened. */
async function loseBox(page: Page): Promise<void> {
  await page.route('**/v3/**', (route) => route.abort());
  await page.reload();
  await settled(page, AWAY);
}

async function endSession(page: Page): Promise<void> {
  await json(page, '**/v3/**', { status: 'error', error: 'authentication error' }, 401);
  const loggedOut = { loggedIn: false, user: null, role: null, mayLook: false, mayClaim: false, warnings: [] };
  await json(page, '**/v3/session', { claimed: true, openAccess: false, ...loggedOut });
  // A place whose answers it does not have yet.
  await page.evaluate(() => {
    location.hash = '#/settings/system/log';
  });
  await settled(page, '.sheet');
}

async function fillDisk(page: Page): Promise<void> {
  await page.route('**/v3/disks', async (route) => {
    const response = await route.fetch();
    const { items, ...more } = (await response.json()) as { items: readonly object[] };
    await route.fulfill({
      response,
      json: { ...more, items: items.map((disk) => ({ ...disk, state: 'full', freeBytes: 0 })) },
    });
  });
  await page.reload();
  await settled(page, '.message-card');
}

async function restart(page: Page, say: Spoken): Promise<void> {
  await json(page, '**/v3/restart', { status: 'ok', seconds: 20 });
  const button = page.getByRole('button', { name: say.system.restart });
  await button.first().click();
  await button.last().click();
  await settled(page, AWAY);
}

async function planRestore(page: Page): Promise<void> {
  const bytes = await page.evaluate(
    async (owner) => [
      ...new Uint8Array(
        await (
          await fetch('v3/backup', {
            method: 'POST',
            headers: { 'Content-Type': 'application/json' },
            body: JSON.stringify({ password: owner }),
          })
        ).arrayBuffer(),
      ),
    ],
    OWNER_PASSWORD,
  );
  const file = { name: 'my.perchbackup', mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) };
  await page.locator('input[type=file]').setInputFiles(file);
  await settled(page, '.plan');
}

/** The owner's page in case of trouble. Each needs a new page: the answers of the box change. */
export const troublesShots: readonly Shot[] = [
  { name: 'restore', place: '#/settings/system/backup', sign: '.restore', act: planRestore },
  { name: 'disk-full', place: '#/settings/storage', sign: '.settings-page .card .icon', act: fillDisk },
  { name: 'restarting', place: '#/settings/system', sign: '.headline', act: restart },
  { name: 'box-away', place: '#/live', sign: '.tile.live .surface.playing', act: loseBox },
  { name: 'session-ended', place: '#/settings/people', sign: '.you', act: endSession },
];
