import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { call } from '../call.ts';
import { cached } from './extract.ts';
import { withArm64 } from './tools.ts';

const HERE = import.meta.dirname;

/** All packages in addition to Debian's minimum. */
const PACKAGES = [
  ...['linux-image-arm64', 'firmware-brcm80211', 'wireless-regdb', 'wpasupplicant'],
  ...['systemd-sysv', 'systemd-resolved', 'systemd-timesyncd', 'udev', 'dbus', 'netbase', 'iproute2'],
  ...['e2fsprogs', 'dosfstools', 'fdisk', 'busybox-static', 'openssh-server', 'tzdata'],
  ...['libatomic1', 'libstdc++6'],
  // The access point's addresses and names, and the firewalls; the network for cameras has busybox's DHCP client.
  ...['dnsmasq-base', 'nftables'],
  // Phones away from home.
  'wireguard-tools',
  // The health of drives.
  'smartmontools',
];

/** Id of Perch's user and group. Debian's packages take theirs from 999 downwards. */
const PERCH_ID = 900;

/** Documentation and translations of Debian packages. */
const LEFT_OUT = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*', '/usr/share/info/*'];

interface RootOptions {
  readonly suite: string;
  readonly packages: readonly string[];
  readonly say: (text: string) => void;
}

/** Builds the root file system in an empty folder: Debian, Perch's packages, and the files of `root/`. */
export async function makeRoot(folder: string, { suite, packages, say }: RootOptions): Promise<void> {
  const archive = await debianArchive(suite, say);
  say('unpacking Debian');
  await call('tar', ['-xf', archive, '-C', folder, '--numeric-owner']);
  // The same id in every system, so that files on the data partition keep their owner.
  await call('systemd-sysusers', ['--root', folder, '--inline', `u perch ${PERCH_ID} "Perch" /var/lib/perch`]);
  say("installing Perch's packages");
  for (const file of packages) {
    await cp(file, join(folder, 'tmp', 'perch.deb'));
    await withArm64(() => installPackage(folder, '/tmp/perch.deb'));
    await rm(join(folder, 'tmp', 'perch.deb'));
  }
  await layFiles(folder);
  await settle(folder);
}

/** Installs in separate namespaces: the package's scripts look for the owner of port 80, and no mount remains. */
export async function installPackage(folder: string, file: string): Promise<void> {
  const inside = 'mount -t proc proc "$1/proc" && exec chroot "$1" dpkg --install "$2"';
  await call(
    'unshare',
    ['--mount', '--net', '--pid', '--fork', '--kill-child', 'sh', '-c', inside, 'install', folder, file],
    {
      env: { DEBIAN_FRONTEND: 'noninteractive', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      // The first process of a PID namespace ignores other signals.
      endedBy: 'SIGKILL',
    },
  );
}

/** Debian without Perch, cached because it takes minutes. @returns a tar file */
async function debianArchive(suite: string, say: (text: string) => void): Promise<string> {
  const contents = JSON.stringify([suite, PACKAGES, LEFT_OUT]);
  const key = createHash('sha256').update(contents).digest('hex').slice(0, 12);
  return cached(`debian-${suite}-${key}.tar`, (made) => {
    say(`downloading and unpacking Debian ${suite} for arm64: takes about ten minutes`);
    const parameters = [
      ...['--mode=root', '--format=tar', '--architectures=arm64', '--variant=minbase'],
      '--components=main,non-free-firmware',
      '--aptopt=Apt::Install-Recommends "false"',
      ...LEFT_OUT.map((path) => `--dpkgopt=path-exclude=${path}`),
      '--dpkgopt=path-include=/usr/share/doc/*/copyright',
      `--include=${PACKAGES.join(',')}`,
      suite,
      made,
    ];
    // Debian's initramfs takes longer than all the rest; initramfs.ts builds ours.
    return withArm64(() => call('mmdebstrap', parameters, { env: { INITRD: 'No' } }));
  });
}

async function layFiles(folder: string): Promise<void> {
  await cp(join(HERE, 'root'), folder, { recursive: true });
  await cp(join(HERE, 'perch-setup.txt'), join(folder, 'usr/lib/perch-image/perch-setup.txt'));
  for (const name of PROGRAMS) {
    await writeFile(join(folder, 'usr/lib/perch-image', `${name}.cjs`), await programOf(name));
  }
  const kept = await readFile(join(HERE, 'root/usr/lib/perch-image/kept'), 'utf8');
  for (const path of [...kept.trim().split('\n'), '/data', '/boot/firmware']) {
    await mkdir(join(folder, path), { recursive: true });
  }
}

/** Programs of the image, by the folder of their `main.ts`. */
const PROGRAMS = ['setup', 'system', 'wifi'] as const;

/** A program in one file, for the Node of Perch's packages. */
export async function programOf(name: (typeof PROGRAMS)[number]): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [join(HERE, name, 'main.ts')],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node22.13',
    write: false,
  });
  return outputFiles[0]?.contents ?? new Uint8Array();
}

