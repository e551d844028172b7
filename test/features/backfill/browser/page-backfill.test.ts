import { afterAll, beforeAll, expect, test } from 'vitest';
import { FEATURES } from '../../../../agent/app/features/table.ts';
import { backfillFeature } from '../../../../agent/features/backfill/feature.ts';
import { filledCard } from '../../../onvif-camera/card/filled-card.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

const DAY_MS = 86_400_000;

describeWith(['chromium'], 'gaps filled from the card of a camera', () => {
  let viewer: Viewer;
  let box: PageHarness;

  beforeAll(async () => {
    const card = filledCard({ fromMs: Date.now() - 6.5 * DAY_MS, seconds: 1 });
    const [first] = card.units;
    card.add({ ...(first ?? expect.fail('the card is empty')), unixMs: Date.now() });
    const features = FEATURES.map((one) => (one.name === 'backfill' ? backfillFeature({ stableMs: 1_000 }) : one));
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{ card }], features })]);
    await box.claim();
    await box.adopt();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  test.for(sizesInTurn())('on a %s the settings say what the card holds, and switch it off', async (size) => {
    // As adopted: it is not recorded yet.
    const cardOf = async () =>
      (await box.api<{ items: { card: unknown }[] }>('GET', 'backfill/list')).items.some(({ card }) => card !== null);
    await expect.poll(cardOf, { timeout: 30_000 }).toBe(true);
    await box.api('PATCH', 'config/paths/patch/front_door', { record: 'always', backfill: true });
    await using owner = await visit(viewer.browser, box, { size });
    const { page, complaints } = owner;
    await owner.logIn('#/settings/cameras/front_door');
    await page.getByRole('button', { name: /^Fill gaps from the card.*Has a card with 6 days of recordings$/ }).click();
    const sheet = page.getByRole('dialog', { name: 'Fill gaps from the card' });
    await sheet.getByText("The camera's card holds 6 days of recordings.").waitFor();
    const asked = page.waitForResponse((answer) => answer.url().endsWith('/v3/backfill/retry/front_door'));
    await sheet.getByRole('button', { name: 'Try now' }).click();
    expect((await asked).status()).toBe(200);
    await page.getByText('Perch reads the card again.').waitFor();
    await settled(page, '.sheet .switch');
    expect(await axeFindings(page)).toEqual([]);
    await sheet.getByRole('spinbutton', { name: 'Maximum read speed' }).press('ArrowUp');
    await sheet.getByRole('switch').click();
    await sheet.getByRole('button', { name: 'Save' }).click();
    await sheet.waitFor({ state: 'detached' });
    expect(await box.api('GET', 'config/paths/get/front_door')).toMatchObject({
      ...{ backfill: false, backfillMaxRate: '256K' },
    });
    await box.api('PATCH', 'config/paths/patch/front_door', { backfill: true, backfillMaxRate: 'auto' });
    await box.api('PATCH', 'config/paths/patch/front_door', { record: 'no' });
    await page.reload();
    await page
      .getByRole('button', {
        name: /^Fill gaps.*Has a card with 6 days of recordings · Nothing is fetched: the camera is not recorded.$/,
      })
      .click();
    await sheet.getByText('Nothing is fetched: the camera is not recorded.').waitFor();
    expect(complaints).toEqual([]);
  });
});
