import Type from 'typebox';
import { expect, test, vi } from 'vitest';
import { MemoryDatabase } from '../../../test/support/base/memory-carrier.ts';
import { StoredDocument } from './stored-document.ts';

const Names = Type.Object({ names: Type.Array(Type.String()) });
let folders = 0;

/** A server that has the names in memory, as users of a document do. */
async function openServer(database: MemoryDatabase) {
  folders += 1;
  const carrier = database.server(`/server-${folders}`);
  const document = new StoredDocument(`/server-${folders}/names.json`, Names);
  let names: readonly string[] = [];
  document.follow((stored) => {
    names = stored?.names ?? [];
  });
  names = (await document.open('lost'))?.names ?? [];
  const add = (name: string) =>
    document.change(async () => {
      const next = [...names, name];
      await document.save(() => ({ names: next }));
      names = next;
    });
  return { carrier, document, add, names: () => names };
}

test('another server has the value at once', async () => {
  const database = new MemoryDatabase();
  const [one, other] = [await openServer(database), await openServer(database)];
  await one.add('a');
  await vi.waitFor(() => expect(other.names()).toEqual(['a']));
  const third = await openServer(database);
  expect(third.names()).toEqual(['a']);
});

test('changes of servers at the same time are made one after the other, and none is lost', async () => {
  const database = new MemoryDatabase();
  const servers = await Promise.all([openServer(database), openServer(database), openServer(database)]);
  const all = ['a', 'b', 'c', 'd', 'e', 'f'];
  await Promise.all(all.map((name, at) => servers[at % 3]?.add(name)));
  await vi.waitFor(() => {
    for (const server of servers) {
      expect([...server.names()].sort()).toEqual(all);
    }
  });
});

test('a save that is no change of what is in memory is rejected if another server was faster', async () => {
  const database = new MemoryDatabase();
  const one = await openServer(database);
  database.rows.set('names.json', { json: '{"names":["b"]}', version: 99 });
  await expect(one.document.save(() => ({ names: ['a'] }))).rejects.toMatchObject({ code: 'conflict' });
});

test('while the database is away a change fails, and what is in memory stays', async () => {
  const database = new MemoryDatabase();
  const [one, other] = [await openServer(database), await openServer(database)];
  await one.add('a');
  await vi.waitFor(() => expect(other.names()).toEqual(['a']));
  other.carrier.goAway();
  await expect(other.add('b')).rejects.toThrow('the database is away');
  await one.add('c');
  expect([other.names(), other.document.isCurrent]).toEqual([['a'], true]);
  other.carrier.comeBack();
  await vi.waitFor(() => expect(other.names()).toEqual(['a', 'c']));
});

test('a user of the document that merges saves again what could not be saved', async () => {
  const database = new MemoryDatabase();
  const one = await openServer(database);
  const carrier = database.server('/merging');
  const document = new StoredDocument('/merging/names.json', Names);
  const names = new Set<string>();
  const taken = (stored?: { readonly names: readonly string[] }) => {
    for (const name of stored?.names ?? []) {
      names.add(name);
    }
  };
  document.follow(taken, { merges: true });
  await document.open('lost');
  carrier.goAway();
  names.add('b');
  expect(await document.trySave(() => ({ names: [...names] }), 'failed')).toBe(false);
  await one.add('a');
  carrier.comeBack();
  await vi.waitFor(() => expect([...one.names()].sort()).toEqual(['a', 'b']));
});

test('a damaged value of the database is never replaced', async () => {
  const database = new MemoryDatabase();
  database.put('names.json', '{"names":[7]}');
  await expect(openServer(database)).rejects.toThrow('names.json of the database is damaged');
  expect(database.rows.get('names.json')?.json).toBe('{"names":[7]}');
});
