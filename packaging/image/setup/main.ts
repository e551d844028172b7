import { readFile, writeFile } from 'node:fs/promises';
import { applySettings } from './apply.ts';
import { BootPartition } from './boot-partition.ts';
import { claimBox } from './claim.ts';
import { parseSettings } from './settings.ts';

const BOOT = '/boot/firmware';
const TEMPLATE = '/usr/lib/perch-image/perch-setup.txt';
/** What the first step has to say, for the second; no secrets. */
const SAID = '/run/perch-image/setup';
const PERCH = 'http://127.0.0.1';

/** Before the network. A power cut before the second step: both come again at the next start. */
async function take(boot: BootPartition): Promise<void> {
  const said: string[] = [];
  for (const { bytes } of await boot.setupFiles()) {
    const { settings, complaints } = parseSettings(bytes);
    said.push(...(await applySettings(settings)), ...complaints.map((complaint) => `NOT TAKEN: ${complaint}`));
  }
  await writeFile(SAID, said.map((line) => `${line}\n`).join(''));
}

/** When Perch runs. */
async function finish(boot: BootPartition): Promise<void> {
  const files = await boot.setupFiles();
  let said = await readFile(SAID, 'utf8');
  let isOver = true;
  for (const { bytes } of files) {
    const { ownerPassword } = parseSettings(bytes).settings;
    if (ownerPassword !== undefined) {
      const claimed = await claimBox(PERCH, ownerPassword);
      said += `${claimed.told}\n`;
      isOver &&= claimed.isOver;
    }
  }
  await boot.finish(`What Perch has taken from perch-setup.txt:\n\n${said || 'nothing\n'}`, isOver ? files : []);
  process.stdout.write(said);
}

const boot = new BootPartition(BOOT, TEMPLATE);
const step = process.argv[2] === 'take' ? take(boot) : finish(boot);
step.catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
});
