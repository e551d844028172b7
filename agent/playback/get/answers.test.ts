import { expect, test } from 'vitest';
import { VirtualFile } from '../read/virtual-file.ts';
import { Answers } from './answers.ts';
import type { Answer } from './get.ts';

const MEGABYTE = 1 << 20;

function answerOf(etag: string, bytes: number): Answer {
  const file = new VirtualFile();
  file.addBytes(new Uint8Array(bytes));
  return { file, etag, end: undefined };
}

test('what is being sent and made has a limit, and room comes back when a request is over', async () => {
  const answers = new Answers(5 * MEGABYTE);
  const ask = (etag: string, done = new AbortController()) => ({
    done,
    answer: answers.make(etag, 2 * MEGABYTE, async () => answerOf(etag, 2 * MEGABYTE), done.signal),
  });
  const first = ask('a');
  await first.answer;
  const second = ask('b');
  await expect(ask('c').answer).rejects.toMatchObject({ code: 'exhausted', context: { retryAfterS: 10 } });
  await second.answer;
  await expect(ask('c').answer).rejects.toThrow('too many recordings are being sent');
  first.done.abort();
  await expect(ask('c').answer).resolves.toMatchObject({ etag: 'c' });
});

test('an answer that many ask for takes its room once', async () => {
  const answers = new Answers(5 * MEGABYTE);
  const done = new AbortController();
  for (let i = 0; i < 50; i += 1) {
    const made = await answers.make('a', 2 * MEGABYTE, async () => answerOf('a', 2 * MEGABYTE), done.signal);
    expect(made).toBe(answers.kept('a'));
  }
});

test('one that cannot be made, and one whose client has gone by then, take no room', async () => {
  const answers = new Answers(3 * MEGABYTE);
  const refused = answers.make('a', 2 * MEGABYTE, async () => Promise.reject(new Error('gone')));
  await expect(refused).rejects.toThrow('gone');
  const gone = AbortSignal.abort();
  await answers.make('b', 2 * MEGABYTE, async () => answerOf('b', 2 * MEGABYTE), gone);
  await expect(answers.make('c', 2 * MEGABYTE, async () => answerOf('c', 1))).resolves.toMatchObject({ etag: 'c' });
});

test('a single answer may be as large as it is', async () => {
  const answers = new Answers(1);
  await expect(answers.make('a', MEGABYTE, async () => answerOf('a', MEGABYTE))).resolves.toMatchObject({ etag: 'a' });
});
