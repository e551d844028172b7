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

test('a field is validated on blur, and again while an error is corrected', () => {
  const { form } = open();
  form.set('name', '');
  expect(form.wrong.value).toEqual({});
  form.leave('name');
  expect(form.firstWrong()).toBe('name');
  form.set('name', 'Yard');
  expect(form.wrong.value).toEqual({});
});

test('invalid fields are not sent, and only changed ones are', async () => {
  const { form, sent } = open();
  form.set('name', '');
  expect(await form.submit()).toBe(false);
  form.set('name', 'Yard');
  expect(form.isDirty.value).toBe(true);
  expect(await form.submit()).toBe(true);
  expect(sent).toEqual([{ name: 'Yard' }]);
  expect(form.isDirty.value).toBe(false);
});

test('an error of the box is shown at its field; any other failure at the form, until a change', async () => {
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

test("another person's change replaces untouched fields, and is a question for edited ones", () => {
  const { form } = open();
  form.set('days', 30);
  form.follow({ name: 'Yard', days: 7 }, EVE);
  expect(form.values.value).toEqual({ name: 'Yard', days: 30 });
  expect(form.conflicts.value).toEqual({ days: { before: 14, theirs: 7, by: EVE } });
  form.keepMine('days');
  expect(form.values.value.days).toBe(30);
  expect(form.conflicts.value).toEqual({});
});

test('the other value can be accepted, and equal input is not a conflict', () => {
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

test("another person's change during saving is not a change of this form", async () => {
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

test('input during saving is saved afterwards', async () => {
  const answer = Promise.withResolvers<void>();
  const { form } = open({ save: () => answer.promise });
  form.set('days', 30);
  const submitted = form.submit();
  form.set('days', 7);
  answer.resolve();
  expect(await submitted).toBe(true);
  expect([form.values.value.days, form.isDirty.value]).toEqual([7, true]);
});

test('after a decision between two changes the message about unsaved input disappears', async () => {
  const { form } = open({ save: () => Promise.reject(new Error('changed meanwhile')) });
  form.set('days', 30);
  await form.submit();
  form.follow({ ...saved, days: 7 }, EVE);
  form.keepMine('days');
  expect(form.failure.value).toBeUndefined();
});
