import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import packageJson from '../package.json' with { type: 'json' };
import { keepCompiledCode } from '../system/compiled-code.ts';
import { saveMemory } from '../system/memory.ts';
import type { NetworkWatch } from '../system/network-watch.ts';
import type { ServiceManager } from '../system/service-manager.ts';
import type { App } from './app/app.ts';
import { explain, PerchError } from './base/errors.ts';
import type { Logger } from './base/log.ts';
import { DEFAULT_DATA, type OwnCommand, ownCommand } from './base/own-command.ts';
import { leave, leaveWritten } from './native/leave.ts';
import { onStopSignal } from './native/stop-signal.ts';

/** Interval of `memory.releaseProgram()`. A call costs about a millisecond, most of it for pages that are used again. */
const RELEASE_PROGRAM_MS = 3_000;
/** Interval of `memory.releaseHeap()`. V8's compilers leave some megabytes of free blocks in so much time while cameras are watched. */
const RELEASE_HEAP_MS = 10_000;
/** How long a stop waits for the end of a start: systemd and procd kill Perch 20 s after SIGTERM, Docker after 10. */
const START_PATIENCE_MS = 5_000;
/** The supervisor restarts Perch after this exit code. */
const RESTART_CODE = 85;
/** Shells report it for a program that SIGPIPE has ended. Node ignores that signal. */
const BROKEN_PIPE_CODE = 141;
/** EX_IOERR of sysexits.h. */
const OUTPUT_ERROR_CODE = 74;

