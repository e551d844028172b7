import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const ID = '0123456789abcdef0123456789abcdef';
const KEY = 'xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=';

/** The service of requests in other folders; what it calls only notes how. */
function service(calls = 'exit 0') {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'perch-wireguard-')));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const folder of ['lib', 'state/requests', 'host']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  for (const name of ['request', 'wireguard']) {
    const moved = readFileSync(join(import.meta.dirname, `linux/host-${name}`), 'utf8')
      .replaceAll('/usr/lib/perch/host/', `${root}/lib/`)
      .replaceAll('/var/lib/perch', `${root}/state`)
      .replaceAll('/run/perch-host/', `${root}/host/`);
    writeFileSync(join(root, 'lib', name), moved, { mode: 0o755 });
  }
  const noted = `#!/bin/sh\nprintf '%s\\n' "$*" >> ${root}/called\n${calls}\n`;
  writeFileSync(join(root, 'lib/wireguard-phones'), noted, { mode: 0o755 });
  const read = (name: string) => (existsSync(join(root, name)) ? readFileSync(join(root, name), 'utf8') : '');
  const file = join(root, 'state/requests/wireguard.json');
  return {
    called: () => read('called').trim(),
    isTaken: () => !existsSync(file),
    /** @returns its answer; undefined: it gave none */
    run: (request: string) => {
      writeFileSync(file, request);
      try {
        execFileSync('sh', [join(root, 'lib/wireguard')], { stdio: 'pipe' });
      } catch {
        return undefined;
      }
      return JSON.parse(read('host/wireguard.json'));
    },
  };
}

const line = (request: object) => `${JSON.stringify({ id: ID, ...request })}\n`;
const ON = { do: 'on', port: 51_820, http: 80, https: 8_443, media: 8_189 };

test.for([
  [ON, 'on 51820 80 8443 8189'],
  [{ do: 'off' }, 'off'],
  [
    { do: 'add', key: KEY, name: Buffer.from("Ann's phone 📱").toString('hex') },
    `add ${KEY} 416e6e27732070686f6e6520f09f93b1`,
  ],
  [{ do: 'remove', key: KEY }, `remove ${KEY}`],
] as const)('%o is asked for', ([request, call]) => {
  const { run, called, isTaken } = service();
  expect(run(line(request))).toEqual({ id: ID, ok: true, text: 'done' });
  expect(called()).toBe(call);
  expect(isTaken()).toBe(true);
});

test('a refusal has its last line as the reason, without characters that JSON would need to escape', () => {
  const { run } = service(`echo noise >&2; printf '%s\\n' 'there: "x\\\\y" \`$(z)\`' >&2; exit 3`);
  expect(run(line({ do: 'off' })).text).toMatch(/^there: [ xyz]+$/);
});

const add = (key: string, name = '41') => line({ do: 'add', key, name });
test.for([
  ['nothing', ''],
  ['a key that is an option', add('-h')],
  ['a short key', add(KEY.slice(1))],
  ['a key of other bits than a key has', add(KEY.replace('g=', 'h='))],
  ['a key with a command', add(KEY.replace('xTIBA5', '$(id) '))],
  ['a name with a blank', add(KEY, '41 42')],
  ['a name of capitals', add(KEY, 'AB')],
  ['a long name', add(KEY, '41'.repeat(65))],
  ['no name', add(KEY, '')],
  ['a port of six digits', line({ ...ON, port: 518_200 })],
  ['a negative port', line({ ...ON, http: -1 })],
  ['a port with a command', line({ ...ON, media: '8189; reboot' })],
  ['more behind it', line({ do: 'off', more: 1 })],
  ['another verb', line({ do: 'run' })],
  ['another id', line({ do: 'off' }).replace(ID, 'x'.repeat(32))],
  ['a second line', `x\n${line({ do: 'off' })}`],
  ['a megabyte', ' '.repeat(1 << 20)],
] as const)('%s is rejected as a request, removed and does nothing', ([, text]) => {
  const { run, called, isTaken } = service();
  expect(run(text)).toBeUndefined();
  expect(called()).toBe('');
  expect(isTaken()).toBe(true);
});

/** What `wireguard-phones` calls, in place of the kernel: a folder is the interface, a file the firewall. */
const PROGRAMS = {
  ip: `case "$*" in
    "link add "*) mkdir ROOT/net/perch-wg ;;
    "link del "*) rmdir ROOT/net/perch-wg ;;
  esac`,
  nft: `case "$1" in
    list) [ -e ROOT/table ] ;;
    delete) rm ROOT/table ;;
    *) cat > ROOT/table ;;
  esac`,
  wg: `note_lock() { flock -n ROOT/state/lock true && echo free >> ROOT/locks || echo held >> ROOT/locks; }
  case "$1" in
    genkey | pubkey) echo KEY ;;
    syncconf) [ ! -e ROOT/refuse ] ;;
    set) note_lock; [ ! -e ROOT/refuse ] ;;
    show) note_lock ;;
  esac`,
  sync: `printf '%s: %s\\n' "\${1#ROOT/state}" "$(ls ROOT/state | paste -sd ' ' -)" >> ROOT/synced`,
  systemctl: `[ "$1" != restart ] || exec sh ROOT/phones up`,
  // Ends the service after one turn of its loop.
  sleep: 'kill $PPID',
};

