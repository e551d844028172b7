import { expect, test } from 'vitest';
import { FieldError, Form, type FormOptions } from './form.ts';

interface Camera {
  readonly name: string;
  readonly days: number;
}
const saved: Camera = { name: 'Garden', days: 14 };

function open(more: Partial<FormOptions<Camera>> = {}) {
  const sent: Partial<Camera>[] = [];
  const form = new Form<Camera>({
    initial: saved,
    validate: { name: (name) => (name === '' ? 'Enter a name.' : undefined) },
    save: async (_values, changed) => {
      sent.push(changed);
    },
    retryAfter: () => undefined,
    ...more,
  });
  return { form, sent };
}

const EVE = { user: 'eve', atMs: 0 };

test('a field is judged when it is left, and again while what was wrong is mended', () => {
  const { form } = open();
  form.set('name', '');
  expect(form.wrong.value).toEqual({});
  form.leave('name');
  expect(form.firstWrong()).toBe('name');
  form.set('name', 'Yard');
  expect(form.wrong.value).toEqual({});
});

test('what is wrong is not sent, and only what was changed is', async () => {
  const { form, sent } = open();
  form.set('name', '');
  expect(await form.submit()).toBe(false);
  form.set('name', 'Yard');
  expect(form.isDirty.value).toBe(true);
  expect(await form.submit()).toBe(true);
  expect(sent).toEqual([{ name: 'Yard' }]);
  expect(form.isDirty.value).toBe(false);
});

test('what the box finds wrong stands at its field; any other failure at the form, until something is changed', async () => {
  let failure: Error = new FieldError<Camera>('name', 'There is one already.');
  const { form } = open({ save: () => Promise.reject(failure) });
  form.set('name', 'Barn');
  expect(await form.submit()).toBe(false);
  expect(form.wrong.value).toEqual({ name: 'There is one already.' });
  failure = new Error('disk full');
  form.set('name', 'Hall');
  expect(await form.submit()).toBe(false);
  expect(form.failure.value).toBe(failure);
  form.set('days', 7);
  expect(form.failure.value).toBeUndefined();
});

test('while the box is away it waits, keeps what was typed, and saves when the box is back', async () => {
  const back = Promise.withResolvers<void>();
  let isAway = true;
  const { form } = open({
    save: async () => {
      if (isAway) {
        throw new Error('away');
      }
    },
    retryAfter: () => back.promise,
  });
  form.set('days', 30);
  const submitted = form.submit();
  await expect.poll(() => form.saving.value).toBe('waiting');
  expect(form.values.value.days).toBe(30);
  expect(await form.submit(), 'pressed again').toBe(false);
  isAway = false;
  back.resolve();
  expect(await submitted).toBe(true);
  expect(form.saving.value).toBe('no');
});

test('what another changes is taken over where nothing was typed, and is a question where something was', () => {
  const { form } = open();
  form.set('days', 30);
  form.follow({ name: 'Yard', days: 7 }, EVE);
  expect(form.values.value).toEqual({ name: 'Yard', days: 30 });
  expect(form.conflicts.value).toEqual({ days: { before: 14, theirs: 7, by: EVE } });
  form.keepMine('days');
  expect(form.values.value.days).toBe(30);
  expect(form.conflicts.value).toEqual({});
});

test('theirs can be taken, and who has typed the same is not asked', () => {
  const { form } = open();
  form.set('days', 30);
  form.follow({ ...saved, days: 7 });
  form.takeTheirs('days');
  expect(form.values.value.days).toBe(7);
  expect(form.isDirty.value).toBe(false);
  form.set('days', 30);
  form.follow({ ...saved, days: 30 });
  expect(form.conflicts.value).toEqual({});
  expect(form.isDirty.value).toBe(false);
});

test('what others save while this is being saved is no change of this form', async () => {
  const answer = Promise.withResolvers<void>();
  const { form } = open({ save: () => answer.promise });
  form.set('name', 'Gate');
  const submitted = form.submit();
  form.follow({ name: 'Gate', days: 30 });
  answer.resolve();
  expect(await submitted).toBe(true);
  expect(form.values.value).toEqual({ name: 'Gate', days: 30 });
  expect(form.isDirty.value).toBe(false);
});

test('what is typed while it is being saved is still to be saved', async () => {
  const answer = Promise.withResolvers<void>();
  const { form } = open({ save: () => answer.promise });
  form.set('days', 30);
  const submitted = form.submit();
  form.set('days', 7);
  answer.resolve();
  expect(await submitted).toBe(true);
  expect([form.values.value.days, form.isDirty.value]).toEqual([7, true]);
});

test('who has decided between two changes is not told any more that it was not saved', async () => {
  const { form } = open({ save: () => Promise.reject(new Error('changed meanwhile')) });
  form.set('days', 30);
  await form.submit();
  form.follow({ ...saved, days: 7 }, EVE);
  form.keepMine('days');
  expect(form.failure.value).toBeUndefined();
});
