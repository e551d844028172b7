import { resolve } from 'node:path';
import { becomeOwnerOf, needsDataFolder } from '../../../system/data-folder.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { replaceFile } from '../../base/files/durable-file.ts';
import type { CommandCall } from '../contract.ts';
import { memberOf } from './bus/credential.ts';
import { bundleIn, type KnownBoxes, knownBoxesIn, type Outcome, outcomeOf } from './hand-out/hand-outs.ts';
import { type BoxKeys, type Bundle, laterFleet, MAX_FILE_BYTES, readBundle } from './issue/bundle.ts';
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
  const [word, ...given] = call.words;
  const isConfig = (one: string, i: number) => isConfigFile(one) && (word === 'boxes' || i > 0);
  const [place = '', ...boxes] = given.filter((one, i) => !isConfig(one, i));
  needsDataFolder(call.dataDir);
  becomeOwnerOf(call.dataDir);
  const named = { ...call, file: given.find(isConfig) };
  if (word === 'boxes') {
    await call.withDocuments(named, () => listBoxes(call, place === '' ? undefined : place, boxes));
    return 0;
  }
  const text = place === '-' ? textOf(input, MAX_FILE_BYTES) : readText(resolve(call.cwd, place), MAX_FILE_BYTES);
  const { bundle, account } = readBundle(await text);
  return call.withDocuments(named, () => handOut(call, bundle, account, clock));
}

/** @param named ids or names of boxes whose keys are wanted; empty: those that have not joined */
async function listBoxes(call: CommandCall, place: string | undefined, named: readonly string[]): Promise<void> {
  const { dataDir, cwd, write } = call;
  const known = (await knownBoxesIn(dataDir).load())?.boxes ?? {};
  const jwts = (await bundleIn(dataDir).load())?.boxes ?? {};
  const all = Object.entries(known).map(([id, box]) => ({ id, ...box, outcome: outcomeOf(jwts[id], box) }));
  if (all.length === 0) {
    const advice = 'a server of the fleet that runs with natsURL, and is paired with boxes, has them';
    throw new PerchError('notFound', `${dataDir} has no boxes of a fleet: ${advice}`);
  }
  const isNamed = ({ id, name }: { readonly id: string; readonly name: string }, word: string) =>
    word === id || word === name;
  const strange = named.find((word) => !all.some((box) => isNamed(box, word)));
  if (strange !== undefined) {
    throw new PerchError('notFound', noBox(strange));
  }
  const isWanted = (box: (typeof all)[number]) =>
    named.length > 0 ? named.some((word) => isNamed(box, word)) : call.has('all') || box.outcome.state !== 'joined';
  const boxes = all.flatMap((box) =>
    box.said && isWanted(box) ? [{ id: box.id, name: box.name, key: box.said.key }] : [],
  );
  if (place !== '-') {
    write(all.map(({ id, name, outcome }) => `${id}  ${name}: ${outcome.text}\n`).join(''));
  }
  if (place === undefined) {
    return;
  }
  if (boxes.length === 0) {
    const advice = 'those that have joined are left out: name them, or use --all';
    throw new PerchError('notFound', `none of these boxes has a key to sign (${advice})`);
  }
  const keys: BoxKeys = { format: 'perch-fleet-keys', boxes };
  const text = `${JSON.stringify(keys, undefined, 2)}\n`;
  if (place === '-') {
    write(text);
    return;
  }
  const file = resolve(cwd, place);
  await replaceFile(file, text);
  const next = 'Where the keys of the fleet are: perch fleet box FOLDER --keys FILE BUNDLE';
  write(`${file} has ${boxes.length} public keys. ${next}\n`);
}

/** @param account that signed it @returns the exit code */
async function handOut(
  call: CommandCall,
  given: Bundle,
  account: string,
  clock: Pick<Clock, 'monoMs' | 'sleep'>,
): Promise<number> {
  const { dataDir, write } = call;
  const known = knownBoxesIn(dataDir);
  let now = (await known.load())?.boxes ?? {};
  const wrong = await saveParts(given, account, bundleIn(dataDir), now);
  const ids = Object.keys(given.boxes);
  if (wrong.size < ids.length) {
    write(`Saved ${ids.length - wrong.size} credentials: each box gets its own now, or when it connects.\n`);
  }
  const stop = call.stopSignal();
  const beganMs = clock.monoMs();
  for (;;) {
    const outcomes = ids.map((id) => wrong.get(id) ?? outcomeOf(given.boxes[id], now[id]));
    const isOver = stop.aborted || clock.monoMs() - beganMs >= MAX_WAIT_MS;
    // A box that has just got its credential is on the bus a moment later.
    if (isOver || outcomes.every((outcome) => isOneOf(outcome, 'joined', 'refused'))) {
      write(ids.map((id, i) => `${id}  ${now[id]?.name ?? ''}: ${outcomes[i]?.text}\n`).join(''));
      return outcomes.every((outcome) => isOneOf(outcome, 'joined', 'waiting')) ? 0 : 1;
    }
    await clock.sleep(POLL_MS, stop);
    now = (await known.load())?.boxes ?? {};
  }
}

/** Saves what boxes are to get. Those that are away get what was handed out for them before. @returns why boxes get nothing, by id */
async function saveParts(
  given: Bundle,
  account: string,
  bundles: ReturnType<typeof bundleIn>,
  known: KnownBoxes,
): Promise<ReadonlyMap<string, Outcome>> {
  const stored = await bundles.load();
  const former = Object.entries(stored?.boxes ?? {}).filter(([, jwt]) => memberOf(jwt).account === account);
  const boxes = Object.fromEntries(former);
  const wrong = new Map<string, Outcome>();
  const refuse = (id: string, text: string) => wrong.set(id, { state: 'refused', text });
  for (const [id, jwt] of Object.entries(given.boxes)) {
    const before = boxes[id];
    if (!known[id]) {
      refuse(id, noBox(id));
    } else if (before !== undefined && memberOf(before).issuedS > memberOf(jwt).issuedS) {
      refuse(id, 'outdated: it gets the later credential of another bundle');
    } else {
      boxes[id] = jwt;
    }
  }
  if (wrong.size < Object.keys(given.boxes).length) {
    const fleet = laterFleet(given.fleet, former.length > 0 ? stored?.fleet : undefined, account);
    await bundles.save(() => ({ ...given, fleet, boxes }));
  }
  return wrong;
}

const noBox = (word: string): string => `this Perch has no box ${word.slice(0, 64)}`;

const isOneOf = (outcome: Outcome | undefined, ...states: readonly Outcome['state'][]): boolean =>
  outcome !== undefined && states.includes(outcome.state);
