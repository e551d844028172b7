import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemNames } from '../../../agent/tls/device-names.ts';
import { type Agent, PATIENT, startAgent, until } from '../../peers/agent/agent.ts';
import { startBrowserAt } from '../../peers/browser/trusting-browser.ts';
import { describeWith, inShort } from '../../peers/programs/peers.ts';
import { freePort } from '../../support/base/free-port.ts';
import { setupCodeOf } from '../../support/base/setup-code.ts';

const PASSWORD = 'a long enough password';
const SOON = { timeout: 30_000 };

/** Every name of the box; the names of the network resolve to this machine, as at home. */
const NAMES = [...systemNames().dns, '127.0.0.1'];

describeWith(['chromium', 'certutil', 'curl'], "https with the box's own certificate", () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-https-'));
  let agent: Agent;
  let tlsPort = 0;
  let trusting: Browser;

  beforeAll(async () => {
    tlsPort = await freePort();
    const config = `perch: own\n${PATIENT}tlsAddress: 127.0.0.1:${tlsPort}\nwebrtcEncryption: yes\npaths:\n  all_others:\n`;
    agent = await startAgent({ config });
    const claim = { method: 'POST', headers: { 'Content-Type': 'application/json' } };
    await fetch(`${agent.url}/v3/claim`, {
      ...claim,
      body: JSON.stringify({ password: PASSWORD, setupCode: setupCodeOf(agent) }),
    });
    // As on a phone: from the page.
    const file = join(folder, 'perch.pem');
    writeFileSync(file, await (await fetch(`${agent.url}/trust/perch.pem`)).text());
    trusting = await startBrowserAt(join(folder, 'trusting'), file);
  });
  afterAll(async () => {
    await trusting?.close();
    await agent?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test.for(inShort(NAMES, NAMES[0] ?? ''))(
    'a browser that has fetched the certificate opens %s without a warning',
    async (name) => {
      const page = await trusting.newPage();
      await page.goto(`http://${name}:${agent.ports.main}/trust?lang=zh-CN`);
      await expect.poll(() => page.getAttribute('#state', 'data-is'), SOON).toBe('yes');
      await page.click('#go-on');
      await page.waitForURL(`https://${name}:${tlsPort}/**`);
      expect(await page.evaluate(() => isSecureContext)).toBe(true);
      await page.close();
    },
  );

  /** Opens a place of the page over http, by a name that browsers do not consider secure. */
  async function openPlain(browser: Browser, place: string) {
    const [name = ''] = systemNames().dns;
    const context = await browser.newContext({ locale: 'en-GB' });
    const page = await context.newPage();
    const probes: string[] = [];
    page.on('requestfinished', (request) => request.url().endsWith('/trust/here') && probes.push('answered'));
    page.on('requestfailed', (request) => request.url().endsWith('/trust/here') && probes.push('failed'));
    await page.goto(`http://${name}:${agent.ports.main}/${place}`);
    return { page, context, probes, plain: `http://${name}:${agent.ports.main}`, safe: `https://${name}:${tlsPort}` };
  }

  async function logIn(page: Page): Promise<void> {
    await page.getByLabel('Your password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Log in', exact: true }).click();
  }

  test('a page over http does not change to https while the browser does not trust the box, and warns at password fields', async () => {
    const browser = await startBrowserAt(join(folder, 'stays'));
    const { page, probes, plain } = await openPlain(browser, '#/settings/people');
    await expect.poll(() => probes, SOON).toEqual(['failed']);
    await page.getByText('This connection is not encrypted.').waitFor();
    expect(await page.getByRole('link', { name: 'Encrypt it: trust this box' }).getAttribute('href')).toBe('trust');
    await logIn(page);
    await page.getByRole('heading', { name: 'Guest links' }).waitFor();
    await expect.poll(() => probes.length, SOON).toBeGreaterThan(1);
    expect(page.url()).toBe(`${plain}/#/settings/people`);
    await browser.close();
  });

  /** Opens the box's people over http, where the browser does not trust the first response over https. */
  async function openBeforeTrust() {
    const opened = await openPlain(trusting, 'trust/here');
    const { page, probes, plain, safe } = opened;
    const probe = `${safe}/trust/here`;
    await page.route(probe, (route) => route.abort());
    await page.goto(`${plain}/#/settings/people`);
    await page.getByLabel('Your password').waitFor();
    await expect.poll(() => probes.includes('failed'), SOON).toBe(true);
    await page.unroute(probe);
    probes.length = 0;
    return opened;
  }

  test('a page over http moves to https by itself once the browser trusts the box, at the same place and logged in', async () => {
    const { page, context, plain, safe } = await openBeforeTrust();
    await logIn(page);
    await page.waitForURL(`${safe}/#/settings/people`);
    await page.getByRole('heading', { name: 'Guest links' }).waitFor();
    expect(await page.getByText('This connection is not encrypted.').count()).toBe(0);
    // From now on at once.
    await page.goto(`${plain}/#/live`);
    await page.waitForURL(`${safe}/#/live`);
    await context.close();
  });

  test('the page checks the trust again when it is shown again, but not while the user types', async () => {
    const { page, context, probes, plain, safe } = await openBeforeTrust();
    const show = async () => {
      const become = (state: 'hidden' | 'visible') =>
        page.evaluate((value) => {
          Object.defineProperty(document, 'visibilityState', { value, configurable: true });
          document.dispatchEvent(new Event('visibilitychange'));
        }, state);
      await become('hidden');
      await page.clock.runFor(6_000);
      await become('visible');
    };
    await page.clock.install();
    const field = page.getByLabel('Your password');
    await field.fill('half a pass');
    await show();
    await expect.poll(() => probes, SOON).toEqual(['answered']);
    // The page has its response by the time of its next request.
    await page.evaluate(() => fetch('/health').then((answer) => answer.text()));
    expect([page.url(), await field.inputValue()]).toEqual([`${plain}/#/settings/people`, 'half a pass']);
    await field.fill('');
    await show();
    await page.waitForURL(`${safe}/#/settings/people`);
    await context.close();
  });

  test('the session has one cookie for https only, and another for plain http', async () => {
    const context = await trusting.newContext();
    const page = await context.newPage();
    // Not localhost, where browsers consider plain http secure.
    const [name = ''] = systemNames().dns;
    const logIn = (password: string) =>
      fetch('/v3/session', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ password }),
      }).then(() => fetch('/v3/session').then((answer) => answer.json()));
    await page.goto(`https://${name}:${tlsPort}/health`);
    expect(await page.evaluate(logIn, PASSWORD)).toMatchObject({ loggedIn: true });
    const overTls = (await context.cookies()).filter((cookie) => cookie.name.startsWith('perch_'));
    expect(overTls.map(({ secure }) => secure)).toEqual([true, true]);
    await page.goto(`http://${name}:${agent.ports.main}/health`);
    expect(await page.evaluate(logIn, PASSWORD)).toMatchObject({ loggedIn: true });
    await page.goto(`https://${name}:${tlsPort}/health`);
    const leave = () =>
      fetch('/v3/session', { method: 'DELETE' }).then(() => fetch('/v3/session').then((answer) => answer.json()));
    expect(await page.evaluate(leave)).toMatchObject({ loggedIn: false });
    await context.close();
  });

  test("the publisher's page has camera and microphone by the box's name", async () => {
    const context = await trusting.newContext();
    const page = await context.newPage();
    const [name = ''] = systemNames().dns;
    await page.goto(`https://${name}:${tlsPort}/health`);
    await page.evaluate(
      (password) =>
        fetch('/v3/session', {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ password }),
        }).then(({ status }) => status),
      PASSWORD,
    );
    await page.goto(`https://${name}:${agent.ports.webrtc}/cam/publish`);
    await page.click('#publish');
    const headers = { Authorization: `Basic ${btoa(`owner:${PASSWORD}`)}` };
    const tracks = await until(async () => {
      const answer = await fetch(`${agent.url}/v3/paths/get/cam`, { headers });
      const { ready, tracks: found } = (await answer.json()) as { ready?: boolean; tracks?: string[] };
      return ready === true ? found : undefined;
    });
    expect(tracks?.toSorted()).toEqual(['H264', 'Opus']);
    await context.close();
  });

  test('a redirect between the two ports, if it is set, keeps path and query', async () => {
    const authority = new X509Certificate(await (await fetch(`${agent.url}/trust/perch.pem`)).text());
    expect(authority.ca).toBe(true);
    const before = await fetch(`${agent.url}/?x=1`, { redirect: 'manual' });
    expect(before.status).toBe(200);
    const headers = { 'Content-Type': 'application/json', Authorization: `Basic ${btoa(`owner:${PASSWORD}`)}` };
    const patch = { method: 'PATCH', headers, body: JSON.stringify({ tlsRedirect: true }) };
    expect((await fetch(`${agent.url}/v3/config/global/patch`, patch)).status).toBe(200);
    await expect
      .poll(async () => (await fetch(`${agent.url}/a?x=1`, { redirect: 'manual' })).headers.get('location'), SOON)
      .toBe(`https://127.0.0.1:${tlsPort}/a?x=1`);
    for (const path of ['/health', '/trust', '/trust/perch.crt']) {
      expect((await fetch(agent.url + path, { redirect: 'manual' })).status).toBe(200);
    }
  });
});
