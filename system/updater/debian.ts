import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { copyFile, lstat, mkdir, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { dirname, join } from 'node:path';
import type { PackageName } from '../update/manifest.ts';
import { refusal } from '../update/reasons.ts';
import { tell } from './programs.ts';
import { recordingsIn } from './watch.ts';

const HEALTH_MS = 5_000;
const SERVICE = 'perch.service';
/** Folders whose file systems dpkg and the updater write to. Not all that are mounted: a disk of recordings may hang. */
const WRITTEN = ['/', '/usr', '/etc/systemd/system', '/var/lib/dpkg', '/var/lib/perch-update'];
/** Program of the image for the Raspberry Pi. */
const SYSTEM_PROGRAM = '/usr/sbin/perch-system';
/** Its exit codes: it has refused the update and reported that to the page; it is already running (packaging/image/root/usr/sbin/perch-system). */
export const SYSTEM_REFUSED = 3;
const SYSTEM_BUSY = 75;
const UNATTENDED = ['--force-confold', '--force-confdef', '--force-downgrade'];

/** The box that is updated: dpkg and systemd. */
export const debian = {
  architecture: async (): Promise<string> => (await tell('dpkg', ['--print-architecture'])).trim(),

  /** Undefined: not installed, or only partly. */
  versionOf: async (name: PackageName): Promise<string | undefined> => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg's own.
    const format = '${db:Status-Status} ${Version}';
    const said = await tell('dpkg-query', ['--show', `--showformat=${format}`, name]).catch(() => '');
    const [status, version] = said.split(' ');
    return status === 'installed' ? version : undefined;
  },

  /** False: dpkg could not run the packages' scripts and would leave them half installed. */
  canInstall: async (): Promise<boolean> =>
    mayRun((await tell('dpkg-query', ['--control-path', 'perch', 'postinst'])).trim()),

  mayRun,

  /** Whether a package is complete and readable: its parts have checksums. */
  isWhole: async (file: string): Promise<boolean> => {
    const reading = spawn('dpkg-deb', ['--fsys-tarfile', file], { stdio: 'ignore' });
    const [code] = await once(reading, 'close');
    return code === 0;
  },

  install: async (files: readonly string[], limitMs: number): Promise<void> => {
    await writable(() => tell('dpkg', [...UNATTENDED, '--install', ...files], limitMs));
  },

  /** Has the image's own program write a whole system, from an open file; it says its steps itself, and restarts the machine. */
  installSystem: async (update: number, id: string): Promise<void> => {
    const writing = spawn(SYSTEM_PROGRAM, ['install', '/proc/self/fd/3', id], {
      stdio: ['ignore', 'inherit', 'inherit', update],
    });
    const [code, signal] = await once(writing, 'close').catch((cause) => {
      const message = 'this is a whole system of the image, and this box has no second one';
      throw refusal('unsupported', message, 'noSecondSystem', cause);
    });
    if (code === SYSTEM_BUSY) {
      throw refusal('conflict', 'another update of the system is being installed', 'busy');
    }
    if (code !== 0 && code !== SYSTEM_REFUSED) {
      throw new Error(`the system was not written: ${SYSTEM_PROGRAM} ended with ${code ?? signal}`);
    }
  },

  /** A second system is being tried, or waits for its trial: the packages of either must stay as they are. */
  isOnTrial: async (): Promise<boolean> =>
    tell(SYSTEM_PROGRAM, ['on-trial']).then(
      () => true,
      () => false,
    ),

  configureAll: async (limitMs: number): Promise<void> => {
    await writable(() => tell('dpkg', [...UNATTENDED, '--configure', '--pending'], limitMs));
  },

  /** Builds a package from the installed files, if it was installed by hand and its file is missing. */
  repack: async (name: PackageName, file: string): Promise<void> => {
    const stage = `${file}.files`;
    await rm(stage, { recursive: true, force: true });
    await mkdir(join(stage, 'DEBIAN'), { recursive: true, mode: 0o755 });
    try {
      const listed = await tell('dpkg-query', ['--listfiles', name]);
      for (const path of listed.split('\n').filter((line) => line.startsWith('/') && line !== '/.')) {
        await copy(path, join(stage, path));
      }
      const scripts = (await tell('dpkg-query', ['--control-list', name])).split('\n').filter((line) => line !== '');
      for (const script of scripts) {
        const path = (await tell('dpkg-query', ['--control-path', name, script])).trim();
        await copyFile(path, join(stage, 'DEBIAN', script));
      }
      await writeFile(join(stage, 'DEBIAN/control'), controlOf(await tell('dpkg-query', ['--status', name])));
      await tell('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z1', '--build', stage, `${file}.new`]);
      // A file of this name counts as complete.
      await tell('sync', [`${file}.new`]);
      await tell('mv', [`${file}.new`, file]);
      await tell('sync', [dirname(file)]);
    } finally {
      await rm(stage, { recursive: true, force: true });
    }
  },

  /** The new version may not start at all: nothing waits for it here. */
  restart: async (): Promise<void> => {
    await tell('systemctl', ['daemon-reload']);
    await tell('systemctl', ['--no-block', 'restart', SERVICE]);
  },

  reload: async (): Promise<void> => {
    await tell('systemctl', ['daemon-reload']);
  },

  mainPid: async (): Promise<number> => {
    // If the check fails, the service counts as stopped.
    const said = await tell('systemctl', ['show', '--property=MainPID,ActiveState', SERVICE]).catch(() => '');
    return /^ActiveState=active$/m.test(said) ? Number(/^MainPID=(\d+)$/m.exec(said)?.[1] ?? 0) : 0;
  },

  isHealthy: async (host: string, port: number): Promise<boolean> => (await healthStatus(host, port)) === 200,
  isAnswering: async (host: string, port: number): Promise<boolean> => (await healthStatus(host, port)) !== undefined,

  recordings: recordingsIn,

  sync: async (): Promise<void> => {
    await tell('sync', ['--file-system', ...WRITTEN]);
  },
};

