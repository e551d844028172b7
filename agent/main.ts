import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import packageJson from '../package.json' with { type: 'json' };
import { saveMemory } from '../system/memory.ts';
import type { NetworkWatch } from '../system/network-watch.ts';
import type { ServiceManager } from '../system/service-manager.ts';
import type { App } from './app/app.ts';
import type { ReindexOptions } from './app/commands/reindex.ts';
import { explain, PerchError } from './base/errors.ts';

const USAGE = `usage: perch [--data DIR] [FILE.yml]    run Perch with this configuration file
       perch check FILE.yml             report problems in a configuration file
       perch reindex [--data DIR] [FILE.yml]
                                        read all recordings and rebuild their index
       perch restore-archive [--box ID] [--data DIR] [FILE.yml]
                                        learn what the archive has of a lost box: ID is its folder there
       perch import FOLDER --path NAME [--camera NAME] [--link | --move] [--data DIR] [FILE.yml]
                                        take recordings of MediaMTX, Frigate and others into those of a path, by the
                                        times in their names: --camera is Frigate's name, --link saves room where
                                        files are taken unchanged, --move deletes recordings once
                                        their copies have the same bytes, as for another disk
       perch explain USER ACTION PATH [--ip IP] [--data DIR] [FILE.yml]
                                        explain whether a request is permitted: ACTION is read, publish, playback, api,
                                        metrics, pprof or admin (the page); USER - is anonymous, default IP 127.0.0.1
       perch update [--install] [--data DIR] [FILE.yml]
                                        look for an update at updateAddress; --install installs it
       perch claim [--data DIR]         set the owner's password on a box without an owner
       perch claim --link [--data DIR]  show the link that does the same in a browser
       perch reset-password [--data DIR]
                                        remove the owner's password and second factor, if one is lost: all users are
                                        logged out, and the box has no owner until it is claimed; viewers, links,
                                        cameras and recordings stay
       perch archive-key [--data DIR]   show the key that the archive is encrypted with, and earlier ones
       perch --version | --help

DIR is the data folder (recordings, users, index). Default: ./perch-data`;

/** Commands of /usr/bin/perch in the packages, which may control services. */
const OF_PACKAGES: readonly (string | undefined)[] = ['doctor', 'logs', 'restart', 'status'];

/** With a configuration file. */
const COMMANDS: readonly (string | undefined)[] = ['check', 'update', 'reindex', 'restore-archive', 'reset-password'];

/** A retry may succeed (EX_TEMPFAIL of sysexits.h). */
const TEMPORARY_CODE = 75;
/** Each time costs about a millisecond, most of it for pages that are used again. */
const RELEASE_MS = 30_000;
/** The supervisor restarts Perch after this exit code. */
const RESTART_CODE = 85;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      data: { type: 'string' },
      ip: { type: 'string' },
      box: { type: 'string' },
      link: { type: 'boolean' },
      move: { type: 'boolean' },
      path: { type: 'string' },
      camera: { type: 'string' },
      install: { type: 'boolean' },
      version: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help || values.version) {
    console.log(values.help ? USAGE : packageJson.version);
    return 0;
  }
  const [first, second, ...more] = positionals;
  if (first === 'explain') {
    return explainRequest(positionals.slice(1), values.ip ?? '127.0.0.1', values.data ?? 'perch-data');
  }
  if (values.ip !== undefined) {
    throw new PerchError('badInput', `--ip is for perch explain\n${USAGE}`);
  }
  if (first === 'import') {
    return importFolder(positionals.slice(1), values);
  }
  if (values.path !== undefined || values.camera !== undefined || values.move) {
    throw new PerchError('badInput', `--path, --camera and --move are for perch import\n${USAGE}`);
  }
  if (values.link && first !== 'claim') {
    throw new PerchError('badInput', `--link is for perch claim and perch import\n${USAGE}`);
  }
  if (values.install && first !== 'update') {
    throw new PerchError('badInput', `--install is for perch update\n${USAGE}`);
  }
  if (values.box !== undefined && first !== 'restore-archive') {
    throw new PerchError('badInput', `--box is for perch restore-archive\n${USAGE}`);
  }
  const isCommand = COMMANDS.includes(first);
  if (more.length > 0 || (second !== undefined && !isCommand)) {
    throw new PerchError('badInput', `more than one configuration file\n${USAGE}`);
  }
  if (OF_PACKAGES.includes(first) && !existsSync(first ?? '')) {
    const text = `perch ${first} works only where Perch was installed as a package: see Settings, System on its page instead`;
    throw new PerchError('unsupported', text);
  }
  if (first === 'check') {
    return check(second);
  }
  if (first === 'update') {
    return update(values.data ?? 'perch-data', second, values.install === true);
  }
  if (first === 'claim' && second === undefined) {
    return claim(values.data ?? 'perch-data', values.link === true);
  }
  if (first === 'reset-password' && second === undefined) {
    return resetPassword(values.data ?? 'perch-data');
  }
  if (first === 'archive-key' && second === undefined) {
    return showArchiveKeys(values.data ?? 'perch-data');
  }
  if (first === 'reindex') {
    return makeIndex(values.data ?? 'perch-data', second);
  }
  if (first === 'restore-archive') {
    return restoreArchive(values.data ?? 'perch-data', second, values.box);
  }
  return run(values.data ?? 'perch-data', first);
}

