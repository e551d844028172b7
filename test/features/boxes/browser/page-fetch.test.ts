import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BoxAnswer } from '../../../../agent/features/boxes/routes.ts';
import type { Agent } from '../../../peers/agent/agent.ts';
import { inviteServer, revokeAll, startBox } from '../../../peers/agent/paired-boxes.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, settled, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { filesBelow } from '../../../support/disks/recordings.ts';

const HOUR_MS = 3_600_000;

describeWith(['chromium'], 'recordings of another box', () => {
  let viewer: Viewer;
  let server: PageHarness;
  let box: Agent;

  beforeAll(async () => {
    const startMs = Math.floor(Date.now() / 1000) * 1000 - 2 * HOUR_MS;
    const recordings = ['garden', 'cellar'].map((path) => ({ path, startMs, seconds: 10 }));
    [viewer, server, box] = await Promise.all([
      startViewer(),
      startPageHarness({ config: 'playback: yes\n' }),
      startBox(['garden', 'cellar'], recordings),
    ]);
    await server.claim();
  });
  afterAll(async () => {
    await viewer?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await box?.[Symbol.asyncDispose]();
  });

  test('are imported by the owner on a phone, who learns that the box may be emptied', async () => {
    await using owner = await visit(viewer.browser, server, { size: 'phone' });
    const { page, complaints } = owner;
    await owner.logIn('#/settings/storage');
    await page.getByRole('link', { name: /^Import from another box/ }).click();
    await page.getByText('This Perch is paired with no box.').waitFor();
    const invitation = await inviteServer(box);
    const { name } = await server.api<BoxAnswer>('POST', 'boxes', { invitation, cameras: ['garden'] });
    await page.getByRole('button', { name: new RegExp(`^${name}`) }).click();
    await page.getByRole('heading', { name: 'Whose recordings are they?' }).waitFor();
    const garden = page.getByRole('region', { name: 'Garden' });
    const cellar = page.getByRole('region', { name: 'Cellar' });
    await garden.getByText(/^Perch · one recording/).waitFor();
    // The camera that shows it is chosen already.
    expect(await garden.getByRole('combobox').inputValue()).toBe('garden');
    await cellar.getByLabel('Name of the new camera').fill('Old cellar');
    await page.getByText(/ in 2 recordings will be copied; /).waitFor();
    await page.getByLabel('Last day').fill('2020-01-31');
    await page.getByText('Nothing would be imported.').waitFor();
    await page.getByLabel('First day').fill('2020-02-01');
    await page.getByText('The last day is before the first.').waitFor();
    await page.getByLabel('Last day').fill('');
    await page.getByLabel('Bandwidth per second').fill('100M');
    await page.getByText(/ in 2 recordings will be copied; /).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Import', exact: true }).click();
    await page.getByText('The import is complete.').waitFor();
    await page.getByText('2 recordings imported', { exact: true }).waitFor();
    await page.getByText('Its owner may now empty it.').waitFor();
    await settled(page, '.transfer-state');
    expect(await axeFindings(page)).toEqual([]);
    const contentOf = (folder: string, path: RegExp) =>
      filesBelow(folder)
        .filter((file) => path.test(file) && file.endsWith('.mp4'))
        .map((file) => [basename(file), readFileSync(file, 'hex')]);
    const there = join(box.dataDir, 'recordings');
    expect(contentOf(server.folder, /garden/)).toEqual(contentOf(there, /garden/));
    expect(contentOf(server.folder, /cellar/)).toEqual(contentOf(there, /cellar/));

    await revokeAll(box);
    await page.getByRole('button', { name: new RegExp(`^${name}`) }).click();
    await page
      .getByText(/^The box does not let|refuses this server|does not let this server/)
      .first()
      .waitFor();
    expect(complaints.filter((text) => !text.includes('503'))).toEqual([]);
  });
});