async function main(): Promise<number> {
  process.stdout.on('error', onOutputError);
  process.stderr.on('error', onOutputError);
  const args = process.argv.slice(2);
  const { values, positionals, tokens } = parseArgs({
    args,
    allowPositionals: true,
    options: { data: { type: 'string' } },
    strict: false,
    tokens: true,
  });
  if (tokens.some((token) => token.kind === 'option' && token.name === 'version')) {
    console.log(packageJson.version);
    return 0;
  }
  const { data = DEFAULT_DATA } = values;
  const [file, ...more] = positionals;
  const isStart =
    typeof data === 'string' &&
    !data.startsWith('-') &&
    more.length === 0 &&
    (file === undefined || /[./]/.test(file)) &&
    !tokens.some((token) => token.kind === 'option' && token.name !== 'data');
  if (isStart) {
    return run(data, file);
  }
  // Loaded only here: a start sets up memory and compiled code before it loads anything.
  const { ALL_COMMANDS, runCommand } = await import('./app/commands/run-command.ts');
  const done = await runCommand(args, ALL_COMMANDS, async () => (await import('./app/keys.ts')).KEYS);
  return typeof done === 'number' ? done : run(done.data, done.file);
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

/** The readers of the output have this long at the end of the agent, which a supervisor awaits. */
const MAX_OUTPUT_MS = 3_000;
/** Undefined: `perch check | less` ends with less. */
let maxOutputMs: number | undefined;

/** The reader of a command's output has ended, as in `perch check | head -1`, or the disk is full. */
function onOutputError(error: NodeJS.ErrnoException): void {
  // The agent's reader may end first, as in `perch | tee log` at Ctrl-C.
  if (maxOutputMs !== undefined) {
    return;
  }
  if (error.code === 'EPIPE') {
    leave(BROKEN_PIPE_CODE);
  }
  console.error(`Perch: cannot write the output: ${explain(error)}`);
  leave(OUTPUT_ERROR_CODE);
}

async function run(data: string, file: string | undefined): Promise<number> {
  maxOutputMs = MAX_OUTPUT_MS;
  saveMemory();
  keepCompiledCode(import.meta.dirname, process.env['NODE_COMPILE_CACHE']);
  const [
    { holdDataFolder },
    { findServiceManager, isService },
    { App },
    { systemClock },
    { createLogger },
    { LogLines },
    { LogOutput },
    { NetworkWatch },
    { UncaughtExceptions },
  ] = await loadProgram();
  if (file !== undefined && !existsSync(file)) {
    throw new PerchError('notFound', `the configuration file ${file} does not exist`);
  }
  // Before there is a process id to which a stop could be sent.
  const ended = new Promise<void>(onStopSignal);
  const folder = holdDataFolder(data, true);
  const manager = findServiceManager(process.env);
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
  if (folder.isReadOnly) {
    const advice = 'mount it writable or check it for errors: until then settings and recordings are not saved';
    log.error({ folder: folder.path }, `the disk of the data folder is mounted read-only: ${advice}`);
  }
  let running: App | undefined;
  const exceptions = new UncaughtExceptions({
    dataDir: folder.path,
    clock: systemClock,
    log,
    finish: async () => running && finishRecordings(running),
    exit: (code) => void output.close().then(() => leaveWritten(code, MAX_OUTPUT_MS)),
  });
  // Unhandled rejections, too.
  process.on('uncaughtException', (error, origin) => exceptions.take(error, origin));
  await exceptions.begin(ended);
  const network = new NetworkWatch(systemClock);
  const starting = App.start({
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
    ...(isAnnounced() || isService(process.env) ? { restart: () => restart('restart') } : {}),
  });
  const tooLate = ended.then(() => systemClock.sleep(START_PATIENCE_MS, new AbortController().signal));
  const app = await Promise.race([starting, tooLate]);
  if (!app) {
    log.warn({ waitedMs: START_PATIENCE_MS }, 'stopped before the start was complete');
    starting.catch(() => {});
    // The start may still write to the data folder, which is this process's until it exits.
    await output.close();
    return 0;
  }
  running = app;
  await announce(app, network, ownCommand(process.env, folder.path));
  reload = () => app.reload();
  manager.ready(`Perch ${packageJson.version}`);
  await reportToWatchers(app, manager, log);
  void releaseUnusedMemory();
  const cause = await Promise.race([ended, restarting]);
  manager.stopping();
  await app.close();
  await exceptions.ended();
  folder.release();
  await output.close();
  return cause === 'restart' ? RESTART_CODE : 0;
}

/** Whether a supervisor other than systemd restarts Perch after `RESTART_CODE`. Without one Perch would only exit. */
const isAnnounced = (): boolean => process.env['PERCH_RESTART_CODE'] === String(RESTART_CODE);

/** Completes the open recordings after an uncaught exception. The exit of the process closes everything else. */
async function finishRecordings({ vitals }: App): Promise<void> {
  const finished = vitals.recordings.recorders.finishFiles();
  // Frees the only connection of some cameras, without waiting for their answers.
  vitals.paths.close().catch(() => {});
  await finished;
}

/** Reports to systemd, or to a watchdog of its own, and to `perch doctor`. */
async function reportToWatchers(app: App, manager: ServiceManager, log: Logger): Promise<void> {
  const [{ feedWatchdog }, { startWatchdog }, { systemClock }, { keepReport }, { nativeStatus }] = await Promise.all([
    import('../system/service-manager.ts'),
    import('./app/commands/watchdog.ts'),
    import('./base/clock.ts'),
    import('./app/commands/doctor.ts'),
    import('./native/native.ts'),
  ]);
  if (manager.watchdogMs === undefined) {
    startWatchdog(systemClock, process.env, log);
  }
  feedWatchdog(manager, systemClock.every, () => app.vitals.recordings.deadRecorders.length === 0);
  // Created by systemd (`RuntimeDirectory=`).
  const folder = process.env['RUNTIME_DIRECTORY'];
  if (folder !== undefined) {
    const facts = () => {
      const { port, host, paths, recordings } = app.vitals;
      const disks = recordings.space.list();
      return {
        port,
        host,
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

/** Releases unused memory regularly: most pages of Node's program, and much of `malloc`'s heap, are used only at the start and by V8's compilers. */
async function releaseUnusedMemory(): Promise<void> {
  const [{ UnusedMemory }, { systemClock }] = await Promise.all([
    import('./native/unused-memory.ts'),
    import('./base/clock.ts'),
  ]);
  // Not available in other versions of Node or on other systems.
  const memory = await UnusedMemory.open().catch(() => undefined);
  if (memory) {
    systemClock.every(RELEASE_PROGRAM_MS, () => memory.releaseProgram());
    systemClock.every(RELEASE_HEAP_MS, () => memory.releaseHeap());
  }
}

/** Prints the addresses now, and when the box's addresses change or its owner was removed. */
async function announce(app: App, network: NetworkWatch, own: OwnCommand): Promise<void> {
  const said = new Set<string>();
  await sayAddresses(app, said, own);
  const sayAgain = () => void sayAddresses(app, said, own);
  network.onChange(sayAgain);
  app.accounts.onOwnerless(sayAgain);
}

/** @param said addresses that were printed before */
async function sayAddresses(app: App, said: Set<string>, own: OwnCommand): Promise<void> {
  const { startNotice } = await import('./app/start-notice.ts');
  const { PERCH_STDOUT: named } = process.env;
  const output = named === 'syslog' ? named : process.stdout.isTTY === true ? 'terminal' : 'file';
  const texts = await startNotice(app, { own, output });
  for (const text of texts.filter((one) => !said.has(one))) {
    console.log(text);
  }
  said.clear();
  for (const text of texts) {
    said.add(text);
  }
}

// Not awaited: bundled as CommonJS, which has no top-level await.
main().then(
  // A leftover socket may keep the event loop alive.
  (code) => leaveWritten(code, maxOutputMs),
  (error: unknown) => {
    if (!(error instanceof PerchError) && (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') !== true) {
      throw error;
    }
    console.error(`Perch: ${explain(error)}`);
    return leaveWritten(1, maxOutputMs);
  },
);
