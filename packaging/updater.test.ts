import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { RUN_MS, START_MS } from '../system/updater/packages.ts';

const UNITS = join(import.meta.dirname, 'linux/systemd');
const UPDATE_RUN = join(import.meta.dirname, 'linux/update-run');
const triggers = readdirSync(UNITS).filter((name) => name.endsWith('.path'));

test.for(triggers)('the service of %s may be started any number of times', (name) => {
  const unit = readFileSync(join(UNITS, name.replace('.path', '.service')), 'utf8');
  expect(unit).toContain('\nStartLimitIntervalSec=0\n');
});

test('the work of a killed updater continues at once, not at the next start of the machine', () => {
  const unit = (name: string) => readFileSync(join(UNITS, name), 'utf8');
  expect(unit('perch-update.service')).toContain('\nOnFailure=perch-update-watch.service\n');
  expect(unit('perch-update-watch.service')).not.toContain('OnFailure=');
});

test.for(['resume', 'watch'])('the kept updater continues with %s where /var is mounted noexec', (command) => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-updater-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const script = readFileSync(UPDATE_RUN, 'utf8')
    .replaceAll('/var/lib/perch-update', folder)
    .replace('/usr/lib/perch', folder);
  mkdirSync(join(folder, 'bin'));
  // access(2) and exec(2) fail for files on a noexec mount as for files without execute permission.
  writeFileSync(join(folder, 'run'), script, { mode: 0o644 });
  writeFileSync(join(folder, 'node'), '#!/bin/sh\necho the one that was kept\n', { mode: 0o644 });
  writeFileSync(join(folder, 'bin/node'), '#!/bin/sh\necho "$*"\n', { mode: 0o755 });
  const unit = readFileSync(join(UNITS, `perch-update-${command}.service`), 'utf8');
  const start = /^ExecStart=(.*)$/m.exec(unit)?.[1]?.replace('/var/lib/perch-update/good', folder) ?? '';
  const env = { PATH: `${folder}/bin:/usr/bin:/bin` };
  const said = execFileSync('sh', ['-c', `exec ${start}`], { encoding: 'utf8', env });
  expect(said).toBe(`${folder}/updater.cjs ${command}\n`);
});

test.for([
  ['', RUN_MS],
  ['-resume', START_MS],
  ['-watch', RUN_MS],
] as const)('perch-update%s.service is not ended by systemd before it ends by itself', ([name, maxMs]) => {
  const unit = readFileSync(join(UNITS, `perch-update${name}.service`), 'utf8');
  const minutes = Number(/^TimeoutStartSec=(\d+)min$/m.exec(unit)?.[1]);
  expect(minutes * 60_000).toBeGreaterThan(maxMs);
  // Disk writes before and after take time, too; but Perch waits for them.
  expect(minutes * 60_000).toBeLessThanOrEqual(maxMs * 2);
});

test.for(['', '-resume', '-watch'])('only root can open the lock that perch-update%s.service waits for', (name) => {
  const unit = readFileSync(join(UNITS, `perch-update${name}.service`), 'utf8');
  // A file that can be opened for reading can be locked.
  expect(unit).toMatch(/^StateDirectory=perch-update\nStateDirectoryMode=0700$/m);
});

test.for([
  ['timeout', 'installing', 'failed', 'failed'],
  ['success', 'waiting', 'waiting', null],
] as const)('when it ends by %s while a system is %s, the page gets %s', ([result, before, after, why]) => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-updater-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const script = readFileSync(UPDATE_RUN, 'utf8')
    .replace('/run/perch-host', folder)
    .replace('/var/lib/perch-update', folder);
  const [answer, kept] = [join(folder, 'update.json'), join(folder, 'status.json')];
  writeFileSync(answer, JSON.stringify({ state: before, why: null, ...(before === 'installing' && { percent: 41 }) }));
  writeFileSync(kept, JSON.stringify({ state: 'failed', why: 'powerCut' }));
  execFileSync('sh', ['-c', script, 'run', 'ended'], { env: { ...process.env, SERVICE_RESULT: result } });
  expect(JSON.parse(readFileSync(answer, 'utf8'))).toMatchObject({ state: after, why });
  const unit = readFileSync(join(UNITS, 'perch-update.service'), 'utf8');
  expect(unit).toContain('\nExecStopPost=/usr/lib/perch/update/run ended\n');
});

test('one updater works at a time', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-updater-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const own = join(folder, 'own');
  mkdirSync(own);
  const script = readFileSync(UPDATE_RUN, 'utf8').replaceAll('/var/lib/perch-update', own);
  writeFileSync(join(folder, 'run'), script, { mode: 0o755 });
  // Asks for the lock as another updater would, but does not wait.
  const node = `#!/bin/sh\nflock --nonblock ${own}/lock true && echo free || echo "taken $*"\n`;
  writeFileSync(join(folder, 'node'), node, { mode: 0o755 });
  expect(execFileSync(join(folder, 'run'), ['watch'], { encoding: 'utf8' })).toBe(
    `taken ${folder}/updater.cjs watch\n`,
  );
});
