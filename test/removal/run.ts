import { execFileSync, type SpawnSyncOptions, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

const ROOT = join(import.meta.dirname, '../..');
const TABLES = ['agent/app/features/table.ts', 'webui/pages/features/table.ts', 'webui/pages/features/parts.ts'];
const FOLDERS = ['agent/features', 'webui/features', 'test/features'];
/** Unit tests of the short form: a minute of two cores. */
const PART = [
  ...['test/unit/layers', 'test/unit/toy-feature', 'agent/config/schema', 'agent/config/edit'],
  ...['agent/app/device/problems', 'webui/words', 'webui/shell'],
];
/** Rooms below keep what the feature alone took from them, sizes fall, and README shows pictures of it. */
const NOT_HERE = ['test/unit/exports.test.ts', 'test/unit/shape.test.ts', 'test/unit/readme-pictures.test.ts'];
/** Papers that name each feature are written again. */
const WRITTEN = ['test/unit/configuration-reference.test.ts'];
const USAGE =
  'usage: node start.mjs test/removal/run.ts [--short] [FEATURE...]   default: another feature for each commit';

/** Names of features, in the order of the table. */
export const featureNames = (): readonly string[] =>
  [...readFileSync(join(ROOT, TABLES[0] ?? ''), 'utf8').matchAll(/\/features\/([\w-]+)\/feature\.ts'/g)].map(
    ([, name = '']) => name,
  );

/** The table without the line of a feature: its import, and its place in the list. */
function without(name: string, table: string): string {
  const line = new RegExp(`^import \\{ (\\w+) \\} from '[^']*/features/${name}/\\w+\\.ts';\\n`, 'm');
  const [found = '', imported = ''] = line.exec(table) ?? [];
  return imported === ''
    ? table
    : table.replace(found, '').replace(new RegExp(`(?<=[[ ])${imported}(?:, |,?(?=\\]|\\n))`), '');
}

const FILE_NAME = /`([\w./-]+\.(?:tsx?|css|mjs))`/g;

/** Takes lines out of papers: those that name a folder of the features, or a file that went. */
function dropLines(file: string, names: readonly string[], kept: readonly string[], gone: readonly string[]): void {
  const isIn = (files: readonly string[], name: string) => files.some((one) => `/${one}`.endsWith(`/${name}`));
  const isAbout = (line: string) =>
    names.some((name) => line.includes(`features/${name}/`) || line.includes(`features/${name}\``)) ||
    [...line.matchAll(FILE_NAME)].some(([, name = '']) => isIn(gone, name) && !isIn(kept, name));
  const lines = readFileSync(file, 'utf8').split('\n');
  writeFileSync(file, lines.filter((line) => !isAbout(line)).join('\n'));
}

/** Suites of other features that need this one: without boxes there is nothing that could connect by itself, or be on the bus. */
export const TESTED_WITH: Readonly<Record<string, readonly string[]>> = {
  away: ['test/features/fleet/interop/replicas.test.ts', 'test/features/fleet/system/'],
  boxes: [
    'test/features/away/interop/',
    'test/features/away/browser/',
    'test/features/fleet/interop/replicas.test.ts',
    'test/features/fleet/system/',
    'agent/features/fleet/join.test.ts',
    'test/features/fleet/interop/server-bus.test.ts',
    'test/features/fleet/interop/signed-requests.test.ts',
    'test/features/fleet/system/load.test.ts',
  ],
  notify: [
    'test/features/rules/interop/rule-button.test.ts',
    'test/features/fleet/support/notifying-server',
    'test/features/fleet/interop/shared-notifications.test.ts',
  ],
  'onvif-device': ['agent/features/transfer/recorder/recorder-rights.test.ts'],
};

/** A copy of the tree without the features. The caller removes it. */
function copyWithout(names: readonly string[]): string {
  const copy = mkdtempSync(join(tmpdir(), `perch-without-${names[0]}-`));
  // Some tests run modules as another user.
  chmodSync(copy, 0o755);
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: ROOT });
  const folders = names.flatMap((name) => [
    ...FOLDERS.map((folder) => `${folder}/${name}/`),
    ...(TESTED_WITH[name] ?? []),
  ]);
  const isLeftOut = (file: string) => NOT_HERE.includes(file) || folders.some((folder) => file.startsWith(folder));
  const files = listed
    .toString()
    .split('\n')
    .filter((file) => file !== '' && existsSync(join(ROOT, file)));
  const gone = files.filter(isLeftOut);
  const kept = files.filter((file) => !isLeftOut(file));
  for (const file of kept) {
    mkdirSync(join(copy, dirname(file)), { recursive: true });
    cpSync(join(ROOT, file), join(copy, file));
  }
  for (const file of kept.filter((one) => one.endsWith('.md'))) {
    dropLines(join(copy, file), names, kept, gone);
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  for (const table of TABLES) {
    const whole = readFileSync(join(copy, table), 'utf8');
    writeFileSync(
      join(copy, table),
      names.reduce((text, name) => without(name, text), whole),
    );
  }
  return copy;
}

const FAILED = /^failed: .*\(([^ ()]+\.test\.tsx?)\)/gm;
const OUTSIDE = /^failed: .*\(outside of a test\)$/m;
/** Files that run a second time. */
const MAX_AGAIN = 5;

/** Whether the product without the features compiles, builds its page and passes its unit tests, a few of them at the second try, alone. */
export function isRemovable(names: readonly string[], isShort: boolean): boolean {
  const copy = copyWithout(names);
  const runs = (words: readonly string[]): { readonly isPassed: boolean; readonly output: string } => {
    process.stdout.write(`without ${names.join(', ')}: ${words.join(' ')}\n`);
    const options: SpawnSyncOptions = { cwd: copy, stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1e8 };
    const { status, stdout } = spawnSync(process.execPath, ['start.mjs', ...words], { ...options, encoding: 'utf8' });
    return { isPassed: status === 0, output: stdout };
  };
  const run = (...words: string[]): boolean => {
    const { isPassed, output } = runs(words);
    process.stdout.write(output);
    return isPassed;
  };
  const tests = (...words: string[]): boolean => {
    const { isPassed, output } = runs(words);
    const files = [...new Set([...output.matchAll(FAILED)].map(([, file = '']) => file))];
    const hasSecondTry = !isPassed && !OUTSIDE.test(output) && files.length > 0 && files.length <= MAX_AGAIN;
    process.stdout.write(hasSecondTry ? output.replaceAll(/^failed: /gm, 'only at try 2: ') : output);
    return isPassed || (hasSecondTry && run(...words.slice(0, 4), '--no-file-parallelism', ...files));
  };
  try {
    return (
      run('tsc', '-p', '.') &&
      run('webui/build.ts') &&
      run('vitest', 'run', '--project', 'unit', '--update=all', ...WRITTEN) &&
      tests('vitest', 'run', '--project', 'unit', ...(isShort ? PART : []))
    );
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { short: { type: 'boolean' } } });
  const names = featureNames();
  // The same commit always tries the same feature.
  const tree = execFileSync('git', ['rev-parse', 'HEAD^{tree}'], { cwd: ROOT }).toString();
  const ofTree = names[Number.parseInt(tree.slice(0, 8), 16) % names.length] ?? '';
  const chosen = positionals.length === 0 ? [ofTree] : positionals;
  const unknown = chosen.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    process.stderr.write(`there is no feature '${unknown}' (${names.join(', ')})\n${USAGE}\n`);
    process.exit(2);
  }
  process.exitCode = isRemovable(chosen, values.short === true) ? 0 : 1;
}
