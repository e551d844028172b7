import { globSync } from 'node:fs';
import { chmod, chown, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { call } from '../call.ts';
import { type Architecture, type DebOptions, SUITE, source } from '../debian.ts';
import { inTemporaryFolder } from '../stage.ts';

/** Programs that build containers, and their Debian packages. */
export const CONTAINER_TOOLS = { buildah: 'buildah', mmdebstrap: 'mmdebstrap', gzip: 'gzip' } as const;

/** User and group of Perch in the container: the owner of files in volumes. */
const USER_ID = 10_000;
/** What Node needs, a shell, and the names of protocols and time zones. */
const PACKAGES = 'base-files busybox-static libatomic1 libc6 libgcc-s1 libstdc++6 netbase tzdata';
/** BusyBox's programs by name: those of `start`, `healthy` and `run`, and those that hooks need most. */
const PROGRAMS =
  'awk cat chmod chown cp cut date df echo env find grep gzip head id kill ln ls mkdir mktemp mv nc ping ps rm sed sh sleep sort ' +
  'stat su sync tail tar tee touch tr wc wget xargs';
/** Parts of packages that nothing in a container uses: apt, documents, systemd's units and the updater. */
const LEFT_OUT = [
  'boot dev home var/cache/apt var/lib/apt etc/{apt,hostname,resolv.conf,systemd,update-motd.d} usr/{games,include} usr/{bin/debconf*,bin/mawk,sbin/dpkg-*}',
  'usr/share/{bash-completion,debconf,info,initramfs-tools,lintian,locale,man,perch,perl5}',
  'usr/lib/{systemd,sysusers.d,tmpfiles.d} usr/lib/perch/{host,update}',
].flatMap((line) => line.split(' '));
/** Packages that others depend on for their scripts only. */
const UNUSED = ['debconf', 'mawk'];
/** The state of each package, where scanners look for it in images without dpkg. */
const STATES = 'var/lib/dpkg/status.d';

interface Container {
  /** `perch-container_VERSION_ARCHITECTURE.tar.gz`, for `docker load`. */
  readonly file: string;
  /** Debian's control data of each package, Perch's included. */
  readonly packages: readonly string[];
}

/** @param debs perch and perch-node of this architecture */
export function makeContainer(
  architecture: Architecture,
  debs: readonly string[],
  options: DebOptions,
): Promise<Container> {
  return inTemporaryFolder(async (folder) => {
    const root = join(folder, 'root');
    await unpack(root, architecture, debs);
    await furnish(root);
    const states = await readdir(join(root, STATES));
    const packages = await Promise.all(states.sort().map((name) => readFile(join(root, STATES, name), 'utf8')));
    // The same sources give the same layer.
    await call('find', [root, '-exec', 'touch', '--no-dereference', `--date=@${options.time}`, '{}', '+']);
    return { file: await pack(root, architecture, options, folder), packages };
  });
}

/** Only unpacks: no script of a package runs, so any machine builds any architecture. */
async function unpack(root: string, architecture: Architecture, debs: readonly string[]): Promise<void> {
  const note = `mkdir -p "$1/${STATES}"; for deb in "$1"/var/cache/apt/archives/*.deb; do
    dpkg-deb --field "$deb" > "$1/${STATES}/$(dpkg-deb --field "$deb" Package)"; done`;
  await call('mmdebstrap', [
    ...['--mode=root', '--format=directory', '--variant=extract', `--architectures=${architecture}`],
    ...['--aptopt=Apt::Install-Recommends "false"', `--include=${PACKAGES.replaceAll(' ', ',')}`],
    ...[`--extract-hook=${note}`, SUITE, root],
  ]);
  for (const deb of debs) {
    await call('dpkg-deb', ['--extract', deb, root]);
    const control = await call('dpkg-deb', ['--field', deb]);
    await writeFile(join(root, STATES, /^Package: (.+)$/m.exec(control)?.[1] ?? ''), control);
  }
}

async function furnish(root: string): Promise<void> {
  const unused = UNUSED.map((name) => `${STATES}/${name}`);
  for (const path of globSync([...LEFT_OUT, ...unused], { cwd: root })) {
    await rm(join(root, path), { recursive: true, force: true });
  }
  await keepLicences(join(root, 'usr/share/doc'));
  for (const name of PROGRAMS.split(' ')) {
    await rm(join(root, 'usr/bin', name), { force: true });
    await symlink('busybox', join(root, 'usr/bin', name));
  }
  const page = join(root, 'usr/lib/perch/webui/dist');
  for (const name of (await readdir(page)).filter((one) => /\.(?:js|css)$/.test(one))) {
    await writeFile(join(page, `${name}.gz`), gzipSync(await readFile(join(page, name)), { level: 9 }));
  }
  const programs = 'usr/lib/perch/container';
  for (const folder of [programs, 'usr/share/perch', 'media', 'data', 'dev', 'proc', 'sys', 'run', 'tmp']) {
    await mkdir(join(root, folder), { recursive: true });
  }
  for (const name of ['start', 'healthy']) {
    await write(join(root, programs, name), await source(`container/${name}`), 0o755);
  }
  await rm(join(root, 'usr/bin/perch'));
  await write(join(root, 'usr/bin/perch'), await source('container/perch.cli'), 0o755);
  await write(join(root, 'usr/share/perch/perch.yml'), await source('container/perch.yml'), 0o644);
  await write(join(root, 'usr/share/perch/home-assistant.yml'), await source('home-assistant/perch.yml'), 0o644);
  // A new volume takes its owner from here.
  await chown(join(root, 'data'), USER_ID, USER_ID);
  const name = `perch:x:${USER_ID}:`;
  await write(join(root, 'etc/passwd'), `root:x:0:0::/:/bin/sh\n${name}${USER_ID}::/data:/bin/sh\n`, 0o644);
  await write(join(root, 'etc/group'), `root:x:0:\n${name}\n`, 0o644);
}

async function write(file: string, content: Uint8Array | string, mode: number): Promise<void> {
  await writeFile(file, content);
  await chmod(file, mode);
}

async function keepLicences(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const { parentPath, name } of entries.filter((entry) => entry.isFile())) {
    if (name !== 'copyright' && !name.startsWith('LICENSE')) {
      await rm(join(parentPath, name), { force: true });
    }
  }
}

