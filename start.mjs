// The way in, for any Node from 18 on: installs what is missing, builds the page when it is stale, and hands over to
// the Node that the project pins (npm's node-linux-* packages). No dependencies: it runs before there are any.
//
//   node start.mjs agent/main.ts [arguments]    a TypeScript file of ours
//   node start.mjs vitest run                   a tool from node_modules/.bin
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));
const inRoot = (...parts) => join(root, ...parts);
const say = (text) => process.stderr.write(`${text}\n`);

function fail(...lines) {
  for (const line of lines) {
    say(line);
  }
  process.exit(1);
}

function digestOf(files) {
  const hash = createHash('sha256');
  for (const file of files) {
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(inRoot(file)))
      .update('\0');
  }
  return hash.digest('hex');
}

const readStamp = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '');

/** Runs a command to its end; shows that something goes on when it takes long, and all that it said if it fails. */
function runQuietly(command, args, what) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    const said = [];
    child.stdout.on('data', (chunk) => said.push(chunk));
    child.stderr.on('data', (chunk) => said.push(chunk));
    const startedMs = Date.now();
    const tick = setInterval(() => say(`  ${what}… ${Math.round((Date.now() - startedMs) / 1000)} s`), 10_000);
    child.on('error', (error) => said.push(Buffer.from(`${error.message}\n`)));
    child.on('close', (code) => {
      clearInterval(tick);
      resolve({ ok: code === 0, said: Buffer.concat(said).toString() });
    });
  });
}

/** `npm ci` when node_modules does not belong to this lock file. Install scripts stay off: nothing of ours needs one. */
async function installPackages() {
  const stamp = inRoot('node_modules', '.perch-lock');
  const wanted = digestOf(['package-lock.json']);
  if (readStamp(stamp) === wanted) {
    return;
  }
  say('Perch: getting the packages it needs. This happens once and takes about half a minute.');
  const npm = process.env.npm_execpath?.endsWith('.js') ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const args = [
    'ci',
    '--ignore-scripts',
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  const done = await runQuietly(npm[0], [...npm.slice(1), ...args], 'getting packages');
  if (!done.ok) {
    fail(
      done.said.trim(),
      'Perch: npm could not get the packages. Is there a way to the internet from here? Then try again.',
    );
  }
  writeFileSync(stamp, wanted);
}

/** The Node to run with: the pinned one where npm has it for this platform, else the one that runs this, if it can. */
function findRuntime() {
  const pinned = inRoot('node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  if (existsSync(pinned)) {
    const stamp = inRoot('node_modules', '.perch-node');
    const seen = `${pinned} ${statSync(pinned).mtimeMs}`;
    if (readStamp(stamp) === seen) {
      return pinned;
    }
    // It may be there and still not run: musl systems take the same package name.
    if (spawnSync(pinned, ['--version']).status === 0) {
      writeFileSync(stamp, seen);
      return pinned;
    }
  }
  if (process.features.typescript) {
    return process.execPath;
  }
  const { engines } = JSON.parse(readFileSync(inRoot('package.json'), 'utf8'));
  fail(
    `Perch: there is no ready-made Node for ${process.platform} on ${process.arch}, and Node ${process.versions.node} cannot run Perch's TypeScript.`,
    `Install Node 24 or newer (Perch needs ${engines.node} with type stripping) from your system's packages, then start again.`,
  );
}

function pageSources(folder = 'webui') {
  return readdirSync(inRoot(folder), { withFileTypes: true })
    .filter((entry) => entry.name !== 'dist' && !entry.name.includes('.test.'))
    .flatMap((entry) => (entry.isDirectory() ? pageSources(join(folder, entry.name)) : [join(folder, entry.name)]))
    .sort();
}

async function buildPage(runtime) {
  const stamp = inRoot('webui', 'dist', '.stamp');
  const wanted = digestOf([...pageSources(), 'package-lock.json']);
  if (readStamp(stamp) === wanted) {
    return;
  }
  say('Perch: building the web page.');
  const done = await runQuietly(runtime, [inRoot('webui', 'build.ts')], 'building the page');
  if (!done.ok) {
    fail(done.said.trim(), 'Perch: the web page could not be built.');
  }
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
}

/** A script of ours as it is; a tool through the file that its package names for it. */
function resolveTarget(name) {
  if (name.endsWith('.ts')) {
    return inRoot(name);
  }
  const tool = inRoot('node_modules', '.bin', name);
  return existsSync(tool) ? tool : fail(`Perch: there is no tool '${name}'.`);
}

/** Perch ends with this code when it is to be started anew (POST /v3/restart). */
const RESTART_CODE = 85;
/** And with this one after an exception that nobody has caught (agent/app/commands/stray-exceptions.ts); it makes the pauses itself. */
const FAULT_CODE = 70;

/** As in packaging/linux/run: glibc keeps one heap for all threads, and gives memory back that is not used any more. */
const ALLOCATOR = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072' };

function handOver(runtime, target, args) {
  const isOurs = target.endsWith('.ts');
  const cache = inRoot('node_modules', '.cache', 'perch');
  const run = () =>
    spawn(runtime, ['--disable-warning=ExperimentalWarning', target, ...args], {
      // Ours runs where the user stands (relative paths on the command line); tools run in the project.
      cwd: isOurs ? (process.env.INIT_CWD ?? process.cwd()) : root,
      stdio: 'inherit',
      env: {
        ...(target === inRoot('agent', 'main.ts') ? ALLOCATOR : {}),
        ...process.env,
        // A disk that hangs keeps every thread that waits for it: with the usual four, two of them end all work with files.
        UV_THREADPOOL_SIZE: process.env.UV_THREADPOOL_SIZE ?? '12',
        ...(isOurs ? { PERCH_RESTART_CODE: String(RESTART_CODE) } : {}),
        NODE_COMPILE_CACHE: cache,
        PATH: `${dirname(runtime)}${delimiter}${process.env.PATH ?? ''}`,
      },
    });
  let child;
  let isToEnd = false;
  const begin = () => {
    child = run();
    child.on('error', (error) => fail(`Perch: ${error.message}`));
    child.on('exit', (code, signal) => {
      if (isOurs && (code === RESTART_CODE || code === FAULT_CODE) && !isToEnd) {
        begin();
      } else {
        process.exit(code ?? 128 + (constants.signals[signal] ?? 0));
      }
    });
  };
  begin();
  // A terminal sends Ctrl-C to the whole group; what is sent to this process alone is passed on.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      isToEnd ||= signal !== 'SIGHUP';
      if (isOurs || signal !== 'SIGINT') {
        child.kill(signal);
      }
    });
  }
}

const [name, ...args] = process.argv.slice(2);
if (name === undefined) {
  fail('usage: node start.mjs FILE.ts|TOOL [arguments]');
}
await installPackages();
const runtime = findRuntime();
if (name.endsWith('main.ts') || name === 'vitest') {
  await buildPage(runtime);
}
handOver(runtime, resolveTarget(name), args);
