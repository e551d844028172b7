import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
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
    .replaceAll('/sys/class/net', `${folder}/net`)
    .replace(/\nmain\n$/, '\n');
  const file = join(folder, 'state/wifi');
  writeFileSync(file, kept);
  const request = join(folder, 'page/request');
  return {
    folder,
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

test.for([`keep FR 61 ${KEY} ${WORDS}`, 'keep_country FR', `forget ${NAME}`])(
  'a full disk keeps the known networks: %s',
  (command) => {
    const text = `country DE\nnetwork ${NAME} - -\nnetwork 62 - -\n`;
    const { run, kept, file } = service(text);
    symlinkSync('/dev/full', `${file}.new`);
    run(`${command} || true`);
    expect(lstatSync(file).isFile()).toBe(true);
    expect(kept()).toBe(text);
  },
);

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
  [
    '63 notFound',
    'wlan0: CTRL-EVENT-SSID-TEMP-DISABLED id=2 ssid="c" auth_failures=1 duration=10 reason=WRONG_KEY',
    'wpa_state=SCANNING',
  ],
] as const)('%s is found in: %s', ([failed, log, status]) => {
  const { run } = service();
  const files = `mkdir -p "$run"; echo '${log}' > "$run/log"; echo '${status}' > "$run/status"; conf=$run/conf`;
  const networks = `printf '\\tssid=61\\n\\tssid=62\\n\\tssid=63\\n' > "$conf"`;
  const heard = `list_networks() { printf '61 -40 [ESS]\\n62 -50 [ESS]\\n'; }`;
  expect(run(`${files}; ${networks}; ${heard}; find_failure > /dev/null; echo "$failed"`).stdout).toBe(failed);
});

interface Air {
  readonly name: string;
  /** Seconds in which it is there, and in which it gives an address. */
  readonly heard: readonly [number, number];
  readonly addresses: readonly [number, number];
}
const ALWAYS = [0, 10_000] as const;
const NEVER = [0, 0] as const;

/** wpa_supplicant, the address and a clock in steps of ten seconds: it joins the first network that is there and not disabled. */
const radio = (networks: readonly Air[], endS: number): string => `
echo 0 > "$run/clock"
mkdir -p "$run/off"
away=300
up() { read -r now < "$run/clock"; echo "$now"; }
sleep() { echo $(($(up) + 10)) > "$run/clock"; }
is_running() { [ "$(up)" -lt ${endS} ]; }
has_cable() { false; }
start_supplicant() { conf=$run/$1; : > "$run/log"; rm -f "$run/off/"*; }
list_networks() {
	now=$(up)
${networks.map(({ name, heard: [from, to] }) => `	! [ $now -ge ${from} -a $now -lt ${to} ] || echo "${name} -40 [ESS]"`).join('\n')}
}
# NUMBER NAME ADDRESS
on() {
	now=$(up)
${networks
  .map(
    ({ name, heard, addresses }, at) =>
      `	! [ $now -ge ${heard[0]} -a $now -lt ${heard[1]} -a ! -e "$run/off/${at}" ] || {
		[ $now -ge ${addresses[0]} -a $now -lt ${addresses[1]} ] && echo ${at} ${name} 192.168.1.2 || echo ${at} ${name}
		return
	}`,
  )
  .join('\n')}
}
own_address() { on | { read -r _ _ address || :; echo "$address"; }; }
cli() { case "$1" in
	status)
		on > "$run/on"
		read -r number rest < "$run/on" && printf 'id=%s\nwpa_state=COMPLETED\n' "$number" || echo wpa_state=SCANNING
		echo "$(up) $rest" >> "$run/seen" ;;
	scan) echo OK ;;
	disable_network) : > "$run/off/$2" ;;
	enable_network) rm -f "$run/off/"* ;;
esac; }
joined=`;
const KNOWN = 'country DE\nnetwork 61 - -\nnetwork 62 - -\n';
/** @returns each network that it was on, in turn, with the second since when, and the address */
const turns = (seen: string): string[] =>
  seen
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, name, address], at, all) => at === 0 || name !== all[at - 1]?.[1] || address !== all[at - 1]?.[2])
    .map(([second, name, address]) => `${second} ${name || 'none'} ${address || 'none'}`);

test('a known network that gives no address is left for another one that does, and not joined again', () => {
  const { run, folder } = service(KNOWN);
  const air = [
    { name: '61', heard: ALWAYS, addresses: NEVER },
    { name: '62', heard: ALWAYS, addresses: ALWAYS },
  ];
  run(`${radio(air, 500)}; follow`);
  const seen = turns(readFileSync(join(folder, 'seen'), 'utf8'));
  expect(seen.map((line) => line.replace(/^\d+ /, ''))).toEqual(['61 none', '62 192.168.1.2']);
  expect(Number(seen[1]?.split(' ')[0])).toBeLessThan(90);
});

