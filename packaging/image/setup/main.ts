import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { replaceFile } from '../../../agent/base/files/durable-file.ts';
import { accessPointText, newAccessPoint, parseAccessPoint, withAccessPoint } from '../wifi/access-point.ts';
import { applySettings, claimBox, setBoxName } from './apply.ts';
import { BootPartition } from './boot-partition.ts';
import { parseSettings } from './settings.ts';

const BOOT = '/boot/firmware';
const TEMPLATE = '/usr/lib/perch-image/perch-setup.txt';
/** Result of the first step, for the second; no secrets. */
const SAID = '/run/perch-image/setup';
const CLAIM = ['/usr/bin/perch', 'claim'];
const CONFIG = '/etc/perch/perch.yml';
const ACCESS_POINT = '/var/lib/perch-image/access-point';
const run = promisify(execFile);

const accessPoint = async () => parseAccessPoint(await readFile(ACCESS_POINT, 'utf8').catch(() => ''));

/** The setup file without settings. */
async function template(): Promise<string> {
  return withAccessPoint(await readFile(TEMPLATE, 'utf8'), await accessPoint());
}

/** Creates the name and password of the access point, once for each card. */
async function makeAccessPoint(boot: BootPartition): Promise<void> {
  if ((await accessPoint()) === undefined) {
    await replaceFile(ACCESS_POINT, accessPointText(newAccessPoint()), 0o600);
  }
  await boot.replaceShipped(await readFile(TEMPLATE, 'utf8'));
}

/** First step, before the network starts. After a power cut both steps run again at the next boot. */
async function take(boot: BootPartition): Promise<void> {
  const said: string[] = [];
  for (const { bytes } of await boot.setupFiles()) {
    const { settings, complaints } = parseSettings(bytes);
    said.push(
      ...(await applySettings(settings, tellPerch)),
      ...complaints.map((complaint) => `NOT TAKEN: ${complaint}`),
    );
  }
  await writeFile(SAID, said.map((line) => `${line}\n`).join(''));
}

/** Runs in a process with Perch's permissions: root would follow links where Perch may write. */
const tellPerch = async (hostname: string): Promise<void> => {
  await run('runuser', ['-u', 'perch', '--', process.execPath, process.argv[1] ?? '', 'name', hostname]);
};

/** Second step, once Perch runs: claims the box and writes the result. */
async function finish(boot: BootPartition): Promise<void> {
  const files = await boot.setupFiles();
  let said = await readFile(SAID, 'utf8');
  let isOver = true;
  for (const { bytes } of files) {
    const { ownerPassword } = parseSettings(bytes).settings;
    if (ownerPassword !== undefined) {
      const claimed = await claimBox(CLAIM, ownerPassword);
      said += `${claimed.report}\n`;
      isOver &&= claimed.isOver;
    }
  }
  await boot.finish(`What Perch has taken from perch-setup.txt:\n\n${said || 'nothing\n'}`, isOver ? files : []);
  process.stdout.write(said);
}

const boot = new BootPartition(BOOT, template);
const STEPS: Record<string, () => Promise<void>> = {
  'access-point': () => makeAccessPoint(boot),
  take: () => take(boot),
  finish: () => finish(boot),
  name: () => setBoxName(CONFIG, process.argv[3] ?? ''),
};
STEPS[process.argv[2] ?? '']?.().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
});
