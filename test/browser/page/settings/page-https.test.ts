import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemNames } from '../../../../agent/tls/device-names.ts';
import type { HttpsState } from '../../../../webui/api-client/api-types.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { OWNER_PASSWORD, type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, type Size, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { startBrowserAt } from '../../../peers/browser/trusting-browser.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { freePort } from '../../../support/base/free-port.ts';

const PLACE = '#/settings/system/https';
const SOON = { timeout: 30_000 };
const [NAME = ''] = systemNames().dns;

describeWith(['chromium', 'certutil'], 'the page about the secure connection', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-page-https-'));
  let viewer: Viewer;
  let trusting: Browser;
  let box: PageHarness;
  let tlsPort = 0;
  beforeAll(async () => {
    tlsPort = await freePort();
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}], tlsAddress: `:${tlsPort}` })]);
    await box.claim();
    await box.adopt();
    const file = join(folder, 'perch.pem');
    writeFileSync(file, await (await fetch(`http://127.0.0.1:${box.port}/trust/perch.pem`)).text());
    trusting = await startBrowserAt(join(folder, 'trusting'), file);
  });
  afterAll(async () => {
    await trusting?.close();
    await viewer?.[Symbol.asyncDispose]();
    await box?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });
  const state = () => box.api<HttpsState>('GET', 'https');
  const set = (tlsAddress: string) => box.api('PATCH', 'config/global/patch', { tlsAddress });
  const open = async (size: Size) => {
    const owner = await visit(viewer.browser, box, { size });
    await owner.logIn(PLACE);
    // The page asks the https port, which this browser does not trust.
    const expected = new RegExp(`ERR_CERT_AUTHORITY_INVALID|asked elsewhere: https://[^/]+:${tlsPort}/trust/here`);
    return { ...owner, complaints: () => owner.complaints.filter((complaint) => !expected.test(complaint)), owner };
  };
  const https = (page: Page) => page.getByRole('switch', { name: /^https/ });

  test.for(sizesInTurn())('shows fingerprint, names and addresses of the certificate on a %s', async (size) => {
    const { page, owner, complaints } = await open(size);
    await using _ = owner;
    await settled(page, '.secure-outside');
    const { certificate } = await state();
    const shown = (await page.locator('.fingerprint').textContent()) ?? '';
    expect(shown.replaceAll(/\s/g, '')).toBe(certificate?.fingerprint.replaceAll(':', ''));
    const covers = (await page.locator('.secure-certificate').textContent()) ?? '';
    for (const name of [...(certificate?.names ?? []), ...(certificate?.addresses ?? [])]) {
      expect(covers).toContain(name);
    }
    expect(await https(page).getAttribute('aria-checked')).toBe('true');
    expect(await axeFindings(page)).toEqual([]);
    expect(complaints()).toEqual([]);
  });

  test('the guide to access from outside opens in a window of its own', async () => {
    const { page, owner, complaints } = await open('phone');
    await using _ = owner;
    const opened = page.waitForEvent('popup');
    await page.getByRole('link', { name: 'All steps for VPN and reverse proxy' }).click();
    await (await opened).getByText('## Reverse proxy').waitFor();
    expect(complaints()).toEqual([]);
  });

  test.for(sizesInTurn())('the QR code and the address below it lead to the steps, on a %s', async (size) => {
    const { page, owner } = await open(size);
    await using _ = owner;
    const code = page.getByRole('img', { name: 'QR code of the address below' });
    await code.locator('path[d^=M]').waitFor();
    const address = (await page.locator('.secure-steps > a').getAttribute('href')) ?? '';
    expect(address).toMatch(new RegExp(`^http://[\\d.]+:${box.port}/trust$`));
    expect(address).not.toContain('127.0.0.1');
    const { body } = await fetch(address).then(async (answer) => ({ body: await answer.text() }));
    expect(body).toContain((await page.locator('.fingerprint').textContent())?.split('\n')[0] ?? 'no fingerprint');
  });

  test.for(sizesInTurn())('https is turned off after a question, and on again, on a %s', async (size) => {
    const { page, owner } = await open(size);
    await using _ = owner;
    try {
      await https(page).click();
      await page.getByText('Turn off https?').waitFor();
      expect(await axeFindings(page)).toEqual([]);
      await page.getByRole('button', { name: 'Cancel' }).click();
      expect((await state()).port).toBe(tlsPort);
      await https(page).click();
      await page.getByRole('button', { name: 'Turn off' }).click();
      await page.getByRole('status').filter({ hasText: 'https is off.' }).waitFor();
      await expect.poll(async () => (await state()).port, SOON).toBeNull();
      await page.locator('.secure-certificate').waitFor({ state: 'detached' });
      expect(await axeFindings(page)).toEqual([]);
      await https(page).click();
      await page.getByRole('status').filter({ hasText: 'https is on.' }).waitFor();
      expect((await state()).address).toBe(':8443');
    } finally {
      await set(`:${tlsPort}`);
    }
    await page.locator('.secure-certificate').waitFor();
  });

  test('a page over https that turns it off continues over http', async () => {
    const context = await trusting.newContext({ locale: 'en-GB' });
    const page = await context.newPage();
    await page.goto(`https://${NAME}:${tlsPort}/${PLACE}`);
    await page.getByLabel('Your password').fill(OWNER_PASSWORD);
    await page.getByRole('button', { name: 'Log in', exact: true }).click();
    await page.getByText('The connection is encrypted').waitFor();
    // A phone may not find a name without a dot.
    const address = await page.locator('.secure-steps > a').getAttribute('href');
    expect(address).toMatch(new RegExp(`^http://(?:${NAME}|[\\d.]+):${box.port}/trust$`));
    try {
      await https(page).click();
      await page.getByText('This page continues over http').waitFor();
      await page.getByRole('button', { name: 'Turn off' }).click();
      await page.waitForURL(`http://${NAME}:${box.port}/${PLACE}`);
      await page.getByLabel('Your password').waitFor();
    } finally {
      await set(`:${tlsPort}`);
      await expect.poll(async () => (await state()).port, SOON).toBe(tlsPort);
    }
    await context.close();
  });

  test.for(sizesInTurn())('everyone finds under their account how to install the page, on a %s', async (size) => {
    await using owner = await visit(viewer.browser, box, { size, openBy: 'plain' });
    const { page } = owner;
    await owner.logIn('#/settings/people');
    await page.getByRole('link', { name: /^Install Perch/ }).click();
    await page.getByRole('heading', { name: 'Trust this box' }).waitFor();
    await page.goBack();
    await page.getByRole('link', { name: /^Install Perch/ }).waitFor();
  });

  test('a port of another program is named', async () => {
    const { page, owner } = await open('phone');
    await using _ = owner;
    const { createServer } = await import('node:net');
    const taken = createServer().listen(0);
    const port = (taken.address() as { port: number }).port;
    try {
      await set(`:${port}`).catch(() => {});
      await page.getByText(`Another program uses port ${port}.`).waitFor();
      expect(await axeFindings(page)).toEqual([]);
    } finally {
      taken.close();
      await set(`:${tlsPort}`);
    }
  });
});
