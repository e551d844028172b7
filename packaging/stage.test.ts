import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { makeWhole } from './stage.ts';

/** @param pid the process whose stage has a truncated file */
function outWithStageOf(pid: number): string {
  const out = mkdtempSync(join(tmpdir(), 'perch-stage-'));
  // The making sets it for the programs that it starts.
  vi.stubEnv('TMPDIR', tmpdir());
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(out, { recursive: true });
  });
  const stage = join(out, `.perch-packages-${pid}`);
  mkdirSync(stage);
  writeFileSync(join(stage, 'cut.deb'), 'half');
  return out;
}

/** More than Linux has. */
const NO_PROCESS = 2 ** 30;

test.for([
  ['is not there any more', NO_PROCESS],
  // As in a container, where each process that makes packages may have the same number.
  ['had the number that this one has', process.pid],
] as const)('the stage of a process that %s is removed, and its files are not used', async ([, pid]) => {
  const out = outWithStageOf(pid);
  await makeWhole(out, async (stage) => writeFileSync(join(stage, 'whole.deb'), 'whole'));
  expect(readdirSync(out)).toEqual(['whole.deb']);
});

test('files of another running process are kept', async () => {
  const out = outWithStageOf(process.ppid);
  await makeWhole(out, async (stage) => writeFileSync(join(stage, 'whole.deb'), 'whole'));
  expect(readdirSync(out)).toEqual([`.perch-packages-${process.ppid}`, 'whole.deb']);
});

test('a failed build leaves nothing', async () => {
  const out = outWithStageOf(NO_PROCESS);
  const making = makeWhole(out, async (stage) => {
    writeFileSync(join(stage, 'whole.deb'), 'whole');
    throw new Error('there is no dpkg-deb');
  });
  await expect(making).rejects.toThrow('there is no dpkg-deb');
  expect(readdirSync(out)).toEqual([]);
});
