import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ConfigForm } from './config-form.ts';

interface Settings {
  readonly days: number;
}

/** A box whose answers come when the test says so. */
class Box {
  settings: Settings = { days: 14 };
  writes = 0;
  /** Set: the next reading is answered when it resolves, with what the settings are when it is asked. */
  late: Promise<void> | undefined;
  /** Replaces what is saved next. */
  rewritten: Settings | undefined;

  readonly fetch = async (_address: string, { method, body }: RequestInit): Promise<Response> => {
    if (method === 'PATCH') {
      this.writes += 1;
      this.settings = this.rewritten ?? { ...this.settings, ...JSON.parse(String(body)) };
      return Response.json({}, { headers: { ETag: `"${this.writes}"` } });
    }
    const { settings, writes, late } = this;
    this.late = undefined;
    await late;
    return Response.json(settings, { headers: { ETag: `"${writes}"` } });
  };
}

let box: Box;
beforeEach(() => {
  box = new Box();
  vi.stubGlobal('fetch', box.fetch);
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const open = (before?: () => Promise<void>) =>
  new ConfigForm<Settings, Settings>({
    ...(before && { before }),
    ...{ get: 'get', patch: 'patch', seen: { value: box.settings, tag: '"0"' } },
    valuesOf: ({ days }) => ({ days }),
    changeOf: (changed) => changed,
  });

test('a look that began before the saving and is answered after it does not turn the form back', async () => {
  const edited = open();
  const answer = Promise.withResolvers<void>();
  box.late = answer.promise;
  const refreshed = edited.refresh();
  edited.form.set('days', 30);
  expect(await edited.form.submit()).toBe(true);
  answer.resolve();
  await refreshed;
  expect([edited.form.values.value, edited.form.isDirty.value, edited.config]).toEqual([
    { days: 30 },
    false,
    { days: 30 },
  ]);
});

test('nor does it when the box could not be asked again after the saving', async () => {
  const edited = open();
  const answer = Promise.withResolvers<void>();
  box.late = answer.promise;
  const refreshed = edited.refresh();
  edited.form.set('days', 30);
  box.late = Promise.reject(new TypeError('no network'));
  expect(await edited.form.submit()).toBe(true);
  answer.resolve();
  await refreshed;
  expect(edited.form.values.value).toEqual({ days: 30 });
});

test('a value that the box writes in another form is shown in that form after the saving', async () => {
  const edited = open();
  edited.form.set('days', 30);
  box.rewritten = { days: 31 };
  expect(await edited.form.submit()).toBe(true);
  expect([edited.form.values.value, edited.form.isDirty.value, edited.form.conflicts.value]).toEqual([
    { days: 31 },
    false,
    {},
  ]);
});

test('a reading that fails after the saving is repeated: the box may write a value in another form', async () => {
  const edited = open();
  edited.form.set('days', 30);
  box.rewritten = { days: 31 };
  box.late = Promise.reject(new TypeError('the port restarts'));
  expect(await edited.form.submit()).toBe(true);
  await vi.waitFor(() => expect(edited.form.values.value).toEqual({ days: 31 }));
  expect(edited.form.isDirty.value).toBe(false);
});

test('the query that began later counts, whichever is answered last', async () => {
  const edited = open();
  const answer = Promise.withResolvers<void>();
  box.late = answer.promise;
  const refreshed = edited.refresh();
  box.settings = { days: 7 };
  await edited.refresh();
  answer.resolve();
  await refreshed;
  expect(edited.form.values.value).toEqual({ days: 7 });
});

test('a conflicting change is not overwritten before a decision', async () => {
  const edited = open();
  edited.form.set('days', 30);
  box.settings = { days: 7 };
  await edited.refresh({ user: 'eve', atMs: 0 });
  expect(await edited.form.submit()).toBe(false);
  expect([box.settings, edited.form.failure.value]).toEqual([{ days: 7 }, expect.objectContaining({ status: 412 })]);
  edited.form.keepMine('days');
  expect(await edited.form.submit()).toBe(true);
  expect(box.settings).toEqual({ days: 30 });
});

test('a required action precedes saving; if it fails nothing is saved, and the input stays', async () => {
  const seen: unknown[] = [];
  let works = false;
  const edited = open(async () => {
    seen.push(box.writes);
    if (!works) {
      throw new Error('the disk is not mounted');
    }
  });
  edited.form.set('days', 30);
  expect(await edited.form.submit()).toBe(false);
  expect([box.writes, edited.form.isDirty.value]).toEqual([0, true]);
  works = true;
  expect(await edited.form.submit()).toBe(true);
  expect([seen, box.settings]).toEqual([[0, 0], { days: 30 }]);
});
