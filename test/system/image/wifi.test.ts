import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../../peers/programs/peers.ts';
import { PhoneBrowser, PROBES } from '../machine/phone-browser.ts';
import { ADDRESS, IS_OPEN, type Router, WifiMachine } from '../machine/wifi-machine.ts';

const PATIENCE_MS = 1_800_000;
const NODE = '/usr/lib/perch/node/bin/node';
const HOME: Router = { name: 'Zuhause 5', password: 'words of "the" house #1', protection: 'WPA2' };
const WRONG = 'not the password';
const OWNER = 'words of the owner';
const PAGE = 'http://10.83.84.1/';

describeWith(['root', 'qemu', 'chromium', 'mmdebstrap', 'dpkg-deb'], 'the Wi-Fi of the image', () => {
  let box: WifiMachine;
  let browser: PhoneBrowser;
  let point: { name: string; password: string };
  beforeAll(async () => {
    box = await WifiMachine.boot();
    browser = await PhoneBrowser.open(box, PATIENCE_MS);
  }, PATIENCE_MS);
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]();
    await box?.[Symbol.asyncDispose]();
  }, PATIENCE_MS);

  const joinPoint = async (): Promise<string> => {
    await box.machine.until(IS_OPEN);
    return box.phoneJoins(point.name, point.password);
  };
  const titleAt = (url: string): Promise<string> => browser.at(url, (page) => page.title());
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
    await box.plug('none');
    await box.machine.until(IS_OPEN);
    const screen = await box.machine.until('cat /run/perch-wifi/screen.issue');
    const [, name = '', password = ''] = /(Perch-[A-Z0-9]{4}) {3}password (\S+)/.exec(screen) ?? [];
    point = { name, password };
    expect(await box.machine.must('cat /var/lib/perch-image/access-point')).toBe(`${name} ${password}`);
    await box.phoneIsRefused(name, 'wrongwrongwrong');
    expect(await joinPoint()).toMatch(/^10\.83\.84\.\d+$/);
  });

  test.for(PROBES)('%s leads to the page', { timeout: PATIENCE_MS }, async (url) => {
    expect(await browser.at(url, async (page) => [page.url(), await page.title()])).toEqual([
      PAGE,
      'Connect Perch to your Wi-Fi',
    ]);
  });

  test('nothing else of the box is there, before it has an owner', { timeout: PATIENCE_MS }, isOnlySetup);

  test('with a wrong password the access point comes back and says so', { timeout: PATIENCE_MS }, async () => {
    await box.routerOn(HOME);
    const message = await browser.choose(HOME, WRONG);
    expect(message).toContain(`Perch is connecting to ${HOME.name}`);
    expect(message).toContain('http://perch.local');
    await box.machine.until(`! (${IS_OPEN})`);
    await joinPoint();
    const alert = await browser.at(PAGE, (page) => page.getByRole('alert').textContent());
    expect(alert).toBe(`Perch could not join ${HOME.name}: the password is wrong.`);
    expect(await box.machine.must('cat /var/lib/perch-image/wifi')).toBe('country DE');
  });

  test('with the right one it joins WPA2, and is where the page said', { timeout: PATIENCE_MS }, async () => {
    await browser.choose(HOME, HOME.password);
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
    await box.plug('none');
    await box.routerOn(HOME);
    expect(await box.machine.until(ADDRESS)).toMatch(/^192\.168\.71\./);
  });

  test('when the router is away the access point comes back, and the box returns when the router does', {
    timeout: PATIENCE_MS,
  }, async () => {
    await box.machine.until('curl -fs http://127.0.0.1/health');
    await box.machine.must(`echo '${OWNER}' | perch claim`);
    await box.routerOff();
    await joinPoint();
    const text = await browser.at(PROBES[2], (page) => page.locator('main').textContent());
    expect(text).toContain(`Perch could not join ${HOME.name}: the network was not found.`);
    await isOnlySetup();
    await box.routerOn(HOME);
    // The phone stays: only its use of the page holds the box.
    expect(await box.machine.until(ADDRESS)).toMatch(/^192\.168\.71\./);
    await box.machine.until(`! (${IS_OPEN})`);
  });

  test('a cable without a router does not keep the access point closed, one with a router closes it', {
    timeout: PATIENCE_MS,
  }, async () => {
    await box.routerOff();
    await box.plug('switch');
    await box.restartService({});
    await box.machine.until(`${IS_OPEN} && grep -qx 1 /sys/class/net/en*/carrier`);
    await box.plug('router');
    await box.machine.until(`! (${IS_OPEN}) && ! nft list table inet perch_wifi`);
  });
});
