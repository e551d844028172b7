import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import files from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { silentLogger } from '../base/log.ts';
import { copyOf } from '../config/file/file.ts';
import { undoInterrupted } from '../config/file/in-place.ts';
import { finishRestore, stageRestore, type Write } from './staged.ts';

/** Operations on the disk, in sequence; from the named step on they have no effect. */
const disk = {
  ...{ steps: 0, endsAt: Number.POSITIVE_INFINITY, failsAt: '' },
  /** `mounted`: a file that cannot be replaced; `fullTimes`: writes of it that fail because the disk is full. */
  ...{ mounted: '', fullTimes: 0 },
  done: [] as string[],
};

/** Patched here rather than by `vi.mock`, which does not reach modules that another test has loaded. */
const real = { open: files.open, rename: files.rename, rm: files.rm };

async function step<T>(
  what: string,
  work: () => Promise<T>,
  half: () => Promise<unknown> = async () => {},
): Promise<T> {
  if (disk.steps >= disk.endsAt) {
    throw new Error('the power is gone');
  }
  disk.steps += 1;
  if (disk.steps === disk.endsAt) {
    await half();
    throw new Error('the power is gone');
  }
  if (disk.failsAt !== '' && what.endsWith(disk.failsAt)) {
    throw Object.assign(new Error('input/output error'), { code: 'EIO' });
  }
  disk.done.push(what);
  return work();
}

beforeAll(() => {
  files.open = async (file, ...more) => {
    const handle = await step(`open ${file}`, () => real.open(file, ...more));
    const write = handle.writeFile.bind(handle);
    const sync = handle.sync.bind(handle);
    handle.sync = () => step(`sync ${file}`, sync);
    handle.writeFile = (text) =>
      step(
        `write ${file}`,
        () => write(text),
        () => write(String(text).slice(0, String(text).length / 2)),
      );
    if (String(file) === disk.mounted) {
      const overwrite = handle.write.bind(handle);
      handle.write = (async (bytes: Uint8Array, from: number, length: number, at: number) => {
        if (disk.fullTimes > 0) {
          disk.fullTimes -= 1;
          // The former text does not get that far.
          await overwrite(bytes, from, String(bytes).startsWith('new') ? 2 : 0, at);
          throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
        }
        return overwrite(bytes, from, length, at);
      }) as typeof handle.write;
    }
    return handle;
  };
  files.rename = async (from, to) => {
    if (String(to) === disk.mounted) {
      throw Object.assign(new Error('device or resource busy'), { code: 'EBUSY' });
    }
    return step(`rename ${to}`, () => real.rename(from, to));
  };
  files.rm = (file, options) => step(`rm ${file}`, () => real.rm(file, options));
  syncBuiltinESMExports();
});
afterAll(() => {
  Object.assign(files, real);
  syncBuiltinESMExports();
});

const OLD = { 'perch.yml': 'old config', 'users.json': 'old users', 'guests.json': 'old guests' };
const NEW = { 'perch.yml': 'new config', 'users.json': 'new users', 'tls/server.pem': 'new certificate' };
const WRITES: readonly Write[] = [
  { file: 'perch.yml', text: 'new config' },
  { file: 'guests.json', text: null },
  { file: 'users.json', text: 'new users' },
  { file: 'tls/server.pem', text: 'new certificate' },
];

function oldFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'perch-staged-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(OLD)) {
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** Without the temporary files of a power cut. */
function stateOf(folder: string, below = ''): Record<string, string> {
  return Object.fromEntries(
    readdirSync(join(folder, below), { withFileTypes: true })
      .filter(({ name }) => !name.endsWith('.tmp'))
      .flatMap((entry) => {
        const name = join(below, entry.name);
        return entry.isDirectory()
          ? Object.entries(stateOf(folder, name))
          : [[name, readFileSync(join(folder, name), 'utf8')]];
      }),
  );
}

/** @returns whether it got to its end */
async function until(endsAt: number, work: () => Promise<unknown>): Promise<boolean> {
  Object.assign(disk, { steps: 0, endsAt });
  try {
    await work();
    return true;
  } catch {
    return false;
  } finally {
    disk.endsAt = Number.POSITIVE_INFINITY;
  }
}

const finish = (folder: string, log = silentLogger) => finishRestore(folder, log, async (writes) => writes);

test('a staged restore is applied at the next start, once', async () => {
  const folder = oldFolder();
  await stageRestore(folder, WRITES);
  expect(stateOf(folder)).toMatchObject(OLD);
  expect(await finish(folder)).toBe(true);
  expect(stateOf(folder)).toEqual(NEW);
  expect(statSync(join(folder, 'tls/server.pem')).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, 'tls')).mode & 0o777).toBe(0o700);
  expect(await finish(folder)).toBe(false);
});

