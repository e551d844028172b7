import { resolve } from 'node:path';
import { becomeOwnerOf } from '../../../system/data-folder.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { replaceFile } from '../../base/files/durable-file.ts';
import type { CommandCall } from '../contract.ts';
import { memberOf } from './bus/credential.ts';
import { bundleIn, knownBoxesIn, outcomeOf } from './hand-out/hand-outs.ts';
import { type BoxKeys, type Bundle, MAX_FILE_BYTES, readBundle } from './issue/bundle.ts';
import { isConfigFile, readText, textOf } from './issue/fleet-command.ts';

/** A running Perch looks for a bundle every five seconds. */
const MAX_WAIT_MS = 20_000;
const POLL_MS = 500;

/** `perch fleet boxes` and `perch fleet hand-out` on a server, whether Perch runs or not. @returns the exit code @throws PerchError */
export async function handOutCommand(
  call: CommandCall,
  clock: Pick<Clock, 'monoMs' | 'sleep'> = systemClock,
  input: AsyncIterable<Uint8Array | string> = process.stdin,
): Promise<number> {
  const [word, place = ''] = call.words.filter((one) => !isConfigFile(one));
  becomeOwnerOf(call.dataDir);
  const named = { ...call, file: call.words.find(isConfigFile) };
  if (word === 'boxes') {
    await call.withDocuments(named, () => listBoxes(call, place === '' ? undefined : place));
    return 0;
  }
  const text = place === '-' ? textOf(input, MAX_FILE_BYTES) : readText(resolve(call.cwd, place), MAX_FILE_BYTES);
  const { bundle, account } = readBundle(await text);
  await call.withDocuments(named, () => handOut(call, bundle, account, clock));
  return 0;
}

async function listBoxes({ dataDir, cwd, write }: CommandCall, place: string | undefined): Promise<void> {
  const known = (await knownBoxesIn(dataDir).load())?.boxes ?? {};
  const jwts = (await bundleIn(dataDir).load())?.boxes ?? {};
  const ids = [...new Set([...Object.keys(known), ...Object.keys(jwts)])];
  if (ids.length === 0) {
    const advice = 'this server needs natsURL, and a connected box that grants it the right fleet';
    throw new PerchError('notFound', `no box has said its key: ${advice}`);
  }
  const keys: BoxKeys = {
    format: 'perch-fleet-keys',
    boxes: Object.entries(known).map(([id, { name, key }]) => ({ id, name, key })),
  };
  const text = `${JSON.stringify(keys, undefined, 2)}\n`;
  if (place === '-') {
    write(text);
    return;
  }
  for (const id of ids) {
    write(`${id}  ${known[id]?.name ?? ''}: ${outcomeOf(jwts[id], known[id])}\n`);
  }
  if (place !== undefined) {
    const file = resolve(cwd, place);
    await replaceFile(file, text);
    write(
      `${file} has their public keys. Where the keys of the fleet are: perch fleet box FOLDER --keys FILE BUNDLE\n`,
    );
  }
}

/** @param account that signed it */
async function handOut(
  call: CommandCall,
  given: Bundle,
  account: string,
  clock: Pick<Clock, 'monoMs' | 'sleep'>,
): Promise<void> {
  const { dataDir, write } = call;
  const [bundles, known] = [bundleIn(dataDir), knownBoxesIn(dataDir)];
  // Boxes that are away get what was handed out for them before.
  const former = Object.entries((await bundles.load())?.boxes ?? {});
  const boxes = {
    ...Object.fromEntries(former.filter(([, jwt]) => memberOf(jwt).account === account)),
    ...given.boxes,
  };
  await bundles.save(() => ({ ...given, boxes }));
  const ids = Object.keys(given.boxes);
  write(`Saved ${ids.length} credentials: each box gets its own now, or when it connects.\n`);
  const stop = call.stopSignal();
  const beganMs = clock.monoMs();
  for (;;) {
    const now = (await known.load())?.boxes ?? {};
    const outcomes = ids.map((id) => [id, now[id]?.name ?? '', outcomeOf(given.boxes[id], now[id])] as const);
    const isOver = stop.aborted || clock.monoMs() - beganMs >= MAX_WAIT_MS;
    if (isOver || outcomes.every(([, , outcome]) => isFinal(outcome))) {
      write(outcomes.map(([id, name, outcome]) => `${id}  ${name}: ${outcome}\n`).join(''));
      return;
    }
    await clock.sleep(POLL_MS, stop);
  }
}

/** A box that has just joined is on the bus a moment later. */
const isFinal = (outcome: string): boolean => outcome === 'joined' || outcome.startsWith('refused');
