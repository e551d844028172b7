import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Accounts } from '../../../../agent/auth/accounts/accounts.ts';
import { totpCode } from '../../../../agent/auth/accounts/second-factor.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { OWNER_PASSWORD, type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import {
  axeFindings,
  onlyBy,
  settled,
  sizesInTurn,
  type Visit,
  type VisitOptions,
  visit,
} from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { secretOfText } from '../../../support/clients/authenticator-app.ts';

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
  afterEach(() => (box.app.accounts as Accounts).people.secondFactor.remove());
  const open = (options: VisitOptions) => visit(viewer.browser, box, options);

  test.for(sizesInTurn())('on a %s the owner turns it on, logs in with a code, and turns it off', async (size) => {
    await using owner = await open({ size });
    const { page } = owner;
    await owner.logIn('#/settings/people');
    await page.getByRole('button', { name: `${TITLE} Off` }).click();
    const sheet = page.getByRole('dialog', { name: TITLE });
    await settled(page, '.sheet .row');
    expect(await axeFindings(page)).toEqual([]);
    await sheet.getByRole('button', { name: 'Add an authenticator app' }).click();
    await sheet.getByLabel('Your password').fill('a wren in the edge');
    await sheet.getByRole('button', { name: 'Next' }).click();
    await sheet.getByRole('alert').filter({ hasText: 'Wrong password.' }).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await sheet.getByLabel('Your password').fill(OWNER_PASSWORD);
    await sheet.getByRole('button', { name: 'Next' }).click();
    const qrCode = sheet.getByRole('img', { name: 'QR code' });
    await qrCode.locator('path[d^=M]').waitFor();
    const secret = secretOfText(await sheet.getByLabel('Or enter this key').inputValue());
    await settled(page, '.sheet');
    expect(await axeFindings(page)).toEqual([]);
    expect(await sheet.getByText('recovery code').count()).toBe(0);
    await sheet.getByLabel('Code', { exact: true }).fill('000000');
    await sheet.getByRole('button', { name: 'Turn on' }).click();
    await sheet.getByRole('alert').filter({ hasText: 'Wrong code.' }).waitFor();
    await sheet.getByLabel('Code', { exact: true }).fill(grouped(await nextCode(secret)));
    // The request after it fails, and the codes are shown nevertheless.
    await page.route('**/v3/session', (route) => route.abort(), { times: 1 });
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
    await sheet.getByText('9 are left.').waitFor();
    await sheet.getByRole('button', { name: 'Turn off' }).click();
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

  onlyBy('localhost', () => {
    test('a passkey turns it on, logs in, is named with its last use, and is removed', async () => {
      await using owner = await open({ size: 'desktop', openBy: 'localhost' });
      const { page } = owner;
      await addAuthenticator(page);
      await owner.logIn('#/settings/people');
      await page.getByRole('button', { name: `${TITLE} Off` }).click();
      const sheet = page.getByRole('dialog', { name: TITLE });
      await sheet.getByRole('button', { name: 'Add a passkey' }).click();
      await sheet.getByLabel('Name', { exact: true }).fill('Red key');
      await sheet.getByLabel('Your password').fill(OWNER_PASSWORD);
      await settled(page, '.sheet');
      expect(await axeFindings(page)).toEqual([]);
      await sheet.getByRole('button', { name: 'Add a passkey' }).click();
      const shown = page.getByRole('dialog', { name: 'Recovery codes' });
      await shown.waitFor();
      const recovery = await shown.getByRole('listitem').allInnerTexts();
      expect(recovery).toHaveLength(10);
      await shown.getByRole('button', { name: 'I saved them' }).click();
      expect(owner.complaints).toEqual([]);

      await page.getByRole('button', { name: `${TITLE} On` }).click();
      await sheet.getByRole('button', { name: 'Add a passkey' }).click();
      await sheet.getByLabel('Your password').fill(OWNER_PASSWORD);
      await sheet.getByRole('button', { name: 'Use a passkey' }).click();
      await sheet.getByRole('alert').filter({ hasText: 'No passkey was added.' }).waitFor();

      // The authenticator is kept, and the browser is not known.
      await owner.context.clearCookies();
      await page.goto('about:blank');
      await owner.go('#/live');
      await page.getByLabel('Your password').fill(OWNER_PASSWORD);
      await page.getByRole('button', { name: 'Log in', exact: true }).click();
      const use = page.getByRole('button', { name: 'Use a passkey' });
      await use.waitFor();
      await settled(page, '.entry-page');
      expect(await axeFindings(page)).toEqual([]);
      await use.click();
      await page.getByRole('navigation').first().waitFor();

      await using other = await open({ size: 'phone', openBy: 'localhost' });
      await addAuthenticator(other.page);
      await other.go('#/live');
      await other.page.getByLabel('Your password').fill(OWNER_PASSWORD);
      await other.page.getByRole('button', { name: 'Log in', exact: true }).click();
      await other.page.getByRole('button', { name: 'Use a passkey' }).click();
      await other.page.getByText('No passkey was used.').waitFor();
      await other.page.getByLabel('Code').fill(recovery[0] ?? '');
      await other.page.getByRole('button', { name: 'Log in', exact: true }).click();
      await other.page.getByRole('navigation').first().waitFor();
      await other.go('#/settings/people');
      await other.page.getByRole('button', { name: `${TITLE} On` }).click();
      const there = other.page.getByRole('dialog', { name: TITLE });
      await there.getByRole('button', { name: 'Add a passkey' }).click();
      await there.getByLabel('Your password').fill(OWNER_PASSWORD);
      await there.getByLabel('Code').fill(recovery[1] ?? '');
      await there.getByRole('button', { name: 'Add a passkey' }).click();
      await other.page.getByRole('status').filter({ hasText: 'Passkey added.' }).waitFor();
      await there
        .getByRole('listitem')
        .filter({ hasText: /Red key.*localhost · Last used/s })
        .waitFor();
      await expect.poll(() => there.getByRole('listitem').count()).toBe(2);
      await settled(other.page, '.sheet');
      expect(await axeFindings(other.page)).toEqual([]);

      await owner.context.clearCookies();
      await page.goto('about:blank');
      await owner.go('#/live');
      await page.getByLabel('Your password').fill(OWNER_PASSWORD);
      await page.getByRole('button', { name: 'Log in', exact: true }).click();
      await use.waitFor();

      await there.getByRole('button', { name: 'Remove passkey Red key' }).click();
      await there.getByLabel('Your password').fill('a wren in the edge');
      await there.getByRole('button', { name: 'Use a passkey' }).click();
      await there.getByRole('alert').filter({ hasText: 'Wrong password.' }).waitFor();
      await there.getByLabel('Your password').fill(OWNER_PASSWORD);
      await there.getByRole('button', { name: 'Use a passkey' }).click();
      await other.page.getByRole('status').filter({ hasText: 'Passkey Red key removed.' }).waitFor();
      await use.click();
      await page.getByRole('alert').filter({ hasText: 'This passkey was not accepted.' }).waitFor();

      await expect.poll(() => there.getByRole('listitem').count()).toBe(1);
      await there.getByRole('button', { name: 'Remove passkey Chrome' }).click();
      await there.getByText('From then on the password is enough').waitFor();
      await there.getByLabel('Your password').fill(OWNER_PASSWORD);
      await there.getByRole('button', { name: 'Use a passkey' }).click();
      await other.page.getByRole('button', { name: `${TITLE} Off` }).waitFor();
    });
  });

  onlyBy('plain', () => {
    test('at an IP address no passkey is offered, and the page gives the reason and the address to use', async () => {
      await using owner = await open({ size: 'phone', openBy: 'plain' });
      const { page } = owner;
      await owner.logIn('#/settings/people');
      await page.getByRole('button', { name: `${TITLE} Off` }).click();
      const sheet = page.getByRole('dialog', { name: TITLE });
      await sheet.getByText('Passkeys need https that this browser trusts').waitFor();
      expect(await sheet.getByRole('button', { name: 'Add a passkey' }).count()).toBe(0);
      await settled(page, '.sheet');
      expect(await axeFindings(page)).toEqual([]);
      await sheet.getByRole('link', { name: 'Secure connection' }).click();
      await page.waitForURL(/#\/settings\/system\/https$/);
    });
  });
});

/** A passkey of this browser, which needs no finger. */
async function addAuthenticator(page: Page): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      ...{ protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true },
      ...{ isUserVerified: true, automaticPresenceSimulation: true },
    },
  });
}

const grouped = (code: string): string => `${code.slice(0, 3)} ${code.slice(3)}`;

let lastStep = 0;
/** A code that was not used before: the box accepts that of the next step, too. */
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