async function explainRequest(words: readonly string[], ip: string, data: string): Promise<number> {
  const { explainAccess } = await import('./app/commands/explain-access.ts');
  const cwd = process.cwd();
  const { lines, allowed } = await explainAccess({ words, ip, dataDir: resolve(data), cwd, env: process.env });
  console.log(lines.join('\n'));
  return allowed === false ? 1 : 0;
}

async function makeIndex(data: string, file: string | undefined): Promise<number> {
  needsFile(file);
  const { reindex } = await import('./app/commands/reindex.ts');
  await reindex(commandOptions(data, file));
  return 0;
}

async function restoreArchive(data: string, file: string | undefined, box: string | undefined): Promise<number> {
  needsFile(file);
  const { restoreArchive: restore } = await import('./app/commands/restore-archive.ts');
  await restore({ ...commandOptions(data, file), box });
  return 0;
}

interface ImportValues {
  readonly path?: string;
  readonly camera?: string;
  readonly link?: boolean;
  readonly move?: boolean;
  readonly data?: string;
}

async function importFolder(words: readonly string[], values: ImportValues): Promise<number> {
  const [folder, file, ...more] = words;
  const { path, camera, link: isLinked = false, move: isMoved = false, data = 'perch-data' } = values;
  if (folder === undefined || path === undefined || more.length > 0 || (isLinked && isMoved)) {
    throw new PerchError(
      'badInput',
      `perch import needs FOLDER and --path NAME, and takes one of --link and --move\n${USAGE}`,
    );
  }
  needsFile(file);
  const [{ importRecordings }, { becomeOwnerOf }] = await Promise.all([
    import('./app/commands/import-command.ts'),
    import('../system/data-folder.ts'),
  ]);
  becomeOwnerOf(resolve(data));
  const isGood = await importRecordings({ ...commandOptions(data, file), folder, path, camera, isLinked, isMoved });
  return isGood ? 0 : 1;
}

function commandOptions(data: string, file: string | undefined): ReindexOptions {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  return {
    data,
    ...(file === undefined ? {} : { file }),
    cwd: process.cwd(),
    env: process.env,
    signal: stop.signal,
    write: (text) => process.stdout.write(text),
    isTerminal: process.stdout.isTTY === true,
  };
}

function needsFile(file: string | undefined): void {
  if (file !== undefined && !existsSync(file)) {
    throw new PerchError('notFound', `the configuration file ${file} does not exist`);
  }
}

async function check(file: string | undefined): Promise<number> {
  if (file === undefined) {
    throw new PerchError('badInput', `FILE.yml is missing\n${USAGE}`);
  }
  const { checkFile } = await import('./config/load/check-files.ts');
  const { lines, isUsable } = await checkFile(resolve(file), process.env);
  console.log(lines.length > 0 ? lines.join('\n') : `${file}: no problems found`);
  return isUsable ? 0 : 1;
}

async function update(data: string, file: string | undefined, isInstall: boolean): Promise<number> {
  needsFile(file);
  const [{ becomeOwnerOf }, { updateHere }, { systemClock }] = await Promise.all([
    import('../system/data-folder.ts'),
    import('./app/commands/update-command.ts'),
    import('./base/clock.ts'),
  ]);
  const dataDir = resolve(data);
  becomeOwnerOf(dataDir);
  await updateHere({
    version: packageJson.version,
    dataDir,
    file,
    isInstall,
    clock: systemClock,
    cwd: process.cwd(),
    env: process.env,
    write: console.log,
  });
  return 0;
}

