import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import { PerchError } from '../../../base/errors.ts';
import { silentLogger } from '../../../base/log.ts';
import { HandOuts, knownBoxesIn, outcomeOf } from './hand-outs.ts';

const [YARD, BARN] = ['00000000000000b1', '00000000000000b2'] as const;
const keyOf = (letter: string): string => `U${letter.repeat(55)}`;
const SAID = { account: null, error: null };
const JWT = `${'j'.repeat(40)}.signature`;

/** A server with these boxes. @param answers of the boxes, by method and id */
function openServer(answers: Record<string, () => unknown>) {
  const { path: dataDir, [Symbol.dispose]: remove } = temporaryFolder();
  onTestFinished(remove);
  const clock = new FakeClock();
  const boxes = [YARD, BARN].map((id, i) => ({
    ...{ id, name: `Box ${i}`, isConnected: true, sinceMs: 1, mayHandOut: true },
  }));
  const asked: string[] = [];
  const asking = {
    list: () => boxes,
    ask: async (id: string, method: string): Promise<unknown> => {
      asked.push(`${method} ${id}`);
      return answers[`${method} ${id}`]?.();
    },
  };
  const handOuts = new HandOuts({ asking, dataDir, clock, log: silentLogger });
  onTestFinished(() => handOuts.close());
  const known = async () => (await knownBoxesIn(dataDir).load())?.boxes ?? {};
  const bundle = (jwts: Record<string, string>) =>
    writeFileSync(
      join(dataDir, 'fleet-bundle.json'),
      JSON.stringify({ format: 'perch-fleet-bundle', fleet: { text: '{}', signature: 's'.repeat(86) }, boxes: jwts }),
    );
  const given = async () => Object.keys(JSON.parse(readFileSync(join(dataDir, 'fleet-bundle.json'), 'utf8')).boxes);
  const settles = (check: () => Promise<void>) => vi.waitFor(check, 10_000);
  /** A look that is due while one runs waits for the next. */
  const looks = (check: () => Promise<void>) =>
    settles(async () => {
      await clock.advance(5_000);
      await check();
    });
  return { boxes, clock, asked, known, bundle, given, settles, looks, handOuts };
}

test('keys are collected of boxes that grant the right, and the others are listed without one', async () => {
  const { boxes, asked, known, settles, looks, clock } = openServer({
    [`GET ${YARD}`]: () => ({ ...SAID, key: keyOf('A'), more: 'x' }),
    [`GET ${BARN}`]: () => ({ ...SAID, key: keyOf('B') }),
  });
  Object.assign(boxes[1] as object, { mayHandOut: false });
  const yard = { name: 'Box 0', said: { ...SAID, key: keyOf('A') } };
  await settles(async () =>
    expect(await known()).toEqual({ [YARD]: yard, [BARN]: { name: 'Box 1', lacksRight: true } }),
  );
  expect(outcomeOf(undefined, (await known())[BARN]).text).toMatch(
    /^connected, does not grant the right fleet: its owner/,
  );
  await clock.advance(5_000);
  expect(asked).toEqual([`GET ${YARD}`]);
  Object.assign(boxes[1] as object, { mayHandOut: true });
  await looks(async () => expect((await known())[BARN]).toEqual({ name: 'Box 1', said: { ...SAID, key: keyOf('B') } }));
  // Its owner withdraws the right: the key is of no use any more.
  Object.assign(boxes[1] as object, { mayHandOut: false });
  await looks(async () => expect((await known())[BARN]).toEqual({ name: 'Box 1', lacksRight: true }));
  const count = asked.length;
  Object.assign(boxes[0] as object, { sinceMs: 2 });
  await looks(async () => expect(asked.slice(count)).toContain(`GET ${YARD}`));
});

test('a box that leaves the bus is known within half a minute, and is a problem that says what to do', async () => {
  let error: string | null = null;
  const { known, settles, clock, handOuts, boxes } = openServer({
    [`GET ${YARD}`]: () => ({ account: 'AAAA', error, key: keyOf('A') }),
  });
  await settles(async () => expect(outcomeOf(undefined, (await known())[YARD]).text).toBe('joined'));
  expect(handOuts.problems()).toEqual([]);
  error = 'rejected';
  for (let passedMs = 0; passedMs < 30_000; passedMs += 5_000) {
    await clock.advance(5_000);
  }
  await settles(async () => expect(outcomeOf(undefined, (await known())[YARD]).text).toBe('not on the bus: rejected'));
  expect(handOuts.problems()).toEqual([
    {
      ...{ name: YARD, why: 'box', since: null },
      text: `box Box 0 (${YARD}) is not on the bus: rejected: if it is revoked, hand out another credential (perch fleet boxes FILE ${YARD}), or remove the box`,
    },
  ]);
  Object.assign(boxes[0] as object, { isConnected: false });
  expect(handOuts.problems()).toEqual([]);
});

