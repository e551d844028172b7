import { afterAll, beforeAll, expect, test } from 'vitest';
import { networkWords } from '../../../packaging/image/wifi/networks.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { PhoneBrowser } from '../machine/phone-browser.ts';
import { ADDRESS, IS_OPEN, type Router, WifiMachine } from '../machine/wifi-machine.ts';

const PATIENCE_MS = 1_800_000;
const HOME: Router = { name: 'Zuhause 5', password: 'words of "the" house #1', protection: 'WPA2' };
const CABIN: Router = { name: 'Cabin', password: 'words of the cabin', protection: 'WPA3' };
const WRONG = 'not the password';
const PAGE = 'http://10.83.84.1/';
// The service has a /tmp of its own.
const STATUS = 'wpa_cli -s /run -p /run/perch-wifi/ctrl -i wlan0 status';
const isOn = ({ name }: Router): string => `${STATUS} | grep -qx 'ssid=${name}' && ${ADDRESS}`;
const hex = (text: string): string => Buffer.from(text).toString('hex');

describeWith(['root', 'qemu', 'chromium', 'mmdebstrap', 'dpkg-deb'], 'the networks that the image knows', () => {
  let box: WifiMachine;
  let browser: PhoneBrowser;
  let point: { name: string; password: string };
  beforeAll(async () => {
    box = await WifiMachine.boot();
    browser = await PhoneBrowser.open(box, PATIENCE_MS);
    const [name = '', password = ''] = (await box.machine.must('cat /var/lib/perch-image/access-point')).split(' ');
    point = { name, password };
    await box.plug('none');
  }, PATIENCE_MS);
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]();
    await box?.[Symbol.asyncDispose]();
  }, PATIENCE_MS);

  const joinPoint = async (): Promise<void> => {
    await box.machine.until(IS_OPEN);
    await box.phoneJoins(point.name, point.password);
  };
  /** Fails to join it, from the page. @returns what the page says when the access point is back */
  const failToJoin = async (router: Router, password: string): Promise<string | null> => {
    await browser.choose(router, password);
    await box.machine.until(`! (${IS_OPEN})`);
    await joinPoint();
    return browser.at(PAGE, (page) => page.getByRole('alert').textContent());
  };
  const known = (): Promise<string> =>
    box.machine.must("sed -n 's/^network \\([0-9a-f]*\\) .*/\\1/p' /var/lib/perch-image/wifi");

  test('a network chosen on the page that gives no address is the reason, and not known then', {
    timeout: PATIENCE_MS,
  }, async () => {
    await box.routerOn({ ...HOME, hasDhcp: false });
    await joinPoint();
    expect(await failToJoin(HOME, HOME.password)).toBe(
      `Perch joined ${HOME.name}, but the router gave it no address (DHCP).`,
    );
    expect(await known()).toBe('');
  });

  test('with a wrong password for WPA3 the access point comes back and says so', {
    timeout: PATIENCE_MS,
  }, async () => {
    await box.routerOn(CABIN);
    await joinPoint();
    expect(await failToJoin(CABIN, WRONG)).toBe(`Perch could not join ${CABIN.name}: the password is wrong.`);
    expect(await known()).toBe('');
  });

  test('with the right password it joins WPA3', { timeout: PATIENCE_MS }, async () => {
    await box.routerOn(CABIN);
    await browser.choose(CABIN, CABIN.password);
    await box.machine.until(isOn(CABIN));
    const status = await box.machine.must(STATUS);
    expect(status).toMatch(/^key_mgmt=SAE$/m);
    // Protected management frames.
    expect(status).toMatch(/^pmf=[12]$/m);
    expect(await known()).toBe(hex(CABIN.name));
  });

  test('of two that it knows it joins the one that is there, and the other one after that', {
    timeout: PATIENCE_MS,
  }, async () => {
    // As the setup file of the card does.
    const lines = ['country DE', ...[HOME, CABIN].map((router) => `network ${networkWords(router)}`)];
    await box.machine.must(`cat > /var/lib/perch-image/wifi << 'END'\n${lines.join('\n')}\nEND`);
    await box.routerOn(HOME);
    await box.restartService({});
    await box.machine.until(isOn(HOME));
    await box.routerOn(CABIN);
    await box.machine.until(isOn(CABIN));
  });

  test('one that gives no address is left for another one that is there, without an access point between', {
    timeout: PATIENCE_MS,
  }, async () => {
    await box.routerOn({ ...CABIN, hasDhcp: false });
    await box.restartService({ awayS: 600 });
    await box.machine.until(`${STATUS} | grep -qx 'ssid=${CABIN.name}' && ${STATUS} | grep -qx wpa_state=COMPLETED`);
    const opened = 'journalctl -u perch-wifi --output cat | grep -c " is open$" || true';
    const before = await box.machine.must(opened);
    await box.secondRouterOn(HOME);
    await box.machine.until(isOn(HOME));
    expect(await box.machine.must(opened)).toBe(before);
    await box.restartService({});
  });

  test('one that gives no address is named as the reason, and joined when it gives one', {
    timeout: PATIENCE_MS,
  }, async () => {
    await box.routerOn({ ...CABIN, hasDhcp: false });
    await box.machine.until(`${IS_OPEN} && grep -qx 'failed ${hex(CABIN.name)} noAddress' /run/perch-wifi/state`);
    await box.routerOn(CABIN);
    await box.machine.until(isOn(CABIN));
  });

  test('no password is in the journal, another file that others read, or an argument of a program', {
    timeout: PATIENCE_MS,
  }, async () => {
    const secrets = [HOME, CABIN, { ...CABIN, password: WRONG }, point].flatMap((one) => [
      ...[one.password, ...networkWords(one).split(' ').slice(1)],
    ]);
    await box.machine.must(`cat > /run/secrets << 'END'\n${secrets.join('\n')}\nEND`);
    expect(await box.machine.must('grep -c -i -F -f /run/secrets /var/lib/perch-image/wifi')).toBe('2');
    expect(await box.machine.must('journalctl --output cat | grep -c perch:')).not.toBe('0');
    expect(await box.machine.must('journalctl --all --output export | grep -a -i -F -f /run/secrets || true')).toBe('');
    // Those that the test made itself are no part of the box.
    const own = ['secrets', 'router*', 'phone*', 'perch-shell*'].map((name) => `! -path '/run/${name}'`).join(' ');
    const folders = '/run /var /tmp /etc';
    const readable = `find ${folders} -type f -perm /044 ! -path '/run/netns/*' ${own} -exec grep -l -a -i -F -f /run/secrets {} +`;
    expect(await box.machine.must(`${readable} || true`)).toBe('');
    expect(
      await box.machine.must(
        'grep -l -a -i -F -f /run/secrets /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2> /dev/null || true',
      ),
    ).toBe('');
    expect(await box.machine.must('stat -c "%U %a" /var/lib/perch-image/wifi /var/lib/perch-image/access-point')).toBe(
      'root 600\nroot 600',
    );
    expect((await box.machine.run('setpriv --reuid=perch --clear-groups cat /var/lib/perch-image/wifi')).code).not.toBe(
      0,
    );
  });
});