async function claim(data: string, isLink: boolean): Promise<number> {
  const [{ becomeOwnerOf }, { claimHere, linkHere, needsNoOwner }, { askNewPassword }, { systemClock }] =
    await Promise.all([
      import('../system/data-folder.ts'),
      import('./app/commands/claim-command.ts'),
      import('./app/commands/ask-password.ts'),
      import('./base/clock.ts'),
    ]);
  const folder = resolve(data);
  becomeOwnerOf(folder);
  if (isLink) {
    console.log((await linkHere(folder)).join('\n'));
    return 0;
  }
  await needsNoOwner(folder);
  const password = await askNewPassword(process.stdin, (text) => process.stderr.write(text));
  try {
    await claimHere(folder, password, systemClock);
  } catch (error) {
    if (!(error instanceof PerchError && error.code === 'unavailable')) {
      throw error;
    }
    console.error(`Perch: ${explain(error)}`);
    return TEMPORARY_CODE;
  }
  console.log('Password set. Log in as owner');
  return 0;
}

async function resetPassword(data: string): Promise<number> {
  if (!existsSync(data)) {
    throw new PerchError('notFound', `the data folder ${resolve(data)} does not exist: set it with --data DIR`);
  }
  const [{ becomeOwnerOf, holdDataFolder }, { forgetOwner }] = await Promise.all([
    import('../system/data-folder.ts'),
    import('./auth/accounts/people.ts'),
  ]);
  becomeOwnerOf(resolve(data));
  // A running Perch would not notice.
  const folder = holdDataFolder(data);
  const isForgotten = await forgetOwner(folder.path).finally(() => folder.release());
  console.log(
    isForgotten
      ? 'Password and second factor removed, all users logged out. Set a new password with perch claim'
      : 'This box has no owner. Set a password with perch claim',
  );
  return 0;
}

async function showArchiveKeys(data: string): Promise<number> {
  const [{ becomeOwnerOf }, { archiveKeysHere }] = await Promise.all([
    import('../system/data-folder.ts'),
    import('./app/archive/archive-keys.ts'),
  ]);
  const folder = resolve(data);
  becomeOwnerOf(folder);
  console.log((await archiveKeysHere(folder)).join('\n'));
  return 0;
}

/** Loaded only here: commands such as `perch check` do not need it. */
const loadProgram = () =>
  Promise.all([
    import('../system/data-folder.ts'),
    import('../system/service-manager.ts'),
    import('./app/app.ts'),
    import('./base/clock.ts'),
    import('./base/log.ts'),
    import('./base/log-lines.ts'),
    import('./base/log-output.ts'),
    import('../system/network-watch.ts'),
    import('./app/commands/uncaught-exceptions.ts'),
  ]);

async function run(data: string, file: string | undefined): Promise<number> {
  saveMemory();
  const [
    { holdDataFolder },
    { findServiceManager },
    { App },
    { systemClock },
    { createLogger },
    { LogLines },
    { LogOutput },
    { NetworkWatch },
    { UncaughtExceptions },
  ] = await loadProgram();
  // The reader of the output may end first, as in `perch | tee log` at Ctrl-C.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  needsFile(file);
  const folder = holdDataFolder(data);
  const manager = findServiceManager(process.env);
  const ended = whenAsked();
  const { promise: restarting, resolve: restart } = Promise.withResolvers<'restart'>();
  let reload = async () => {};
  process.on('SIGHUP', () => void reload());
  const lines = new LogLines(systemClock);
  const stdout = (text: string) => process.stdout.write(text);
  const output = new LogOutput({ stdout, cwd: process.cwd(), clock: systemClock });
  const log = createLogger('info', (line) => {
    output.write(line);
    lines.add(line);
  });
  let running: App | undefined;
  const exceptions = new UncaughtExceptions({
    dataDir: folder.path,
    clock: systemClock,
    log,
    finish: async () => running && finishRecordings(running),
    exit: (code) => void output.close().then(() => process.exit(code)),
  });
  // Unhandled rejections, too.
  process.on('uncaughtException', (error, origin) => exceptions.take(error, origin));
  await exceptions.begin(ended);
  const network = new NetworkWatch(systemClock);
  const app = await App.start({
    version: packageJson.version,
    dataDir: folder.path,
    ...(file === undefined ? {} : { file }),
    cwd: process.cwd(),
    env: process.env,
    output,
    pageFolder: join(import.meta.dirname, '../webui/dist'),
    clock: systemClock,
    network,
    // Only simulated cameras use loopback.
    discovery: { includeLoopback: process.env['PERCH_LOOPBACK_CAMERAS'] === 'yes' },
    onName: (address) => console.log(`Also in this network: ${address}`),
    log,
    lines,
    ...(isSupervised() ? { restart: () => restart('restart') } : {}),
  });
  running = app;
  await announce(app, network);
  reload = () => app.reload();
  manager.ready(`Perch ${packageJson.version}`);
  await reportToWatchers(app, manager);
  void releaseUnusedMemory();
  const cause = await Promise.race([ended, restarting]);
  manager.stopping();
  await app.close();
  await exceptions.ended();
  folder.release();
  await output.close();
  return cause === 'restart' ? RESTART_CODE : 0;
}

