import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CHROMIUM, describeWith } from '../peers/programs/peers.ts';
import { type Router, WifiMachine } from './machine/wifi-machine.ts';

const PATIENCE_MS = 1_800_000;
const NODE = '/usr/lib/perch/node/bin/node';
const HOME: Router = { name: 'Zuhause 5', password: 'words of "the" house #1', protection: 'WPA2' };
const WRONG = 'words of nobody';
const OWNER = 'words of the owner';
const PAGE = 'http://10.83.84.1/';
/** By which systems find out whether they are online. */
const PROBES = [
  'http://connectivitycheck.gstatic.com/generate_204',
  'http://captive.apple.com/hotspot-detect.html',
  'http://www.msftconnecttest.com/connecttest.txt',
];
const IS_OPEN =
  'grep -q "^point " /run/perch-wifi/state && nft list table inet perch_wifi && iw dev wlan0 info | grep -q "type AP"';
const ADDRESS = `ip -4 -o addr show dev wlan0 scope global | sed -n 's/.* inet \\(192.168.77[.0-9]*\\).*/\\1/p' | grep .`;

describeWith(['root', 'qemu', 'chromium', 'mmdebstrap', 'dpkg-deb'], 'the Wi-Fi of the image', () => {
  let box: WifiMachine;
  let browser: Browser;
  let point: { name: string; password: string };
  beforeAll(async () => {
    box = await WifiMachine.boot();
    // All that it asks for goes through the phone's radio.
    const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking'];
    browser = await chromium.launch({ executablePath: CHROMIUM, args, proxy: { server: box.proxy } });
  }, PATIENCE_MS);
  afterAll(async () => {
    await browser?.close();
    await box?.[Symbol.asyncDispose]();
  }, PATIENCE_MS);

  const joinPoint = async (): Promise<string> => {
    await box.machine.until(IS_OPEN);
    return box.phoneJoins(point.name, point.password);
  };
  async function browse<T>(url: string, use: (page: Page) => Promise<T>): Promise<T> {
    const context = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: 'en-US' });
    context.setDefaultTimeout(PATIENCE_MS);
    try {
      const page = await context.newPage();
      await page.goto(url);
      return await use(page);
    } finally {
      await context.close();
    }
  }
  /** On the page of the access point, as a person does. @returns what it says then */
  const choose = ({ name }: Router, password: string): Promise<string | null> =>
    browse(PROBES[0] ?? '', async (page) => {
      await page.getByLabel('Country').selectOption('DE');
      const network = page.getByRole('radio', { name });
      while ((await network.count()) === 0) {
        await page.getByRole('button', { name: 'Search again' }).click();
        await page.getByRole('button', { name: 'Search again', disabled: false }).waitFor();
        await page.getByLabel('Country').selectOption('DE');
      }
      await network.check();
      await page.getByLabel('Password').fill(password);
      await page.getByRole('button', { name: 'Connect' }).click();
      await page.locator('ol').waitFor();
      return page.locator('main').textContent();
    });
  const titleAt = (url: string): Promise<string> => browse(url, (page) => page.title());
  const isOnlySetup = async (): Promise<void> => {
    for (const path of ['v3/paths/list', 'v3/config/global/get', 'recordings', 'demo/index.m3u8']) {
      const answer = await box.onPhone(`curl -s -o /dev/null -w '%{http_code} %{redirect_url}' ${PAGE}${path}`);
      expect(answer).toBe(`302 ${PAGE}`);
    }
    const listening = await box.machine.must(`ss -Hltn | sed 's/.*:\\([0-9]*\\) .*/\\1/' | sort -un`);
    const ports = [...listening.split('\n'), 22, 80, 443, 554, 1935, 8000, 8554, 8888, 8889, 9996, 9997].join(',');
    const scan = `const net = require('node:net'); Promise.all([${ports}].map((port) => new Promise((done) => {
      const socket = net.connect({ host: '10.83.84.1', port: Number(port), timeout: 5000 });
      socket.on('connect', () => done(port)).on('error', () => done()).on('timeout', () => done());
    }))).then((open) => { console.log([...new Set(open.filter(Boolean))].sort().join(' ')); process.exit(); })`;
    await box.machine.must(`cat > /run/scan.cjs << 'END'\n${scan}\nEND`);
    const open = await box.onPhone(`${NODE} /run/scan.cjs`);
    // Names, and the page by both of its ports.
    expect(open).toBe('53 80 8380');
  };

  test('with a cable there is no access point', { timeout: PATIENCE_MS }, async () => {
    await box.machine.until('systemctl is-active perch-wifi.service');
    await box.machine.until('curl -fs http://127.0.0.1/health');
    // Longer than it waits for a cable.
    await box.machine.must('sleep 25');
    expect(await box.machine.must('iw dev wlan0 info')).not.toContain('type AP');
    expect((await box.machine.run('nft list table inet perch_wifi')).code).not.toBe(0);
    expect((await box.machine.run('systemctl is-active perch-wifi-page.service')).output.trim()).toBe('inactive');
  });

  test('without one the screen shows the name and password of one, which no other password opens', {
    timeout: PATIENCE_MS,
  }, async () => {
    await box.plug(false);
    await box.machine.until(IS_OPEN);
    const screen = await box.machine.until('cat /run/perch-wifi/screen.issue');
    const [, name = '', password = ''] = /(Perch-[A-Z0-9]{4}) {3}password (\S+)/.exec(screen) ?? [];
    point = { name, password };
    expect(await box.machine.must('cat /var/lib/perch-image/access-point')).toBe(`${name} ${password}`);
    await expect(box.phoneJoins(name, 'wrongwrongwrong')).rejects.toThrow();
    expect(await joinPoint()).toMatch(/^10\.83\.84\.\d+$/);
  });

  test.for(PROBES)('%s leads to the page', { timeout: PATIENCE_MS }, async (url) => {
    expect(await browse(url, async (page) => [page.url(), await page.title()])).toEqual([
      PAGE,
      'Connect Perch to your Wi-Fi',
    ]);
  });

  test('nothing else of the box is there, before it has an owner', { timeout: PATIENCE_MS }, isOnlySetup);

  test('with a wrong password the access point comes back and says so', { timeout: PATIENCE_MS }, async () => {
    await box.routerOn(HOME);
    const told = await choose(HOME, WRONG);
    expect(told).toContain(`Perch now joins ${HOME.name}`);
    expect(told).toContain('http://perch.local');
    await box.machine.until(`! (${IS_OPEN})`);
    await joinPoint();
    const alert = await browse(PAGE, (page) => page.getByRole('alert').textContent());
    expect(alert).toBe(`Perch could not join ${HOME.name}: the password is wrong.`);
    expect(await box.machine.must('cat /var/lib/perch-image/wifi')).toBe('country DE');
  });

  test('with the right one it joins WPA2, and is where the page said', { timeout: PATIENCE_MS }, async () => {
    await choose(HOME, HOME.password);
    const address = await box.machine.until(ADDRESS);
    await box.phoneJoins(HOME.name, HOME.password);
    const byName = await box.machine.until(`ip netns exec phone ${NODE} /phone/mdns.cjs perch.local`);
    expect(byName).toBe(address);
    await box.machine.until('curl -fs http://127.0.0.1/health');
    expect(await titleAt(`http://${address}/`)).toContain('Perch');
    expect(await titleAt('http://perch.local/')).toContain('Perch');
    expect((await box.machine.run('nft list table inet perch_wifi')).code).not.toBe(0);
    expect(await box.machine.must('iw reg get')).toContain('country DE');
  });

  test('after a power cut it is on that network again', { timeout: PATIENCE_MS }, async () => {
    await box.machine.until("grep -q '^network ' /var/lib/perch-image/wifi");
    await box.restart();
    await box.plug(false);
    await box.routerOn(HOME);
    expect(await box.machine.until(ADDRESS)).toMatch(/^192\.168\.77\./);
  });

  test('when the router is away the access point comes back, and the box returns when the router does', {
    timeout: PATIENCE_MS,
  }, async () => {
    await box.machine.until('curl -fs http://127.0.0.1/health');
    await box.machine.must(`echo '${OWNER}' | perch claim`);
    await box.routerOff();
    await joinPoint();
    const text = await browse(PROBES[2] ?? '', (page) => page.locator('main').textContent());
    expect(text).toContain(`Perch could not join ${HOME.name}: the network was not found.`);
    await isOnlySetup();
    await box.routerOn(HOME);
    // The phone stays: only its use of the page holds the box.
    expect(await box.machine.until(ADDRESS)).toMatch(/^192\.168\.77\./);
    await box.machine.until(`! (${IS_OPEN})`);
  });

  test('a cable closes the access point', { timeout: PATIENCE_MS }, async () => {
    await box.routerOff();
    await box.machine.until(IS_OPEN);
    await box.plug(true);
    await box.machine.until(`! (${IS_OPEN}) && ! nft list table inet perch_wifi`);
  });
});
