import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { pageServer } from '../../../packaging/image/wifi/server.ts';
import { startViewer, type Viewer } from '../../peers/browser/browser.ts';
import { axeFindings } from '../../peers/browser/page-visit.ts';
import { describeWith } from '../../peers/programs/peers.ts';

const HOME = Buffer.from('Zuhause 5').toString('hex');
const CAFE = Buffer.from('café').toString('hex');
const PASSWORD = 'secret \'words\' & "more"';

describeWith(['chromium'], "the page of the box's access point", () => {
  let viewer: Viewer;
  let server: Server;
  let folder: string;
  const options = { stateFolder: '', requestFolder: '', origin: '' };
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'perch-wifi-page-'));
    options.stateFolder = folder;
    options.requestFolder = join(folder, 'requests');
    mkdirSync(options.requestFolder);
    server = pageServer(options);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    options.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    viewer = await startViewer();
  });
  afterAll(async () => {
    await viewer?.[Symbol.asyncDispose]();
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });

  const tell = (state: string) => {
    writeFileSync(join(folder, 'state'), `box barn\npoint Perch-AB2C\n${state}`);
    const kinds = [`${HOME} -40 [WPA2-PSK-CCMP][ESS]`, `${CAFE} -50 [ESS]`];
    writeFileSync(join(folder, 'found'), `${kinds.join('\n')}\n`);
    rmSync(join(options.requestFolder, 'request'), { force: true });
  };
  const asked = () => {
    const file = join(options.requestFolder, 'request');
    return existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  };
  async function open(locale: string, colorScheme: 'light' | 'dark' = 'light'): Promise<Page> {
    const context = await viewer.browser.newContext({ viewport: { width: 390, height: 844 }, locale, colorScheme });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.goto(`${options.origin}/generate_204`);
    return page;
  }
  const isAsWideAsThePhone = async (page: Page) =>
    expect(await page.evaluate(() => globalThis.document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);

  test('a phone chooses country and network, types the password, and is told where the box will be', async () => {
    tell(`known ${HOME} 192.168.1.20\n`);
    const page = await open('en-US');
    expect(page.url()).toBe(`${options.origin}/`);
    expect(await axeFindings(page)).toEqual([]);
    await isAsWideAsThePhone(page);
    await page.getByLabel('Country').selectOption({ label: 'Germany' });
    await page.getByRole('radio', { name: /^Zuhause 5/ }).check();
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Connect' }).click();
    await page.getByRole('heading', { name: 'Perch is connecting to Zuhause 5' }).waitFor();
    expect(asked()).toMatch(new RegExp(`^join DE ${HOME} [0-9a-f]{64} ${Buffer.from(PASSWORD).toString('hex')}$`));
    const text = await page.locator('main').textContent();
    for (const told of ['http://barn.local', 'http://192.168.1.20', 'Perch-AB2C']) {
      expect(text).toContain(told);
    }
    expect(await axeFindings(page)).toEqual([]);
    await isAsWideAsThePhone(page);
  });

  test('a form without a country is not sent', async () => {
    tell('');
    const page = await open('en-US');
    await page.getByRole('radio', { name: /^café/ }).check();
    await page.getByRole('button', { name: 'Connect' }).click();
    expect(await page.locator('select:invalid').count()).toBe(1);
    expect(asked()).toBe('');
  });

  test('in Chinese and in the dark it says why the last network was not joined', async () => {
    tell(`country CN\nfailed ${HOME} wrongPassword\n`);
    const page = await open('zh-CN', 'dark');
    expect(await page.getByRole('alert').textContent()).toBe('Perch 无法加入 Zuhause 5：密码错误。');
    expect(await page.getByLabel('国家或地区').inputValue()).toBe('CN');
    expect(await page.getByRole('radio', { name: /^Zuhause 5/ }).isChecked()).toBe(true);
    expect(await axeFindings(page)).toEqual([]);
    await isAsWideAsThePhone(page);
  });
});
