import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { networkWords } from './networks.ts';

const SERVICE = readFileSync(join(import.meta.dirname, '../root/usr/lib/perch-image/wifi'), 'utf8');
const NAME = '686f6d65';
const KEY = 'ab'.repeat(32);
const WORDS = '73656372657420776f726473';

/** The service without its loop, in other folders. */
function service(kept = '') {
  const folder = mkdtempSync(join(tmpdir(), 'perch-wifi-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const name of ['page', 'state']) {
    mkdirSync(join(folder, name));
  }
  const script = SERVICE.replaceAll('/var/lib/perch-image', `${folder}/state`)
    .replace('page=/run/perch-wifi-page', `page=${folder}/page`)
    .replace('run=/run/perch-wifi', `run=${folder}`)
    .replace(/\nmain\n$/, '\n');
  const file = join(folder, 'state/wifi');
  writeFileSync(file, kept);
  const request = join(folder, 'page/request');
  return {
    file,
    request,
    kept: () => readFileSync(file, 'utf8'),
    run: (command: string) => {
      const { stdout, status } = spawnSync('sh', ['-c', `${script}\n${command}`], { encoding: 'utf8' });
      return { stdout: stdout.trim(), status };
    },
  };
}
const TAKE = 'one= two= three= four=; take_request && echo "$verb|$one|$two|$three|$four"';

test.for([
  ['search', 'search||||'],
  [`forget ${NAME}`, `forget|${NAME}|||`],
  [`join DE ${NAME} ${KEY} ${WORDS}`, `join|DE|${NAME}|${KEY}|${WORDS}`],
  [`join DE ${NAME} - -`, `join|DE|${NAME}|-|-`],
  [`join DE ${NAME} ${KEY} -`, `join|DE|${NAME}|${KEY}|-`],
  [`join DE ${networkWords({ name: 'é', password: 'p'.repeat(63) })}`, undefined],
] as const)('the page asks: %s', ([line, words]) => {
  const { run, request } = service();
  writeFileSync(request, `${line}\n`);
  const { stdout, status } = run(TAKE);
  expect(status).toBe(0);
  expect(stdout).toBe(words ?? line.replaceAll(' ', '|'));
  expect(existsSync(request)).toBe(false);
});

test.for([
  ['nothing', ''],
  ['a name of 33 bytes', `forget ${'61'.repeat(33)}\n`],
  ['half a byte', 'forget 616\n'],
  ['capitals', `forget ${'AB'.repeat(4)}\n`],
  ['a pattern', 'forget .*\n'],
  ['a country in small letters', `join de ${NAME} - -\n`],
  ['a key that is too short', `join DE ${NAME} ${KEY.slice(2)} -\n`],
  ['a password that is too short', `join DE ${NAME} ${KEY} 6161\n`],
  ['more behind it', `join DE ${NAME} - - x\n`],
  ['a line before it', `x\njoin DE ${NAME} - -\n`],
  ['a command', `forget $(touch x)\n`],
  ['a megabyte', `${' '.repeat(1 << 20)}\nsearch\n`],
] as const)('a request with %s is removed, and does nothing', ([, text]) => {
  const { run, request } = service();
  writeFileSync(request, text);
  expect(run(TAKE)).toEqual({ stdout: '', status: 1 });
  expect(existsSync(request)).toBe(false);
});

test.for([
  ['a link', (at: string): void => symlinkSync('/etc/hostname', at)],
  ['a pipe without a writer', (at: string): void => void spawnSync('mkfifo', [at])],
  ['a folder', (at: string): unknown => mkdirSync(join(at, 'more'), { recursive: true })],
] as const)('%s instead of a request is removed, and does nothing', ([, make]) => {
  const { run, request } = service();
  make(request);
  expect(run(TAKE)).toEqual({ stdout: '', status: 1 });
  expect(existsSync(request)).toBe(false);
});

test('a network that was joined comes first, replaces one of its name, and only root reads the file', () => {
  const { run, kept, file } = service(`country DE\nnetwork 61 - -\nnetwork ${NAME} - -\n`);
  expect(run(`keep FR ${NAME} ${KEY} ${WORDS}`).status).toBe(0);
  expect(kept()).toBe(`country FR\nnetwork ${NAME} ${KEY} ${WORDS}\nnetwork 61 - -\n`);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(run('forget 61').status).toBe(0);
  expect(kept()).toBe(`country FR\nnetwork ${NAME} ${KEY} ${WORDS}\n`);
});

test('sixteen networks are kept', () => {
  const names = Array.from({ length: 16 }, (_, at) => `network ${(0x6100 + at).toString(16)} - -`);
  const { run, kept } = service(`country DE\n${names.join('\n')}\n`);
  run(`keep DE ${NAME} - -`);
  expect(kept()).toBe(`country DE\nnetwork ${NAME} - -\n${names.slice(0, 15).join('\n')}\n`);
});

test('wpa_supplicant gets WPA2 and WPA3 for a password, WPA2 for a key, and neither for an open network', () => {
  const { run } = service();
  const lines = [`network ${NAME} ${KEY} ${WORDS}`, `network 62 ${KEY} -`, 'network 63 - -'];
  const { stdout } = run(`printf '%s\\n' '${lines.join("' '")}' | settings DE`);
  expect(stdout).toContain('\ncountry=DE\n');
  expect(stdout.split('network={').slice(1)).toEqual([
    `\n\tssid=${NAME}\n\tscan_ssid=1\n\tkey_mgmt=WPA-PSK WPA-PSK-SHA256 SAE\n\tieee80211w=1\n\tpsk=${KEY}\n\tsae_password=${WORDS}\n}\n`,
    `\n\tssid=62\n\tscan_ssid=1\n\tkey_mgmt=WPA-PSK WPA-PSK-SHA256\n\tieee80211w=1\n\tpsk=${KEY}\n}\n`,
    '\n\tssid=63\n\tscan_ssid=1\n\tkey_mgmt=NONE\n}',
  ]);
});

test.for([
  [
    '62 wrongPassword',
    'wlan0: CTRL-EVENT-SSID-TEMP-DISABLED id=1 ssid="b" auth_failures=1 duration=10 reason=WRONG_KEY',
    '',
  ],
  [
    '61 wrongPassword',
    'wlan0: CTRL-EVENT-AUTH-REJECT 02:00:00:00:01:00 auth_type=3 auth_transaction=2 status_code=1',
    '',
  ],
  ['61 refused', 'wlan0: CTRL-EVENT-ASSOC-REJECT bssid=02:00:00:00:01:00 status_code=17', ''],
  [
    '62 noAddress',
    'wlan0: CTRL-EVENT-CONNECTED - Connection to 02:00:00:00:01:00 completed [id=1 id_str=]',
    'id=1\nwpa_state=COMPLETED',
  ],
  [
    '62 noAddress',
    'wlan0: CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid="a" auth_failures=1 duration=10 reason=WRONG_KEY',
    'id=1\nwpa_state=COMPLETED',
  ],
  ['61 notFound', 'Successfully initialized wpa_supplicant', 'wpa_state=SCANNING'],
] as const)('%s is found in: %s', ([failed, log, status]) => {
  const { run } = service();
  const files = `mkdir -p "$run"; echo '${log}' > "$run/log"; echo '${status}' > "$run/status"; conf=$run/conf`;
  const networks = `printf '\\tssid=61\\n\\tssid=62\\n' > "$conf"`;
  expect(run(`${files}; ${networks}; find_failure > /dev/null; echo "$failed"`).stdout).toBe(failed);
});
