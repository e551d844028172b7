import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseConfig } from '../../../agent/config/load/load.ts';
import type { DebOptions } from '../../../packaging/debian.ts';
import { makeNodeIpk, makeOpenwrtArchive, makePerchIpk } from '../../../packaging/openwrt.ts';
import { startRouter } from '../../peers/host/router.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { KEYS } from '../../support/harness/loaded-config.ts';

const TIME = 1_700_000_000;
const FILES = new Map([
  ['agent/perch.cjs', Buffer.from('process.exit(0);\n')],
  ['webui/dist/index.html', Buffer.from('<!doctype html>')],
  ['webui/dist/main-3F2A9C1B.js', Buffer.from('console.log(1);\n'.repeat(100))],
]);
const RUNTIME = new Map([
  ['bin/node', Buffer.from('#!/bin/sh\necho "node $*"\n')],
  ['ld-linux-x86-64.so.2', Buffer.from('loader')],
  ['libc.so.6', Buffer.from('library')],
]);
const SCRIPTS = ['perch.sh', 'perch.init', 'perch-start', 'perch.cli', 'hotplug', 'install.sh', 'uninstall.sh'];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perch-openwrt-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const options = (more: Partial<DebOptions> = {}): DebOptions => ({
  ...{ version: '1.2.3', time: TIME, folder, packing: 'quick' },
  ...more,
});
const tar = (...args: string[]) => execFileSync('tar', args, { encoding: 'utf8', maxBuffer: 1 << 26 });
const memberOf = (ipk: string, name: string): string => {
  const file = join(folder, name);
  writeFileSync(file, execFileSync('tar', ['-xzOf', ipk, `./${name}`]));
  return file;
};

test('the same files make the same packages, for every user', async () => {
  const build = async () => {
    const files = [
      await makePerchIpk(FILES, options()),
      await makeNodeIpk('amd64', RUNTIME, options()),
      await makeOpenwrtArchive('amd64', FILES, RUNTIME, options()),
    ];
    return files.map((file) => readFileSync(file).toString('base64'));
  };
  const first = await build();
  const umask = process.umask(0o077);
  try {
    expect(await build()).toEqual(first);
  } finally {
    process.umask(umask);
  }
});

test("a package has opkg's format: three members in order, old tar, user and group 0", async () => {
  const file = await makePerchIpk(FILES, options());
  expect(file).toBe(join(folder, 'perch_1.2.3_all.ipk'));
  expect(tar('-tzf', file)).toBe('./debian-binary\n./data.tar.gz\n./control.tar.gz\n');
  const data = memberOf(file, 'data.tar.gz');
  const lines = tar('--numeric-owner', '--utc', '-tvzf', data).trimEnd().split('\n');
  expect(lines.filter((line) => !/^\S+ 0\/0 +\d+ 2023-11-14 22:13 /.test(line))).toEqual([]);
  const modes = new Map(lines.map((line) => [line.split(' ').at(-1), line.slice(0, 10)]));
  for (const program of ['etc/init.d/perch', 'usr/bin/perch', 'usr/lib/perch/run', 'usr/libexec/perch-start']) {
    expect([program, modes.get(`./${program}`)]).toEqual([program, '-rwxr-xr-x']);
  }
  expect(modes.get('./etc/config/perch')).toBe('-rw-r--r--');
  const control = memberOf(file, 'control.tar.gz');
  expect(tar('-tzf', control).split('\n').filter(Boolean)).toEqual([
    './',
    './conffiles',
    './control',
    './postinst',
    './prerm',
  ]);
  expect(tar('-xzOf', control, './conffiles')).toBe('/etc/config/perch\n');
});

test("perch-node installs on any router: the package checks the processor itself, not by opkg's names", async () => {
  const file = await makeNodeIpk('arm64', RUNTIME, options());
  expect(file).toBe(join(folder, 'perch-node_1.2.3_aarch64.ipk'));
  const bytes = [...RUNTIME.values()].reduce((sum, { length }) => sum + length, 0);
  const control = memberOf(file, 'control.tar.gz');
  expect(tar('-xzOf', control, './control')).toMatch(
    new RegExp(`^Package: perch-node\\nVersion: 1\\.2\\.3\\n[^]*Architecture: all\\nInstalled-Size: ${bytes}\\n`),
  );
  expect(tar('-xzOf', control, './preinst')).toContain('"$machine" != aarch64');
});

