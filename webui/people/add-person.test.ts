import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FieldError } from '../forms/form.ts';
import { AddPerson } from './add-person.ts';

const EVE = {
  name: ' eve ',
  password: 'a red kite',
  cameras: ['door'],
  sees: 'both',
  talk: true,
  turn: false,
  switch: true,
} as const;
const RIGHTS = { cameras: ['door'], recordings: true, talk: true, turn: false, switch: true };

let answers: (() => Promise<Response>)[];
let sent: [method: string, address: string, body: object][];
beforeEach(() => {
  [answers, sent] = [[], []];
  vi.stubGlobal('fetch', (address: string, { method, body }: RequestInit) => {
    sent.push([String(method), address, JSON.parse(String(body))]);
    return answers.shift()?.() ?? Promise.reject(new Error('more was asked than the test knows'));
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const done = async () => Response.json({ status: 'ok' });
const lost = () => Promise.reject(new TypeError('no network'));
const refused = (status: number, error: string) => async () => Response.json({ status: 'error', error }, { status });
const isThere = refused(409, "there is a user 'eve' already");

test('a person added without an answer gets the current input', async () => {
  answers = [lost, isThere, done];
  const adding = new AddPerson([]);
  await expect(adding.add(EVE)).rejects.toMatchObject({ status: 0 });
  await adding.add({ ...EVE, password: 'a jay in the oak' });
  expect(sent).toEqual([
    ['POST', 'v3/users', { name: 'eve', password: 'a red kite', ...RIGHTS }],
    ['POST', 'v3/users', { name: 'eve', password: 'a jay in the oak', ...RIGHTS }],
    ['PATCH', 'v3/users/eve', { password: 'a jay in the oak', live: true, ...RIGHTS }],
  ]);
});

test.for([
  ['a person who was given that name meanwhile', [], EVE, [isThere]],
  ['another person than the one without an answer', [], { ...EVE, name: 'bob' }, [lost, isThere]],
  ['a person on the list whose name is spelled differently', ['EVE'], EVE, [lost, isThere]],
] as const)('%s is not changed: the name is taken', async ([, before, person, given]) => {
  answers = [...given];
  const adding = new AddPerson(before);
  if (given.length > 1) {
    await expect(adding.add(EVE)).rejects.toMatchObject({ status: 0 });
  }
  const failure = await adding.add(person).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(FieldError);
  expect(failure).toMatchObject({ field: 'name' });
  expect(sent.filter(([method]) => method === 'PATCH')).toEqual([]);
});

test('a box that has no place for more users changes none of them', async () => {
  answers = [lost, refused(400, 'there are 50 users already, at most 50 are kept')];
  const adding = new AddPerson([]);
  await expect(adding.add(EVE)).rejects.toMatchObject({ status: 0 });
  await expect(adding.add(EVE)).rejects.toMatchObject({ status: 400 });
  expect(sent).toHaveLength(2);
});