/** `wireguard-phones` with a box and a phone of its own. */
function phones() {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'perch-phones-')));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const folder of ['bin', 'state', 'host', 'net']) {
    mkdirSync(join(root, folder));
  }
  for (const [name, text] of Object.entries(PROGRAMS)) {
    writeFileSync(join(root, 'bin', name), `#!/bin/sh\n${text.replaceAll('ROOT', root)}\n`, { mode: 0o755 });
  }
  const moved = readFileSync(join(import.meta.dirname, 'linux/wireguard-phones'), 'utf8')
    .replaceAll('/var/lib/perch-wireguard', `${root}/state`)
    .replaceAll('/run/perch-host', `${root}/host`)
    .replaceAll('/run/wireguard/', `${root}/`)
    .replaceAll('/sys/class/net/', `${root}/net/`);
  writeFileSync(join(root, 'phones'), moved);
  const env = { ...process.env, PATH: `${root}/bin:${process.env['PATH']}` };
  const read = (name: string) => (existsSync(join(root, name)) ? readFileSync(join(root, name), 'utf8') : undefined);
  return {
    /** @returns the exit status */
    call: (...words: readonly string[]) => spawnSync('sh', [join(root, 'phones'), ...words], { env }).status,
    read,
    openPorts: () => /tcp dport \{ ([\d,]+) \}/.exec(read('table') ?? '')?.[1],
    shown: () => JSON.parse(read('host/wireguard') ?? 'null'),
    hasInterface: () => existsSync(join(root, 'net/perch-wg')),
    remove: (name: string) => rmSync(join(root, name), { recursive: true }),
    /** WireGuard refuses what it is told. */
    refuse: () => writeFileSync(join(root, 'refuse'), ''),
  };
}

const PORTS = ['51820', '80', '8443', '8189'] as const;

test('a firewall or an interface that another program has removed is there after the next look', () => {
  const { call, remove, openPorts, hasInterface, shown, refuse } = phones();
  expect(call('on', ...PORTS)).toBe(0);
  expect([openPorts(), hasInterface()]).toEqual(['80,8189,8443', true]);
  remove('table');
  expect(call('run')).toBe(0);
  expect(openPorts()).toBe('80,8189,8443');
  remove('net/perch-wg');
  expect(call('run')).toBe(0);
  expect(hasInterface()).toBe(true);
  remove('net/perch-wg');
  refuse();
  // systemd starts it again; meanwhile it does not count as on.
  expect(call('run')).toBe(3);
  expect([hasInterface(), shown()]).toEqual([false, null]);
});

test('where other ports are refused, phones go on with those of before', () => {
  const { call, openPorts, hasInterface, read, shown, refuse } = phones();
  call('on', ...PORTS);
  refuse();
  expect(call('on', '51821', '81', '8444', '8190')).toBe(3);
  expect([openPorts(), hasInterface()]).toEqual(['80,8189,8443', true]);
  expect(read('state/ports')).toBe('51820 80 8443 8189\n');
  expect(call('run')).toBe(0);
  expect(shown()).toMatchObject({ port: 51_820, https: 8_443 });
});

test('other ports are open without a restart of the interface', () => {
  const { call, openPorts, read } = phones();
  call('on', ...PORTS);
  expect(call('on', '51820', '81', '8444', '8190')).toBe(0);
  expect([openPorts(), read('state/ports')]).toEqual(['81,8190,8444', '51820 81 8444 8190\n']);
});

test('a revoked phone is gone from the disk before that is said', () => {
  const { call, read, shown } = phones();
  call('on', ...PORTS);
  expect(call('add', KEY, '41')).toBe(0);
  expect(shown().phones).toMatchObject([{ key: KEY, address: '10.84.84.2', name: '41' }]);
  expect(call('remove', KEY)).toBe(0);
  expect([read('state/phones'), shown().phones]).toEqual(['', []]);
  // First the file, then, with its name in place, the folder.
  expect(read('synced')?.trim().split('\n').slice(-2)).toEqual([
    '/phones.new: key lock phones phones.new ports',
    ': key lock phones ports',
  ]);
});

test('a phone that does not get in is not known, and changes and reports do not overlap', () => {
  const { call, read, shown, refuse } = phones();
  call('on', ...PORTS);
  call('add', KEY, '41');
  call('run');
  refuse();
  expect(call('add', KEY.replace('x', 'y'), '42')).not.toBe(0);
  expect(shown().phones).toHaveLength(1);
  expect(read('state/phones')).toBe(`${KEY} 2 41\n`);
  expect(new Set(read('locks')?.trim().split('\n'))).toEqual(new Set(['held']));
});
