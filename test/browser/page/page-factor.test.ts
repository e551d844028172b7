import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { totpCode } from '../../../agent/auth/passwords/totp.ts';
import { startViewer, type Viewer } from '../../peers/browser/browser.ts';
import { OWNER_PASSWORD, type PageHarness, startPageHarness } from '../../peers/browser/page-harness.ts';
import {
  axeFindings,
  settled,
  sizesInTurn,
  type Visit,
  type VisitOptions,
  visit,
} from '../../peers/browser/page-visit.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { secretOfText } from '../../support/clients/authenticator-app.ts';

const STEP_MS = 30_000;
const TITLE = 'Two-factor authentication';

describeWith(['chromium'], 'the page about two-factor authentication', () => {
  let viewer: Viewer;
  let box: PageHarness;
  beforeAll(async () => {
    [viewer, box] = await Promise.all([startViewer(), startPageHarness()]);
    await box.claim();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });
  const open = (options: VisitOptions) => visit(viewer.browser, box, options);

  test.for(sizesInTurn())('on a %s the owner turns it on, logs in with a code, and turns it off', async (size) => {
    await using owner = await open({ size });
    const { page } = owner;
    await owner.logIn('#/settings/people');
    await page.getByRole('button', { name: `${TITLE} Off` }).click();
    const sheet = page.getByRole('dialog', { name: TITLE });
    await sheet.getByLabel('Your password').fill('a wren in the edge');
    await sheet.getByRole('button', { name: 'Next' }).click();
    await sheet.getByRole('alert').filter({ hasText: 'Wrong password.' }).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await sheet.getByLabel('Your password').fill(OWNER_PASSWORD);
    await sheet.getByRole('button', { name: 'Next' }).click();
    const qrCode = sheet.getByRole('img', { name: 'QR code' });
    await expect.poll(() => qrCode.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(0);
    const secret = secretOfText(await sheet.getByLabel('Or enter this key').inputValue());
    await settled(page, '.sheet');
    expect(await axeFindings(page)).toEqual([]);
    await sheet.getByLabel('Code').fill('000000');
    await sheet.getByRole('button', { name: 'Turn on' }).click();
    await sheet.getByRole('alert').filter({ hasText: 'Wrong code.' }).waitFor();
    await sheet.getByLabel('Code').fill(grouped(await nextCode(secret)));
    await sheet.getByRole('button', { name: 'Turn on' }).click();
    const shown = page.getByRole('dialog', { name: 'Recovery codes' });
    await shown.waitFor();
    const recovery = await shown.getByRole('listitem').allInnerTexts();
    expect(recovery).toHaveLength(10);
    await settled(page, '.sheet');
    expect(await axeFindings(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await shown.getByRole('button', { name: 'Keep editing' }).click();
    await shown.getByRole('button', { name: 'I saved them' }).click();
    await page.getByRole('button', { name: `${TITLE} On` }).waitFor();

    await using first = await open({ size });
    await logInWith(first, await nextCode(secret), async ({ page: other }) => {
      await other.getByLabel('Code').fill('000000');
      await other.getByRole('button', { name: 'Log in', exact: true }).click();
      await other.getByRole('alert').filter({ hasText: 'Wrong code.' }).waitFor();
      expect(await other.getByLabel('Code').evaluate((field) => field === document.activeElement)).toBe(true);
      await other.getByText('No phone and no recovery code?').waitFor();
      expect(await axeFindings(other)).toEqual([]);
    });
    await using second = await open({ size });
    await logInWith(second, recovery[0] ?? '');
    await using third = await open({ size });
    await third.go('#/live');
    await enter(third.page, recovery[0] ?? '');
    await third.page.getByRole('alert').filter({ hasText: 'Wrong code.' }).waitFor();

    owner.complaints.length = 0;
    await page.getByRole('button', { name: `${TITLE} On` }).click();
    await sheet.getByLabel('Your password').fill('a wren in the edge');
    await sheet.getByLabel('Code').fill(recovery[1] ?? '');
    await sheet.getByRole('button', { name: 'Turn off' }).click();
    await sheet.getByRole('alert').filter({ hasText: 'Wrong password.' }).waitFor();
    await sheet.getByLabel('Your password').fill(OWNER_PASSWORD);
    await sheet.getByLabel('Code').fill(recovery[0] ?? '');
    await sheet.getByRole('button', { name: 'Turn off' }).click();
    await sheet.getByRole('alert').filter({ hasText: 'Wrong code.' }).waitFor();
    await sheet.getByLabel('Code').fill(recovery[1] ?? '');
    expect(owner.complaints.filter((text) => !text.includes('403'))).toEqual([]);
    await sheet.getByRole('button', { name: 'Turn off' }).click();
    await page.getByRole('status').filter({ hasText: 'is off' }).waitFor();
    await sheet.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: `${TITLE} Off` }).waitFor();
    expect(JSON.stringify(await box.log)).not.toContain(secret.toString('base64url'));
  });
});

const grouped = (code: string): string => `${code.slice(0, 3)} ${code.slice(3)}`;

let lastStep = 0;
/** A code that was not used before: the device accepts that of the next step, too. */
async function nextCode(secret: Uint8Array): Promise<string> {
  const step = Math.max(Math.floor(Date.now() / STEP_MS), lastStep + 1);
  await expect
    .poll(() => Math.floor(Date.now() / STEP_MS) + 1, { timeout: STEP_MS + 5_000 })
    .toBeGreaterThanOrEqual(step);
  lastStep = step;
  return totpCode(secret, step);
}

async function enter(page: Page, code: string): Promise<void> {
  await page.getByLabel('Your password').fill(OWNER_PASSWORD);
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
  await page.getByLabel('Code').fill(code);
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
}

/** @param before with the field of the code on the page */
async function logInWith(visitor: Visit, code: string, before = async (_visitor: Visit) => {}): Promise<void> {
  const { page } = visitor;
  await visitor.go('#/live');
  await page.getByLabel('Your password').fill(OWNER_PASSWORD);
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
  await page.getByLabel('Code').waitFor();
  await before(visitor);
  await page.getByLabel('Code').fill(code);
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
  await page.getByRole('navigation').first().waitFor();
}