test('a power cut at any step of staging leaves the old state or the new one', async () => {
  const seen = new Set<string>();
  for (let endsAt = 1; ; endsAt += 1) {
    const folder = oldFolder();
    const isDone = await until(endsAt, () => stageRestore(folder, WRITES));
    const isRestored = await finish(folder);
    expect(stateOf(folder), `step ${endsAt}`).toEqual(isRestored ? NEW : OLD);
    seen.add(String(isRestored));
    if (isDone) {
      break;
    }
  }
  expect(seen).toEqual(new Set(['false', 'true']));
});

test('power cuts at any step of the start that applies it, and of the next one, end with the whole restore', async () => {
  let cuts = 0;
  for (let endsAt = 1; ; endsAt += 1) {
    const folder = oldFolder();
    await stageRestore(folder, WRITES);
    const isDone = await until(endsAt, () => finish(folder));
    // A second power cut, a little later than the first.
    await until(endsAt + 2, () => finish(folder));
    await finish(folder);
    expect(stateOf(folder), `step ${endsAt}`).toEqual(NEW);
    if (isDone) {
      break;
    }
    cuts += 1;
  }
  expect(cuts).toBeGreaterThan(15);
});

test.for(['.perch.yml', '.users.json', 'perch.yml'])(
  'if %s cannot be written the box is unchanged, and starts',
  async (name) => {
    const folder = oldFolder();
    await stageRestore(folder, WRITES);
    disk.failsAt = name.startsWith('.') ? `${name}.tmp` : `/${name}`;
    onTestFinished(() => {
      disk.failsAt = '';
    });
    expect(await finish(folder)).toBe(false);
    expect(stateOf(folder)).toEqual(OLD);
    expect(readdirSync(folder).filter((file) => file.endsWith('.tmp'))).toEqual([]);
  },
);

function mount(folder: string, fullTimes: number): void {
  Object.assign(disk, { mounted: join(folder, 'perch.yml'), fullTimes });
  onTestFinished(() => void Object.assign(disk, { mounted: '', fullTimes: 0 }));
}

test('a configuration written in place is unchanged if the disk gets full half-way', async () => {
  const folder = oldFolder();
  await stageRestore(folder, WRITES);
  mount(folder, 1);
  expect(await finish(folder)).toBe(false);
  expect(stateOf(folder)).toEqual(OLD);
});

test('if the former text cannot be written back either, the restore ends, and the journal has that text', async () => {
  const folder = oldFolder();
  await stageRestore(folder, WRITES);
  mount(folder, 2);
  expect(await finish(folder)).toBe(false);
  const file = join(folder, 'perch.yml');
  expect(await undoInterrupted(file, copyOf(file, folder, 'journal'))).toBe(true);
  expect(stateOf(folder)).toEqual(OLD);
});

test('its completion is synced before its mark is removed', async () => {
  const folder = oldFolder();
  await stageRestore(folder, WRITES);
  disk.done = [];
  await finish(folder);
  const [staged, begun] = ['restore.json', 'restore.begun'].map((name) =>
    disk.done.indexOf(`rm ${join(folder, name)}`),
  );
  expect(disk.done.slice(staged, begun)).toContain(`sync ${folder}`);
});

test('leftovers of an interrupted start are removed by the next write', async () => {
  const folder = oldFolder();
  await stageRestore(folder, WRITES);
  expect(await until(8, () => finish(folder))).toBe(false);
  expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).not.toEqual([]);
  expect(await finish(folder)).toBe(true);
  expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

test('a pending restore that cannot continue ends the start with a message, and continues later', async () => {
  const folder = oldFolder();
  await stageRestore(folder, WRITES);
  writeFileSync(join(folder, 'restore.begun'), '');
  disk.failsAt = '.users.json.tmp';
  await expect(finish(folder)).rejects.toThrow('cannot finish the restore that has begun');
  disk.failsAt = '';
  expect(await finish(folder)).toBe(true);
  expect(stateOf(folder)).toEqual(NEW);
});

test.for(['', '{', '[]', '{"version":1,"writes":[{"file":1}]}'])(
  'an invalid restore.json (%s) is removed',
  async (text) => {
    const folder = oldFolder();
    writeFileSync(join(folder, 'restore.json'), text);
    expect(await finish(folder)).toBe(false);
    expect(stateOf(folder)).toEqual(OLD);
  },
);

test('a configuration in another folder is written there', async () => {
  const folder = oldFolder();
  mkdirSync(join(folder, 'etc'));
  const file = join(folder, 'etc/perch.yml');
  await stageRestore(folder, [{ file, text: 'new config' }]);
  await finish(folder);
  expect(readFileSync(file, 'utf8')).toBe('new config');
});