test('in a feed with both, each router gets the perch-node of its instruction set', async () => {
  const [amd64, arm64] = await Promise.all(
    (['amd64', 'arm64'] as const).map(async (architecture) => {
      const control = memberOf(await makeNodeIpk(architecture, RUNTIME, options()), 'control.tar.gz');
      return /^Architecture: (.*)$/m.exec(tar('-xzOf', control, './control'))?.[1];
    }),
  );
  // Of the same name and version opkg takes that of the processor before `all`, and ignores those of others.
  expect([amd64, arm64]).toEqual(['x86_64', 'all']);
});

test('the initial configuration is valid', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../packaging/openwrt/perch.yml'), 'utf8');
  const { config, problems } = parseConfig(
    text,
    'perch.yml',
    {},
    { recordPath: '/d/%path/%s-%f', cwd: '/', keys: KEYS },
  );
  expect([problems, config?.isOwn]).toEqual([[], true]);
});

describeWith(['busybox', 'mounts', 'namespaces'], 'scripts of the packages on a router', () => {
  test("busybox's shell parses every script", () => {
    for (const script of SCRIPTS) {
      execFileSync('/bin/busybox', ['ash', '-n', join(import.meta.dirname, '../../../packaging/openwrt', script)]);
    }
  });

  const install = async (archive = false) => {
    const router = await startRouter();
    const made = archive
      ? [await makeOpenwrtArchive('amd64', FILES, RUNTIME, options())]
      : [await makeNodeIpk('amd64', RUNTIME, options()), await makePerchIpk(FILES, options())];
    for (const file of made) {
      writeFileSync(join(router.root, 'tmp', file.slice(folder.length + 1)), readFileSync(file));
    }
    return router;
  };
  const configure = (router: { readonly root: string }, lines: readonly string[]) =>
    writeFileSync(join(router.root, 'etc/config/perch'), `config perch 'main'\n${lines.join('\n')}\n`);

  test('procd gets one service that is always restarted, and nothing if it is switched off', async () => {
    const router = await install();
    await router.run('opkg install /tmp/perch-node_1.2.3_x86_64.ipk && opkg install /tmp/perch_1.2.3_all.ipk');
    const params = (env: readonly string[], data: string, disk: string) => [
      ['open_instance', 'main'],
      ['set_param', 'command', '/usr/libexec/perch-start', data],
      ['set_param', 'env', 'NODE_ENV=production', 'PERCH_RESTART_CODE=85', 'PERCH_RECORDNEEDSDISK=yes'],
      ['append_param', 'env', 'PERCH_STDOUT=syslog'],
      ...env.map((one) => ['append_param', 'env', one]),
      ['set_param', 'data', `disk=${disk}`],
      ['set_param', 'user', 'perch'],
      ['set_param', 'group', 'perch'],
      ['set_param', 'no_new_privs', '1'],
      ['set_param', 'limits', 'nofile=65536 65536'],
      ['set_param', 'respawn', '3600', '1', '0'],
      ['set_param', 'term_timeout', '20'],
      ['set_param', 'stdout', '1'],
      ['set_param', 'stderr', '1'],
      ['close_instance'],
    ];
    const triggers = [
      ['add_reload_trigger', 'perch'],
      ['add_raw_trigger', 'interface.*', '2000', '/etc/init.d/perch', 'reload'],
    ];
    expect(await router.asked()).toEqual([...params(['PERCH_ADDRESS=:8080'], '/etc/perch/data', ''), ...triggers]);
    // Finished files are moved into the service's folder: an existing name there could be a link by then.
    const noting = 'chown() { echo "$*" >> /tmp/given; /bin/busybox chown "$@"; }\n';
    appendFileSync(join(router.root, 'lib/functions.sh'), noting);
    await router.run('rm -r /etc/perch && /etc/init.d/perch reload');
    expect(await router.run('cat /tmp/given')).toBe('root:perch /etc/perch\nperch:perch /etc/perch.yml.new\n');
    // An empty file of an interrupted start would leave Perch open to all; a full disk starts nothing.
    await router.run(
      ': > /etc/perch/perch.yml && /etc/init.d/perch reload && grep -q "^perch: own" /etc/perch/perch.yml',
    );
    expect(await router.run('ls /etc/rc.d; ls -ldn /etc/perch /etc/perch/perch.yml | cut -c1-10')).toBe(
      'K05perch\nS95perch\ndrwxrwx---\n-rw-rw----\n',
    );

    configure(router, ["\toption port ''", "\toption data '/mnt/sda1/perch'", "\toption recordings '/mnt/sda1/films'"]);
    await router.mountDisk();
    await router.run('ACTION=add sh /etc/hotplug.d/block/95-perch');
    const films = 'PERCH_PATHDEFAULTS_RECORDPATH=/mnt/sda1/films/%path/%Y-%m-%d_%H-%M-%S-%f';
    const asked = await router.asked();
    const device = asked.find(([, what]) => what === 'data')?.[2]?.replace('disk=', '') ?? '';
    expect(device).toMatch(/^\/dev\/loop\d+$/);
    expect(asked).toEqual([...params([films], '/mnt/sda1/perch', device), ...triggers]);
    expect(
      await router.run('ls -dn /mnt/sda1/perch /mnt/sda1/films; stat -c %u /mnt/sda1/perch /mnt/sda1/films'),
    ).toContain('65536\n65536\n');
    await router.unmountDisk();
    await router.run('ACTION=remove sh /etc/hotplug.d/mount/95-perch');
    expect(await router.asked()).toEqual([...params([films], '/mnt/sda1/perch', ''), ...triggers]);
    expect(await router.run('ls -A /mnt/sda1')).toBe('');

    configure(router, ["\toption enabled '0'"]);
    await router.run('/etc/init.d/perch reload');
    expect(await router.asked()).toEqual(triggers);
    configure(router, ["\toption data 'sda1'"]);
    expect((await router.attempt('/etc/init.d/perch restart')).output).not.toContain('open_instance');
    expect((await router.asked())[0]).toEqual(triggers[0]);
  });

  test('commands use the folder of the recordings that the service uses, and never record to the flash', async () => {
    const router = await install();
    await router.run('opkg install /tmp/perch-node_1.2.3_x86_64.ipk && opkg install /tmp/perch_1.2.3_all.ipk');
    await router.run("printf '#!/bin/sh\\nenv\\n' > /usr/lib/perch/node/bin/node");
    const given = async () => {
      const lines = (await router.run('perch reindex')).split('\n');
      return lines.filter((line) => line.startsWith('PERCH_')).sort();
    };
    expect(await given()).toEqual(['PERCH_COMMAND=perch', 'PERCH_RECORDNEEDSDISK=yes']);
    configure(router, ["\toption recordings '/mnt/sda1/films'"]);
    expect(await given()).toEqual([
      'PERCH_COMMAND=perch',
      'PERCH_PATHDEFAULTS_RECORDPATH=/mnt/sda1/films/%path/%Y-%m-%d_%H-%M-%S-%f',
      'PERCH_RECORDNEEDSDISK=yes',
    ]);
    configure(router, ["\toption recordings 'films'"]);
    expect(await given()).toEqual(['PERCH_COMMAND=perch', 'PERCH_RECORDNEEDSDISK=yes']);
  });

  test('perch status shows the end of the log, and the address of the last start, which LuCI links to', async () => {
    const router = await install();
    await router.run('opkg install /tmp/perch-node_1.2.3_x86_64.ipk && opkg install /tmp/perch_1.2.3_all.ipk');
    const status = async (lines: readonly string[]) => {
      const log = `logread() { printf '%s\\n' ${lines.join(' ')}; }\n`;
      appendFileSync(join(router.root, 'lib/functions/perch.sh'), log);
      return (await router.run('perch status')).trimEnd().split('\n');
    };
    const numbered = Array.from({ length: 12 }, (_, number) => `line${number}`);
    const at = (port: number) => `"Perch is at http://192.168.1.1:${port}/"`;
    expect(await status(['one', at(9000)])).toEqual(['Perch is running', 'one', at(9000).slice(1, -1)]);
    expect(await status([at(8999), at(9000), ...numbered])).toEqual([
      'Perch is running',
      at(9000).slice(1, -1),
      ...numbered.slice(2),
    ]);
    expect(await status(numbered)).toEqual(['Perch is running', ...numbered.slice(2)]);
  });

  test("the page is compressed at installation, and a removal keeps people's files", async () => {
    const router = await install();
    await router.run('opkg install /tmp/perch-node_1.2.3_x86_64.ipk && opkg install /tmp/perch_1.2.3_all.ipk');
    const page = '/usr/lib/perch/webui/dist';
    expect(await router.run(`zcat ${page}/*.js.gz | cmp - ${page}/main-3F2A9C1B.js; ls ${page}`)).toBe(
      'index.html\nmain-3F2A9C1B.js\nmain-3F2A9C1B.js.gz\n',
    );
    await router.run('opkg remove perch && opkg remove perch-node');
    expect(await router.run('find / -xdev -name "*perch*" | sort')).toBe(
      '/etc/config/perch\n/etc/perch\n/etc/perch/perch.yml\n',
    );
    expect((await router.attempt('ls /etc/rc.d/*')).code).not.toBe(0);
  });

  test('the limit of receive buffers is raised, never lowered, and its file goes with the package', async () => {
    const router = await install();
    await router.run('opkg install /tmp/perch-node_1.2.3_x86_64.ipk && opkg install /tmp/perch_1.2.3_all.ipk');
    const raise = (limit: number) =>
      router.run(
        `. /lib/functions/perch.sh; cat() { echo ${limit}; }; sysctl() { echo "sysctl $*" >&2; }; perch_raise_buffers 2>&1`,
      );
    expect(await raise(212_992)).toBe('sysctl -e -p /etc/sysctl.d/30-perch.conf\n');
    expect(await raise(4_194_304)).toBe('');
    expect(await raise(16_777_216)).toBe('');
    expect(await router.run('grep -v "^#" /etc/sysctl.d/30-perch.conf')).toBe('net.core.rmem_max = 4194304\n');
    await router.run('opkg remove perch && opkg remove perch-node');
    expect((await router.attempt('ls /etc/sysctl.d/30-perch.conf')).code).not.toBe(0);
  });

  test('the service names its dependency, and starts once that exists', async () => {
    const router = await install();
    await router.run('opkg install /tmp/perch-node_1.2.3_x86_64.ipk && opkg install /tmp/perch_1.2.3_all.ipk');
    await router.run('mv /usr/lib/perch/node /tmp/node');
    const first = await router.startAsked();
    await first.waitFor(/waiting: Node is missing: install perch-node/);
    await router.run('mv /tmp/node /usr/lib/perch/node');
    await first.waitFor(
      /node .*\/usr\/lib\/perch\/agent\/perch\.cjs --data \/etc\/perch\/data \/etc\/perch\/perch\.yml/,
    );
    expect(await first.exited).toBe(0);

    configure(router, ["\toption data '/mnt/sda1/perch'"]);
    await router.run('/etc/init.d/perch reload');
    // Mounted by hand, which procd does not notice.
    await router.mountDisk();
    const second = await router.startAsked();
    await second.waitFor(/waiting: \/mnt\/sda1\/perch does not exist: \/etc\/init.d\/perch reload creates it/);
    await router.run('/etc/init.d/perch reload && chown root:root /mnt/sda1/perch');
    await second.waitFor(/waiting: the user perch cannot write to \/mnt\/sda1\/perch: is the disk ext4/);
    await router.run('mv /usr/lib/perch /tmp/perch && ln -s /mnt/sda1/program /usr/lib/perch');
    await router.run('chown perch:perch /mnt/sda1/perch');
    await second.waitFor(/waiting: the disk with Perch's program is not mounted \(\/mnt\/sda1\/program\)/);
    await second.stop();
  });

  test('with little flash Node is installed on a disk, and its links go with the package', async () => {
    const router = await install();
    await router.mountDisk();
    await router.run('opkg install /tmp/perch-node_1.2.3_x86_64.ipk /mnt/sda1');
    expect(await router.run('readlink /usr/lib/perch/node; /usr/lib/perch/node/bin/node hello')).toBe(
      '/mnt/sda1/usr/lib/perch/node\nnode hello\n',
    );
    await router.run('PKG_ROOT=/mnt/sda1 /mnt/sda1/usr/lib/opkg/info/perch-node.prerm remove');
    expect((await router.attempt('ls /usr/lib/perch/node')).code).not.toBe(0);
    const other = readFileSync(await makeNodeIpk('arm64', RUNTIME, options()));
    writeFileSync(join(router.root, 'tmp/other.ipk'), other);
    expect(await router.attempt('opkg install /tmp/other.ipk')).toMatchObject({
      code: 1,
      output: expect.stringContaining('this package is for aarch64, this router is x86_64'),
    });
  });

  test('a program that moves from the flash to a disk says that its data are still in the flash', async () => {
    const router = await install(true);
    await router.run('cd /tmp && tar -xzf perch-openwrt-1.2.3-x86_64.tar.gz && mv perch-openwrt-1.2.3-x86_64 new');
    await router.mountDisk();
    const hint = 'Nothing is recorded without a disk: uci set perch.main.data=/mnt/sda1/perch/data;';
    expect(await router.run('/tmp/new/install.sh')).toContain(hint);
    expect(await router.run('/tmp/new/install.sh --to /mnt/sda1/perch')).toContain(hint);
    for (const [data, recordings] of [
      ['/etc/perch/data', '/mnt/sda1/films'],
      ['/mnt/sda1/perch/data', ''],
    ]) {
      configure(router, [`\toption data '${data}'`, `\toption recordings '${recordings}'`]);
      expect(await router.run('/tmp/new/install.sh')).not.toContain('Nothing is recorded');
    }
  });

  test('the archive installs onto a disk, reuses it the next time, survives a router upgrade, and can be removed', async () => {
    const router = await install(true);
    await router.run('cd /tmp && tar -xzf perch-openwrt-1.2.3-x86_64.tar.gz && mv perch-openwrt-1.2.3-x86_64 new');
    expect((await router.attempt('/tmp/new/install.sh --to /mnt/sda1/perch')).output).toContain(
      'no disk is mounted at /mnt/sda1/perch',
    );
    expect((await router.attempt('/tmp/new/install.sh --to /mnt/../tmp/x')).code).toBe(1);
    await router.attempt(
      'dd if=/dev/zero of=/full bs=1M count=$(($(df -kP / | tail -n 1 | tr -s " " | cut -d " " -f 4) / 1024 - 3))',
    );
    expect((await router.attempt('/tmp/new/install.sh')).output).toMatch(
      /\/usr\/lib\/perch needs \d+ MB and has \d: mount a USB disk or NVMe, then \.\/install\.sh --to/,
    );
    await router.run('rm /full');
    await router.mountDisk();
    await router.run('mkdir /mnt/sda1/films && chown 65536 /mnt/sda1/films');
    expect((await router.attempt('/tmp/new/install.sh --to /mnt/sda1/films')).output).toContain(
      '/mnt/sda1/films does not belong to root',
    );
    // Recordings that stay make no room for the program.
    await router.run('mkdir -p /mnt/sda1/perch/data && dd if=/dev/zero of=/mnt/sda1/perch/data/old bs=1M count=8');
    await router.attempt(
      'dd if=/dev/zero of=/mnt/sda1/full bs=1M count=$(($(df -kP /mnt/sda1 | tail -n 1 | tr -s " " | cut -d " " -f 4) / 1024 - 2))',
    );
    expect((await router.attempt('/tmp/new/install.sh --to /mnt/sda1/perch')).output).toMatch(
      /\/mnt\/sda1\/perch needs \d+ MB and has \d: mount/,
    );
    await router.run('rm -r /mnt/sda1/full /mnt/sda1/perch');
    expect(await router.run('/tmp/new/install.sh --to /mnt/sda1/perch')).toContain('port 8080');
    expect(await router.run('readlink /usr/lib/perch; ls /mnt/sda1/perch; grep "option data" /etc/config/perch')).toBe(
      "/mnt/sda1/perch\nagent\ndata\nnode\nrun\nwebui\n\toption data '/mnt/sda1/perch/data'\n",
    );
    // The service could replace the folder by a link, through which root would write at the next upgrade.
    expect((await router.attempt('/tmp/new/install.sh --to /mnt/sda1/films/new/program')).output).toContain(
      "/mnt/sda1/films belongs to Perch's service: take a folder that is not below it",
    );
    const kept = (await router.run('cat /lib/upgrade/keep.d/perch')).trimEnd().split('\n');
    expect(kept).toEqual(
      expect.arrayContaining(['/etc/perch/', '/usr/lib/perch', '/etc/init.d/perch', '/etc/rc.d/S95perch']),
    );
    await router.run(`ls -d ${kept.join(' ')}`);
    // Any user may have created files in /tmp.
    await router.run('mkdir /tmp/perch-config');
    await router.run('touch /mnt/sda1/perch/data/film; sed -i "s/8080/9090/" /etc/config/perch; /tmp/new/install.sh');
    expect(await router.run('readlink /usr/lib/perch; grep "option port" /etc/config/perch')).toBe(
      "/mnt/sda1/perch\n\toption port '9090'\n",
    );
    // An installation that ended early, as by a power cut, with the package's configuration in place.
    await router.run('mv /etc/config/perch /etc/perch-config.kept; cp /tmp/new/root/etc/config/perch /etc/config');
    await router.run('/tmp/new/install.sh');
    expect(await router.run('grep "option port" /etc/config/perch')).toBe("\toption port '9090'\n");
    await router.run('sh /usr/share/perch/uninstall.sh');
    expect(await router.run('find / -path /proc -prune -o -path /tmp -prune -o -name "*perch*" -print | sort')).toBe(
      '/etc/config/perch\n/etc/perch\n/etc/perch/perch.yml\n/mnt/sda1/perch\n',
    );
    expect(await router.run('ls /mnt/sda1/perch /mnt/sda1/perch/data')).toContain('film');
  });
});