/** Otherwise Perch would exit instead of restarting. */
const isSupervised = (): boolean =>
  process.env['PERCH_RESTART_CODE'] === String(RESTART_CODE) || process.env['INVOCATION_ID'] !== undefined;

/** After an uncaught exception; the end of the process does the rest. */
async function finishRecordings({ vitals }: App): Promise<void> {
  const finished = vitals.recordings.recorders.finishFiles();
  // Frees the only connection of some cameras, without waiting for their answers.
  vitals.paths.close().catch(() => {});
  await finished;
}

/** Reports to systemd and `perch doctor`. */
async function reportToWatchers(app: App, manager: ServiceManager): Promise<void> {
  const [{ feedWatchdog }, { systemClock }, { keepReport }, { nativeStatus }] = await Promise.all([
    import('../system/service-manager.ts'),
    import('./base/clock.ts'),
    import('./app/commands/doctor.ts'),
    import('./native/native.ts'),
  ]);
  feedWatchdog(manager, systemClock.every, () => app.vitals.recordings.deadRecorders.length === 0);
  // Created by systemd (`RuntimeDirectory=`).
  const folder = process.env['RUNTIME_DIRECTORY'];
  if (folder !== undefined) {
    const facts = () => {
      const { port, paths, recordings } = app.vitals;
      const disks = recordings.space.list();
      return {
        port,
        paths: paths.list(),
        disks,
        isClockTrusted: recordings.isClockTrusted,
        isClaimed: app.accounts.owner !== undefined,
        fingerprint: app.fingerprint,
        native: nativeStatus(),
      };
    };
    keepReport(folder, facts, systemClock);
  }
}

/** Most of the pages of Node's program, and much of `malloc`'s heap, are used only at the start and by V8's compilers. */
async function releaseUnusedMemory(): Promise<void> {
  const [{ UnusedMemory }, { systemClock }] = await Promise.all([
    import('./native/unused-memory.ts'),
    import('./base/clock.ts'),
  ]);
  // Fails with another Node or system.
  const memory = await UnusedMemory.open().catch(() => undefined);
  if (memory) {
    systemClock.every(RELEASE_MS, () => memory.release());
  }
}

/** Prints the addresses now, and when the machine's addresses change. */
async function announce(app: App, network: NetworkWatch): Promise<void> {
  const said = new Set<string>();
  await sayAddresses(app, said);
  network.onChange(() => void sayAddresses(app, said));
}

/** @param said printed before */
async function sayAddresses(app: App, said: Set<string>): Promise<void> {
  const { startNotice } = await import('./app/start-notice.ts');
  const texts = await startNotice(app, process.stdout.isTTY === true);
  for (const text of texts.filter((one) => !said.has(one))) {
    console.log(text);
  }
  said.clear();
  for (const text of texts) {
    said.add(text);
  }
}

/** Resolves at the first SIGINT or SIGTERM. The terminal and npm both send Ctrl-C: only a later signal exits at once. */
function whenAsked(): Promise<void> {
  return new Promise((resolve) => {
    let firstMs: number | undefined;
    const onSignal = () => {
      const nowMs = performance.now();
      if (firstMs !== undefined && nowMs - firstMs > 1_000) {
        process.exit(130);
      }
      firstMs ??= nowMs;
      resolve();
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
}

// Not awaited: bundled as CommonJS, which has no top-level await.
main().then(
  // A leftover socket may keep the event loop alive.
  (code) => process.exit(code),
  (error: unknown) => {
    if (!(error instanceof PerchError) && (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') !== true) {
      throw error;
    }
    console.error(`Perch: ${explain(error)}`);
    process.exit(1);
  },
);