/** Uses a separate store: buildah's usual one keeps every image ever built. */
async function pack(
  root: string,
  architecture: Architecture,
  { version, time, folder, packing }: DebOptions,
  temporary: string,
): Promise<string> {
  const store = ['--storage-driver', 'vfs', '--root', join(temporary, 'store'), '--runroot', join(temporary, 'run')];
  const buildah = (...words: readonly string[]) => call('buildah', [...store, ...words]);
  const container = (await buildah('from', '--arch', architecture, 'scratch')).trim();
  // If buildah adds a folder, it makes root the owner of every file.
  const files = join(temporary, 'root.tar');
  await call('tar', ['--create', '--file', files, '--directory', root, '--numeric-owner', '--sort=name', '.']);
  await buildah('add', '--quiet', container, files, '/');
  await buildah('config', ...SETTINGS, '--label', `org.opencontainers.image.version=${version}`, container);
  const plain = join(temporary, 'container.tar');
  const name = `localhost/perch:${version.replace('~', '-')}`;
  await buildah(...['commit', '--quiet', '--format', 'docker', '--timestamp', String(time)], container, name);
  await buildah('push', '--quiet', name, `docker-archive:${plain}:${name}`);
  const file = join(folder, `perch-container_${version}_${architecture}.tar.gz`);
  const level = packing === 'small' ? '-9' : '-1';
  await call('sh', ['-c', 'exec gzip --no-name "$1" < "$2" > "$3"', 'pack', level, plain, file]);
  return file;
}

const SETTINGS = [
  ...['--user', `${USER_ID}:${USER_ID}`, '--workingdir', '/data', '--port', '8080', '--stop-signal', 'SIGTERM'],
  ...['--entrypoint', '["/usr/lib/perch/container/start"]'],
  ...['--env', 'PATH=/usr/bin:/bin', '--env', 'NODE_ENV=production', '--env', 'NODE_COMPILE_CACHE=/data/compiled'],
  ...['--env', 'PERCH_RESTART_CODE=85', '--healthcheck', 'CMD /usr/lib/perch/container/healthy'],
  ...['--healthcheck-interval', '30s', '--healthcheck-timeout', '10s', '--healthcheck-start-period', '60s'],
  ...['--label', 'org.opencontainers.image.title=Perch', '--label', 'org.opencontainers.image.licenses=MIT'],
];
