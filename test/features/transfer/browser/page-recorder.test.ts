import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type OnvifCamera, startOnvifCamera } from '../../../onvif-camera/camera.ts';
import { filledCard } from '../../../onvif-camera/card/filled-card.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

const LOGIN = { user: 'admin', password: 'pässword' };
const START_MS = Date.UTC(2026, 2, 1, 12);
const SECONDS = 40;
const PICTURE_MS = 100;

describeWith(['chromium'], 'recordings of a recorder', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let recorder: OnvifCamera;
  beforeAll(async () => {
    const span = (name: string, from: number, until: number) => ({
      ...{ name, fromMs: START_MS + from * 1_000, untilMs: START_MS + until * 1_000 },
    });
    const cardChannels = [span('Yard', 0, 20), span('Gate', 10, SECONDS)];
    const card = filledCard({ fromMs: START_MS, seconds: SECONDS });
    recorder = await startOnvifCamera({ quirks: { cardChannels, replayPace: 8 }, credentials: LOGIN, card });
    const login = `user: ${LOGIN.user}, password: ${LOGIN.password}`;
    const config = `playback: yes
pathDefaults: { recordDeleteAfter: 0s }
paths:
  yard: {}
  attic: { camera: { onvif: '${recorder.url}', ${login} } }
`;
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ config })]);
    await box.claim();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
    await recorder[Symbol.asyncDispose]();
  });

  test.for(sizesInTurn())('on a %s the owner gives an address, chooses cameras, pauses and goes on', async (size) => {
    onTestFinished(async () => {
      for (const path of ['gate', 'yard']) {
        await box.api('DELETE', `recordings/deletepath/${path}`).catch(() => {});
      }
      await box.api('DELETE', 'config/paths/delete/gate').catch(() => {});
    });
    await using owner = await visit(viewer.browser, box, { size });
    const { page, complaints } = owner;
    await owner.logIn('#/settings/storage/import');
    await page.getByRole('link', { name: /^Import from a recorder or camera/ }).click();
    await page.getByRole('heading', { name: 'Where is the recorder?' }).waitFor();
    await page.getByRole('button', { name: 'Look for recordings' }).click();
    await page.getByText('Type the address of the recorder').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await page.getByLabel('Address').fill(recorder.url.replace(/^http/, 'onvif'));
    await page.getByLabel('User name on the recorder').fill(LOGIN.user);
    await page.getByLabel('Password on the recorder').fill(LOGIN.password);
    // By keyboard.
    await page.getByLabel('Password on the recorder').press('Enter');

    const gate = page.getByRole('region', { name: 'Gate', exact: true });
    const yard = page.getByRole('region', { name: 'Yard', exact: true });
    await gate.getByText('1 March 2026').waitFor();
    await gate.getByText('one day', { exact: true }).waitFor();
    // The camera of the same name is chosen already.
    expect(await yard.getByRole('combobox').inputValue()).toBe('yard');
    expect(await gate.getByLabel('Name of the new camera').inputValue()).toBe('Gate');
    await page.getByText(/ of recordings will be imported, about .* are free there\./).waitFor();
    await page.getByText(/^It takes about /).waitFor();
    await page.getByLabel('First day').fill('2026-02-28');
    await page.getByLabel('Last day').fill('2026-02-27');
    await page.getByText('The last day is before the first.').waitFor();
    expect(await page.getByRole('button', { name: 'Import', exact: true }).count()).toBe(0);
    await page.getByLabel('Last day').fill('2026-03-02');
    await page.getByText(/ of recordings will be imported, about /).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Import', exact: true }).click();

    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('Paused.').waitFor();
    await page.getByRole('meter', { name: 'Gate' }).waitFor();
    await page.getByRole('meter', { name: 'Yard' }).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    expect(await page.content()).not.toContain(LOGIN.password);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('The import is complete.').waitFor({ timeout: 60_000 });
    await page.getByRole('link', { name: 'Watch Gate' }).waitFor();
    /** Times in ms without a gap: a pause may end a recording. */
    const spans = async (path: string) => {
      const answer = await owner.context.request.get(`${owner.url}/playback/list?path=${path}`);
      const joined: [number, number][] = [];
      for (const { start, duration } of (await answer.json()) as { start: string; duration: number }[]) {
        const fromMs = Date.parse(start) - START_MS;
        const untilMs = fromMs + 1_000 * duration;
        const last = joined.at(-1);
        if (last && fromMs - last[1] < 1.5 * PICTURE_MS) {
          last[1] = untilMs;
        } else {
          joined.push([fromMs, untilMs]);
        }
      }
      return joined.map(([fromMs, untilMs]) => [fromMs, Math.round((untilMs - fromMs) / 1_000)]);
    };
    expect([await spans('yard'), await spans('gate')]).toEqual([[[0, 20]], [[10_000, 30]]]);
    expect(complaints).toEqual([]);
  });

  test('a camera of the box needs no login; a wrong password is named', async () => {
    await using owner = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = owner;
    await owner.logIn('#/settings/storage/recorder');
    await page.getByLabel('Address').fill(recorder.url);
    await page.getByLabel('User name on the recorder').fill(LOGIN.user);
    await page.getByLabel('Password on the recorder').fill('s3cret');
    await page.getByRole('button', { name: 'Look for recordings' }).click();
    await page
      .getByRole('status')
      .getByText(/password/)
      .waitFor();
    await page.getByRole('button', { name: 'Change address or login' }).click();
    await page.getByRole('heading', { name: 'Or a camera of this box' }).waitFor();
    await page.getByRole('button', { name: /^Attic/ }).click();
    await page.getByRole('region', { name: 'Gate', exact: true }).waitFor();
  });
});
