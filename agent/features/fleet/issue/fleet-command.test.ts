import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import type { CommandCall } from '../../contract.ts';
import { memberOf } from '../bus/credential.ts';
import { FleetAuthority } from './authority.ts';
import { fleetCommand } from './fleet-command.ts';

const [FIRST, SECOND, THIRD] = ['00000000000000b1', '00000000000000b2', '00000000000000b3'];

/** A folder with the keys of a fleet, and what `perch fleet box` does in it. */
async function newFleet() {
  const { path, [Symbol.dispose]: remove } = temporaryFolder();
  onTestFinished(remove);
  await FleetAuthority.create(path, { natsURL: 'tls://nats.example', hosts: [] });
  const said: string[] = [];
  const run = (words: readonly string[], typed = '') => {
    const call = { words, cwd: path, write: (text: string) => void said.push(text), text: () => undefined };
    const input = async function* () {
      yield* [typed.slice(0, 20), typed.slice(20)];
    };
    return fleetCommand(call as unknown as CommandCall, undefined, input());
  };
  const issued = () => readdirSync(path).filter((name) => name.startsWith('box-'));
  const boxOf = (name: string) => memberOf(JSON.parse(readFileSync(join(path, name), 'utf8')).jwt).id;
  return { run, issued, boxOf, said };
}

test('credentials of several boxes are issued at once, by words or from standard input', async () => {
  const { run, issued, boxOf, said } = await newFleet();
  expect(await run(['box', '.', FIRST, SECOND, FIRST])).toBe(0);
  expect(issued().map(boxOf)).toEqual([FIRST, SECOND]);
  expect(said).toHaveLength(2);
  expect(await run(['box', '.', '-'], `${SECOND}\n\n${THIRD}\r\n`)).toBe(0);
  expect(issued().map(boxOf)).toEqual([FIRST, SECOND, THIRD]);
});

test.for([
  [['box', '.', FIRST, 'B2'], '', "'B2': the id of a box has 16 digits"],
  [['box', '.', FIRST, '-'], '', "'-': the id of a box has 16 digits"],
  [['box', '.', '-'], `${FIRST}\nyard\n`, "'yard': the id of a box has 16 digits"],
  [['box', '.', '-'], '\n', "'': the id of a box has 16 digits"],
  [['box', '.', '-'], `${FIRST}\n`.repeat(20_000), 'standard input is larger than 262144 bytes'],
  [['server', '.', 'one', 'two'], '', 'needs FOLDER and one more word'],
  [['server', '.'], '', 'needs FOLDER and one more word'],
] as const)('no credential is issued if one cannot be: %s', async ([words, typed, message]) => {
  const { run, issued } = await newFleet();
  await expect(run(words, typed)).rejects.toMatchObject({
    code: 'badInput',
    message: expect.stringContaining(message),
  });
  expect(issued()).toEqual([]);
});