test('of known networks that give no address each is tried for 45 s or more until the access point opens', () => {
  const { run, folder } = service(KNOWN);
  const air = ['61', '62'].map((name) => ({ name, heard: ALWAYS, addresses: NEVER }));
  const { stdout } = run(`${radio(air, 1_000)}; follow; echo "$(up) $failed"`);
  expect(stdout).toMatch(/\n3\d\d 6[12] noAddress$/);
  const seen = turns(readFileSync(join(folder, 'seen'), 'utf8'));
  const starts = seen.map((line) => Number(line.split(' ')[0]));
  expect(seen.length).toBeGreaterThan(3);
  for (const [at, start] of starts.entries()) {
    expect(start - (starts[at - 1] ?? -100)).toBeGreaterThanOrEqual(45);
  }
});

test('a network without addresses is kept while no other one is there, and joined again when that one goes', () => {
  const { run, folder } = service(KNOWN);
  const air = [
    { name: '61', heard: ALWAYS, addresses: [350, 10_000] as const },
    { name: '62', heard: [130, 250] as const, addresses: ALWAYS },
  ];
  run(`${radio(air, 450)}; follow`);
  const seen = turns(readFileSync(join(folder, 'seen'), 'utf8'));
  expect(seen.map((line) => line.replace(/^\d+ /, ''))).toEqual([
    '61 none',
    '62 192.168.1.2',
    'none none',
    '61 none',
    '61 192.168.1.2',
  ]);
});

test('from the access point each known network that is there is tried, and the one with an address joined', () => {
  const { run } = service(KNOWN);
  const air = [
    { name: '61', heard: ALWAYS, addresses: NEVER },
    { name: '62', heard: ALWAYS, addresses: ALWAYS },
  ];
  const start = 'networks | settings DE > "$run/station.conf"; join station.conf';
  expect(run(`${radio(air, 1_000)}; ${start} && on`).stdout).toContain('1 62 192.168.1.2');
});

test('a network chosen on the page that gives no address is the reason, though another one is known', () => {
  const { run } = service(KNOWN);
  const air = [{ name: '63', heard: ALWAYS, addresses: NEVER }];
  const start = 'echo "network 63 - -" | settings DE > "$run/trial.conf"; join trial.conf';
  expect(run(`${radio(air, 1_000)}; ${start} || echo "$(up) $failed"`).stdout).toMatch(/\n50 63 noAddress$/);
});

test('what failed before a network was joined is no reason when it is gone', () => {
  const { run } = service('country DE\nnetwork 61 - -\n');
  const air = [{ name: '61', heard: [0, 100] as const, addresses: ALWAYS }];
  const old = 'CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid="a" auth_failures=1 duration=10 reason=WRONG_KEY';
  const { stdout } = run(
    `${radio(air, 1_000)}; list_networks() { echo '61 -80 [ESS]'; }; is_running() { [ "$(up)" -gt 10 ] || echo '${old}' > "$run/log"; }; follow; echo "$failed"`,
  );
  expect(stdout).toMatch(/\n61 notFound$/);
});

test.for([
  ['a router', '1', '2: eth0 inet 192.168.1.2/24 scope global eth0', true],
  ['a switch or a camera, without an address', '1', '', false],
  ['nothing', '0', '2: eth0 inet 192.168.1.2/24 scope global eth0', false],
] as const)('a cable to %s: does it keep the access point off', ([, carrier, addresses, isCable]) => {
  const { run } = service();
  const card = `mkdir -p "$run/net/eth0/device"; echo ${carrier} > "$run/net/eth0/carrier"`;
  const ip = `ip() { [ "$1" = -6 ] || echo '${addresses}'; }`;
  expect(run(`${card}; ${ip}; has_cable && echo yes || echo no`).stdout).toBe(isCable ? 'yes' : 'no');
});

test('without a cable it waits 15 s before the access point, with one that has no address a minute', () => {
  const { run } = service();
  const time = `echo 0 > "$run/clock"; up() { cat "$run/clock"; }; sleep() { echo $(($(up) + $1)) > "$run/clock"; }`;
  const wait = (links: string) =>
    Number(run(`${time}; ip() { :; }; links() { ${links}; }; wait_without_cable; up`).stdout);
  expect(wait(':')).toBe(15);
  expect(wait('echo eth0')).toBe(60);
});
