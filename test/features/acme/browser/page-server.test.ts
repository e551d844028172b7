import { readFileSync } from 'node:fs';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { OWNER_PASSWORD, type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, enterSetupCode, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { type Pebble, startPebble } from '../../../peers/programs/pebble.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { freePort } from '../../../support/base/free-port.ts';

const NAME = 'cloud.example.org';

describeWith(['chromium', 'pebble', 'curl'], 'the five steps of a server', () => {
  const trusted = getCACertificates('default');
  let viewer: Viewer;
  let pebble: Pebble;
  let server: PageHarness;

  beforeAll(async () => {
    [viewer, pebble] = await Promise.all([startViewer(), startPebble()]);
    // The server is in this process.
    setDefaultCACertificates([...trusted, readFileSync(pebble.serverCertificate, 'utf8')]);
    const authority = `acmeURL: ${pebble.directory}\nacmeAddress: 127.0.0.1:${pebble.checkPort}\n`;
    const tlsAddress = `127.0.0.1:${await freePort()}`;
    server = await startPageHarness({ config: `server: yes\n${authority}`, tlsAddress });
    await server.claim();
  });
  afterAll(async () => {
    setDefaultCACertificates(trusted);
    await viewer?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await pebble?.[Symbol.asyncDispose]();
  });

  test.for(sizesInTurn())('on a %s, the owner gives it a name, and it gets a certificate', async (size) => {
    await server.api('PATCH', 'config/global/patch', { acmeDomains: [], acmeEmail: '' });
    await using owner = await visit(viewer.browser, server, { size });
    const { page, complaints } = owner;
    await owner.logIn('#/live');
    await page.getByRole('link', { name: 'Set up this server' }).click();
    await settled(page, '.server-steps .qr-code');
    for (const step of ['1. A name', '2. A certificate', '3. Your boxes', '4. Your people', '5. Your phone']) {
      expect(await page.getByRole('heading', { name: step }).count(), step).toBe(1);
    }
    expect(await axeFindings(page)).toEqual([]);

    const names = page.getByRole('textbox', { name: 'Host names' });
    await names.fill('cloud');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Enter host names such as cloud.example.org.').waitFor();

    await pebble.setAddress('lost.example.org', '127.0.0.77');
    await names.fill('lost.example.org');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText(/^The name does not lead here\./).waitFor();
    await page.getByText(/connection refused/).waitFor();
    await pebble.setAddress('lost.example.org', '127.0.0.1');
    await page.getByRole('button', { name: 'Try again now' }).click();
    await page.getByText(/^Valid until /).waitFor();

    await names.fill(NAME);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('link', { name: new RegExp(`^https://${NAME}`) }).waitFor();
    await page.getByText(/^Valid until /).waitFor();
    // The message fades in and out, which takes contrast from its text.
    await page.getByRole('button', { name: 'Undo' }).waitFor({ state: 'hidden' });
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('link', { name: 'Boxes that connect by themselves' }).click();
    await settled(page, '.calling-boxes .button');
    expect(complaints).toEqual([]);
  });

  test('a new server begins with the five steps, and nothing on it searches for cameras', async () => {
    await using fresh = await startPageHarness({ config: 'server: yes\n', cameras: [{}] });
    await using visitor = await visit(viewer.browser, fresh, { size: 'phone' });
    const { page, complaints } = visitor;
    await visitor.go('#/start');
    await page.getByLabel('Your password', { exact: true }).fill(OWNER_PASSWORD);
    await enterSetupCode(page, fresh.app.accounts.setup?.code);
    expect(await page.getByText('no video leaves your network').count()).toBe(0);
    await page.getByRole('button', { name: 'Set the password' }).click();
    await settled(page, '.server-steps .qr-code');
    complaints.length = 0;

    await visitor.go('#/live');
    await page.getByRole('heading', { name: 'No box is connected yet' }).waitFor();
    const toSteps = page.getByRole('link', { name: 'Set up this server' });
    const toCameras = page.getByRole('link', { name: /^Add a camera/ });
    expect([await toSteps.count(), await toCameras.count()]).toEqual([1, 0]);
    expect(await axeFindings(page)).toEqual([]);

    await visitor.go('#/settings/cameras');
    await page.getByRole('heading', { name: 'No box is connected yet' }).waitFor();
    await page.getByRole('link', { name: /^Boxes that connect by themselves/ }).waitFor();
    expect(await page.getByText('new on the network').count()).toBe(0);
    expect([await toSteps.count(), await toCameras.count()]).toEqual([1, 1]);
    expect(await axeFindings(page)).toEqual([]);
    await toCameras.click();
    await page.getByText('A server searches for no cameras.').waitFor();
    await settled(page, '.adding-none');
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: "Add one that isn't listed" }).click();
    await page.getByRole('dialog').getByLabel('Address', { exact: true }).waitFor();
    await fresh.api('POST', 'session', { password: OWNER_PASSWORD });
    expect(await fresh.api('GET', 'paths/list')).toMatchObject({ items: [] });
    expect(complaints).toEqual([]);
  });

  test('in Chinese it says the same', async () => {
    await using owner = await visit(viewer.browser, server, { size: 'desktop', locale: 'zh-CN' });
    const { page } = owner;
    await owner.logIn('#/settings/system/server');
    await settled(page, '.server-steps .qr-code');
    for (const step of ['1. 域名', '2. 证书', '3. 您的主机', '4. 您的家人和同事', '5. 您的手机']) {
      expect(await page.getByRole('heading', { name: step }).count(), step).toBe(1);
    }
    expect(await axeFindings(page)).toEqual([]);
  });
});
