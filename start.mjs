// The way in, for any Node from 18 on: installs what is missing, builds the page when it is stale, and hands over to
// the Node that the project pins (npm's node-linux-* packages). No dependencies: it runs before there are any.
//
//   node start.mjs --prepare [FOLDER HOURS]     for start.sh, which starts Perch: prints that Node's path
//   node start.mjs test/bench/main.ts           a TypeScript file of ours
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

/** Runs a command to its end; shows progress if it takes long, and all its output if it fails. */
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
  let problem = `there is no ready-made Node for ${process.platform} on ${process.arch}`;
  const pinned = inRoot('node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  if (existsSync(pinned)) {
    const stamp = inRoot('node_modules', '.perch-node');
    const seen = `${pinned} ${statSync(pinned).mtimeMs}`;
    if (readStamp(stamp) === seen) {
      return pinned;
    }
    // It may be there and still not run: musl systems take the same package name.
    const { status, stderr } = spawnSync(pinned, ['--version'], { encoding: 'utf8' });
    if (status === 0) {
      writeFileSync(stamp, seen);
      return pinned;
    }
    if (stderr?.includes('libatomic.so.1')) {
      problem = 'its Node needs the library libatomic.so.1 (apt install libatomic1, dnf install libatomic)';
    } else if (stderr) {
      problem = `its Node does not start (${stderr.trim()})`;
    }
  }
  if (process.features.typescript) {
    return process.execPath;
  }
  const { engines } = JSON.parse(readFileSync(inRoot('package.json'), 'utf8'));
  fail(
    `Perch: ${problem}, and Node ${process.versions.node} cannot run Perch's TypeScript.`,
    `Install ${problem.includes('libatomic') ? 'the library, or ' : ''}Node 24 or newer (Perch needs ${engines.node} with type stripping) from your system's packages, then start again.`,
  );
}

function sourcesIn(folder) {
  return readdirSync(inRoot(folder), { withFileTypes: true })
    .filter((entry) => entry.name !== 'dist' && !entry.name.includes('.test.'))
    .flatMap((entry) => (entry.isDirectory() ? sourcesIn(join(folder, entry.name)) : [join(folder, entry.name)]))
    .sort();
}

async function buildPage(runtime) {
  const stamp = inRoot('webui', 'dist', '.stamp');
  const wanted = digestOf([...sourcesIn('webui'), 'docs/guide/access/remote-access.md', 'package-lock.json']);
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

/** Perch in the form of the packages, which takes less memory than its sources. @param keptHours of older ones */
async function bundleAgent(runtime, folder = inRoot('node_modules', '.cache', 'agent'), keptHours = '720') {
  const stamp = join(folder, '.stamp');
  const wanted = digestOf([
    ...sourcesIn('agent'),
    ...sourcesIn('system'),
    'packaging/bundle.ts',
    'packaging/keep-bundle.ts',
    'package.json',
    'package-lock.json',
    'tsconfig.json',
  ]);
  const program = statSync(join(folder, 'current', 'agent', 'perch.cjs'), { throwIfNoEntry: false });
  if (readStamp(stamp) === wanted && program?.size > 0) {
    return;
  }
  say('Perch: bundling the program.');
  const command = [inRoot('packaging', 'keep-bundle.ts'), folder, keptHours];
  const done = await runQuietly(runtime, command, 'bundling the program');
  if (!done.ok) {
    fail(done.said.trim(), 'Perch: the program could not be bundled.');
  }
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

function handOver(runtime, target, args) {
  const isOurs = target.endsWith('.ts');
  const child = spawn(runtime, ['--disable-warning=ExperimentalWarning', target, ...args], {
    // Ours runs where the user stands (relative paths on the command line); tools run in the project.
    cwd: isOurs ? (process.env.INIT_CWD ?? process.cwd()) : root,
    stdio: 'inherit',
    env: {
      ...process.env,
      NODE_COMPILE_CACHE: inRoot('node_modules', '.cache', 'perch'),
      PATH: `${dirname(runtime)}${delimiter}${process.env.PATH ?? ''}`,
    },
  });
  child.on('error', (error) => fail(`Perch: ${error.message}`));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
  // A terminal sends Ctrl-C to the whole group; what is sent to this process alone is passed on.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
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
const isPreparing = name === '--prepare';
await installPackages();
const runtime = findRuntime();
if (isPreparing || name.endsWith('main.ts') || name === 'vitest') {
  await buildPage(runtime);
}
if (isPreparing) {
  await bundleAgent(runtime, ...args);
  process.stdout.write(`${runtime}\n`);
} else {
  handOver(runtime, resolveTarget(name), args);
}