/** HTTP status, or undefined without an answer. */
const healthStatus = (host: string, port: number): Promise<number | undefined> =>
  new Promise((resolve) => {
    // Not `timeout`, which an answer that arrives byte by byte never reaches.
    const signal = AbortSignal.timeout(HEALTH_MS);
    const asked = get({ host, port, path: '/health', signal, agent: false }, (answer) => {
      answer.destroy();
      resolve(answer.statusCode);
    });
    asked.once('error', () => resolve(undefined));
    asked.once('close', () => resolve(undefined));
  });

export type Machine = typeof debian;

/** Control fields of a package, without dpkg's own of an installed one. */
function controlOf(status: string): string {
  const fields = status.trimEnd().split(/\n(?! )/);
  return `${fields.filter((field) => !/^(Status|Conffiles|Config-Version):/.test(field)).join('\n')}\n`;
}

/** Documentation may have been left out at installation. */
async function copy(from: string, to: string): Promise<void> {
  const status = await lstat(from).catch(() => undefined);
  if (status?.isDirectory()) {
    await mkdir(to, { recursive: true, mode: 0o755 });
  } else if (status?.isSymbolicLink()) {
    await symlink(await readlink(from), to);
  } else if (status) {
    await mkdir(dirname(to), { recursive: true, mode: 0o755 });
    await copyFile(from, to);
  }
}

/** A root that is mounted read-only is writable while dpkg works. */
export async function writable(work: () => Promise<unknown>, isReadOnly = !mayWrite('/usr/lib')): Promise<void> {
  if (isReadOnly) {
    await tell('mount', ['-o', 'remount,rw', '/']);
  }
  try {
    await work();
  } finally {
    if (isReadOnly) {
      await tell('sync', ['--file-system', '/', '/usr']);
      // While a replaced program runs (the Node of this one), the kernel refuses: then it happens at the next boot.
      await tell('mount', ['-o', 'remount,ro', '/']).catch(() => {});
    }
  }
}

/** False also on a file system mounted `noexec`: access(2) reports that to root, too. */
function mayRun(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function mayWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch (error) {
    return (error as { code?: string }).code !== 'EROFS';
  }
}
