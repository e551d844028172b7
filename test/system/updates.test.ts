import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { debianMachine } from './machine/debian-machine.ts';
import type { Machine } from './machine/machine.ts';
import { makeUpdateFiles, type UpdateFiles } from './machine/update-files.ts';
import { askForUpdate, outcomeOf, RECORDINGS, REQUESTS, UPDATES } from './machine/update-requests.ts';

let folder: string;
let files: UpdateFiles;
let machine: Machine;

/** One after the other on the same machine, as updates come. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perch-updates-'));
  files = await makeUpdateFiles(folder);
  machine = await debianMachine({ suite: 'trixie', files: Object.values(files) });
  await machine.boot();
  await machine.must('dpkg --install /files/perch-node_1.0.0_amd64.deb /files/perch_1.0.0_all.deb');
  await untilRecording();
}, 600_000);
afterAll(async () => {
  await machine?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const untilRecording = (): Promise<string> =>
  machine.until(`curl -fs http://127.0.0.1/health && find ${RECORDINGS} -name '*.mp4' -size +100k | grep -q .`);
const installed = (name = 'perch'): Promise<string> =>
  machine.must(`dpkg-query --show --showformat='\${db:Status-Status} \${Version}' ${name}`);

const ask = (file: keyof UpdateFiles): Promise<string> => askForUpdate(machine, `/files/${basename(files[file])}`);
const outcome = (id: string): Promise<Record<string, unknown>> => outcomeOf(machine, id);

/** Cuts the power as soon as the journal has come to a step, and switches on again. */
async function cutAt(step: string, also = 'true'): Promise<void> {
  await machine.must(`while ! grep -qs '"step":"${step}"' ${UPDATES}/journal.json; do sleep 0.02; done; ${also}`);
  await machine.powerCut();
  await machine.boot();
}

test('a good update is installed in time, and recordings continue', async () => {
  const before = await machine.must(`find ${RECORDINGS} -name '*.mp4' | wc -l`);
  expect(await outcome(await ask('good'))).toMatchObject({ ok: true, state: 'good', from: '1.0.0', to: '1.1.0' });
  expect(await installed()).toBe('installed 1.1.0');
  expect(Number(await machine.must(`find ${RECORDINGS} -name '*.mp4' | wc -l`))).toBeGreaterThan(Number(before));
  expect(await machine.must(`ls ${UPDATES}/kept`)).toBe('perch_1.1.0_all.deb');
  expect(await machine.must('cat /run/perch-host/update.json')).toContain('"state":"good"');
});

test.for([
  ['older', 'older'],
  ['good', 'same'],
  ['tampered', 'damaged'],
  ['foreign', 'notSigned'],
] as const)('an update that is %s is rejected, and Perch continues unchanged', async ([file, why]) => {
  const pid = await machine.must('systemctl show --property=MainPID perch.service');
  expect(await outcome(await ask(file))).toMatchObject({ ok: false, state: 'refused', why });
  expect(await installed()).toBe('installed 1.1.0');
  expect(await machine.must('systemctl show --property=MainPID perch.service')).toBe(pid);
  expect(await machine.must(`ls -A ${REQUESTS}`)).toBe('');
});

test.for([
  ['dead', 'notStarted'],
  ['unhealthy', 'unhealthy'],
] as const)('a version that is %s gives way to the one before, which records again', async ([file, why]) => {
  expect(await outcome(await ask(file))).toMatchObject({ ok: false, state: 'gone back', why, from: '1.1.0' });
  expect(await installed()).toBe('installed 1.1.0');
  await untilRecording();
});

test('the power is cut while it is being installed: the version before is back', async () => {
  const id = await ask('withNode');
  await cutAt('installing', 'sleep 0.3');
  expect(await outcome(id)).toMatchObject({ ok: false, state: 'gone back', why: 'powerCut' });
  expect(await installed()).toBe('installed 1.1.0');
  expect(await installed('perch-node')).toBe('installed 1.0.0');
  expect(await machine.must('dpkg --audit')).toBe('');
  await untilRecording();
});

test('the power is cut while the version before is put back: it is put back at the next start', async () => {
  const id = await ask('dead');
  await cutAt('going back');
  expect(await outcome(id)).toMatchObject({ ok: false, state: 'gone back', why: 'notStarted' });
  expect(await installed()).toBe('installed 1.1.0');
  await untilRecording();
});

test('after a power cut during the check of a bad version, it is checked again and replaced', async () => {
  const id = await ask('unhealthy');
  await cutAt('waiting');
  expect(await outcome(id)).toMatchObject({ ok: false, state: 'gone back', why: 'unhealthy' });
  expect(await installed()).toBe('installed 1.1.0');
  await untilRecording();
});

test('the power is cut twice while a new version is watched: it is not trusted any more', async () => {
  const id = await ask('dead');
  await cutAt('waiting');
  await machine.powerCut();
  await machine.boot();
  expect(await outcome(id)).toMatchObject({ ok: false, state: 'gone back' });
  expect(await installed()).toBe('installed 1.1.0');
  await untilRecording();
});

test('the power is cut while a good version is watched: it stays, with its own Node', async () => {
  const id = await ask('withNode');
  await cutAt('waiting');
  expect(await outcome(id)).toMatchObject({ ok: true, state: 'good', from: '1.1.0', to: '1.4.0' });
  expect(await installed()).toBe('installed 1.4.0');
  expect(await installed('perch-node')).toBe('installed 1.4.0');
  expect(await machine.must(`ls ${UPDATES}/kept`)).toBe('perch-node_1.4.0_amd64.deb\nperch_1.4.0_all.deb');
  await untilRecording();
});