test('what belongs to a removed box is forgotten, also its part of the bundle', async () => {
  const { boxes, known, bundle, given, settles, looks, asked } = openServer({
    [`GET ${YARD}`]: () => ({ ...SAID, key: keyOf('A') }),
    [`GET ${BARN}`]: () => ({ ...SAID, key: keyOf('B') }),
  });
  await settles(async () => expect(Object.keys(await known())).toEqual([YARD, BARN]));
  Object.assign(boxes[1] as object, { isConnected: false });
  bundle({ [YARD]: JWT, [BARN]: JWT });
  await looks(async () => expect(asked).toContain(`POST ${YARD}`));
  const [barn] = boxes.splice(1);
  await looks(async () => expect([Object.keys(await known()), await given()]).toEqual([[YARD], [YARD]]));
  boxes.push({ ...(barn as (typeof boxes)[number]), isConnected: true, sinceMs: 2 });
  await looks(async () => expect((await known())[BARN]?.said?.key).toBe(keyOf('B')));
  expect(asked).not.toContain(`POST ${BARN}`);
});

test('each box gets its part, what it says is kept, and one that is away gets it when it is back', async () => {
  let isBack = false;
  const { boxes, known, bundle, settles, looks, asked } = openServer({
    [`GET ${YARD}`]: () => ({ ...SAID, key: keyOf('A') }),
    [`POST ${YARD}`]: () => {
      throw new PerchError('badInput', 'the box says: of another fleet');
    },
    [`GET ${BARN}`]: () => ({ ...SAID, key: keyOf('B') }),
    [`POST ${BARN}`]: () => {
      if (!isBack) {
        throw new PerchError('unavailable', 'away');
      }
      return { ...SAID, account: 'AAAA', key: keyOf('C') };
    },
  });
  await settles(async () => expect(Object.keys(await known())).toEqual([YARD, BARN]));
  bundle({ [YARD]: JWT, [BARN]: JWT });
  await looks(async () =>
    expect(outcomeOf(JWT, (await known())[YARD]).text).toBe('refused: the box says: of another fleet'),
  );
  expect(outcomeOf(JWT, (await known())[BARN]).text).toMatch(/^waiting/);
  isBack = true;
  Object.assign(boxes[1] as object, { sinceMs: 2 });
  await looks(async () => expect(outcomeOf(JWT, (await known())[BARN]).text).toBe('joined'));
  // The box that refused gets the credential again at its next connection.
  expect(asked.filter((one) => one === `POST ${YARD}`)).toHaveLength(1);
  Object.assign(boxes[0] as object, { sinceMs: 2 });
  await looks(async () => expect(asked.filter((one) => one === `POST ${YARD}`)).toHaveLength(2));
});

test('a box that was paired again, and has no credential, gets the same credential again', async () => {
  let account: string | null = null;
  const { boxes, bundle, looks, asked } = openServer({
    [`GET ${YARD}`]: () => ({ ...SAID, account, key: keyOf('A') }),
    [`POST ${YARD}`]: () => {
      account = 'AAAA';
      return { ...SAID, account, key: keyOf('C') };
    },
  });
  const given = () => asked.filter((one) => one === `POST ${YARD}`).length;
  bundle({ [YARD]: JWT });
  await looks(async () => expect(given()).toBe(1));
  Object.assign(boxes[0] as object, { sinceMs: 2 });
  await looks(async () => expect(asked.filter((one) => one === `GET ${YARD}`).length).toBeGreaterThan(1));
  expect(given()).toBe(1);
  account = null;
  Object.assign(boxes[0] as object, { sinceMs: 3 });
  await looks(async () => expect(given()).toBe(2));
});

test('what a box says is short, and one line', async () => {
  const { known, settles, asked, boxes } = openServer({
    [`GET ${YARD}`]: () => ({ ...SAID, key: keyOf('A'), error: `away\u001b[2J\n${BARN}  Box 1: joined` }),
    [`GET ${BARN}`]: () => ({ ...SAID, key: keyOf('B'), error: 'x'.repeat(401) }),
  });
  Object.assign(boxes[0] as object, { name: 'Yard\n\u0007' });
  await settles(async () => expect(asked).toHaveLength(2));
  await settles(async () =>
    expect(await known()).toEqual({
      [YARD]: { name: 'Yard', said: { ...SAID, key: keyOf('A'), error: `away [2J ${BARN} Box 1: joined` } },
      [BARN]: { name: 'Box 1' },
    }),
  );
});

test('an answer of another form is not kept', async () => {
  const { asked, known, settles } = openServer({
    [`GET ${YARD}`]: () => ({ ...SAID, key: 'SUAB' }),
    [`GET ${BARN}`]: () => 'no',
  });
  await settles(async () => expect(asked).toHaveLength(2));
  await settles(async () => expect(await known()).toEqual({ [YARD]: { name: 'Box 0' }, [BARN]: { name: 'Box 1' } }));
});