const UNITS = {
  enable: [
    ...['perch-firstboot', 'perch-owner', 'perch-system', 'perch-screen.service', 'perch-screen.path'],
    ...['systemd-networkd', 'systemd-resolved', 'systemd-timesyncd', 'ssh'],
  ],
  // Debian's updates, services that could not write (perch-firstboot creates the keys of ssh), and what Perch does itself.
  mask: [
    ...['apt-daily.timer', 'apt-daily-upgrade.timer', 'dpkg-db-backup.timer'],
    ...['e2scrub_all.timer', 'e2scrub_reap.service'],
    ...['sshd-keygen.service', 'wpa_supplicant.service', 'smartmontools.service'],
  ],
};

/** Removes identities of a machine and files needed only during the build. */
async function settle(folder: string): Promise<void> {
  // SysV scripts would be enabled by an arm64 program of the root.
  await call('systemctl', ['--root', folder, 'enable', ...UNITS.enable], { env: { SYSTEMCTL_SKIP_SYSV: '1' } });
  await call('systemctl', ['--root', folder, 'mask', ...UNITS.mask]);
  // Masks systemd-ssh-generator, which prints at each boot that this is not a virtual machine.
  await mkdir(join(folder, 'etc/systemd/system-generators'), { recursive: true });
  await symlink('/dev/null', join(folder, 'etc/systemd/system-generators/systemd-ssh-generator'));
  await writeFile(join(folder, 'etc/machine-id'), '');
  await replaceByLink(join(folder, 'var/lib/dbus/machine-id'), '/etc/machine-id');
  for (const name of ['random-seed', 'credential.secret']) {
    await rm(join(folder, 'var/lib/systemd', name), { force: true });
  }
  await replaceByLink(join(folder, 'etc/localtime'), '/var/lib/perch-image/localtime');
  await symlink('/usr/share/zoneinfo/Etc/UTC', join(folder, 'var/lib/perch-image/localtime'));
  await replaceByLink(join(folder, 'etc/resolv.conf'), '/run/systemd/resolve/stub-resolv.conf');
  await mkdir(join(folder, 'etc/issue.d'), { recursive: true });
  await symlink('/run/perch-image/screen.issue', join(folder, 'etc/issue.d/perch.issue'));
  await symlink('/run/perch-wifi/screen.issue', join(folder, 'etc/issue.d/perch-wifi.issue'));
  // With it Perch sets a battery-backed clock; Debian's is in a separate package.
  await symlink('/usr/bin/busybox', join(folder, 'usr/sbin/hwclock'));
  for (const name of await readdir(join(folder, 'etc/ssh'))) {
    if (name.startsWith('ssh_host_')) {
      await rm(join(folder, 'etc/ssh', name));
    }
  }
  for (const path of ['var/lib/apt/lists', 'var/cache/apt', 'var/log', 'tmp', 'var/tmp']) {
    await rm(join(folder, path), { recursive: true, force: true });
  }
  for (const path of ['var/log', 'tmp', 'var/tmp', 'var/cache/apt/archives/partial', 'var/lib/apt/lists/partial']) {
    await mkdir(join(folder, path), { recursive: true });
  }
}

async function replaceByLink(path: string, target: string): Promise<void> {
  await rm(path, { force: true });
  await symlink(target, path);
}
