import { expect, test } from 'vitest';
import { VirtualFile } from '../read/virtual-file.ts';
import type { Download } from './download.ts';
import { DownloadCache } from './download-cache.ts';

const MEGABYTE = 1 << 20;

function answerOf(etag: string, bytes: number): Download {
  const file = new VirtualFile();
  file.addBytes(new Uint8Array(bytes));
  return { file, etag, end: undefined };
}

test('downloads being built and sent have a limit, and a finished request frees its share', async () => {
  const answers = new DownloadCache(5 * MEGABYTE);
  const ask = (etag: string, done = new AbortController()) => ({
    done,
    download: answers.make(etag, 2 * MEGABYTE, async () => answerOf(etag, 2 * MEGABYTE), done.signal),
  });
  const first = ask('a');
  await first.download;
  const second = ask('b');
  await expect(ask('c').download).rejects.toMatchObject({ code: 'exhausted', context: { retryAfterS: 10 } });
  await second.download;
  await expect(ask('c').download).rejects.toThrow('too many recordings are being sent');
  first.done.abort();
  await expect(ask('c').download).resolves.toMatchObject({ etag: 'c' });
});

test('a download shared by many requests uses its memory once', async () => {
  const answers = new DownloadCache(5 * MEGABYTE);
  const done = new AbortController();
  for (let i = 0; i < 50; i += 1) {
    const made = await answers.make('a', 2 * MEGABYTE, async () => answerOf('a', 2 * MEGABYTE), done.signal);
    expect(made).toBe(answers.cached('a'));
  }
});

test('failed downloads, and those of disconnected clients, use no memory', async () => {
  const answers = new DownloadCache(3 * MEGABYTE);
  const refused = answers.make('a', 2 * MEGABYTE, async () => Promise.reject(new Error('gone')));
  await expect(refused).rejects.toThrow('gone');
  const gone = AbortSignal.abort();
  await answers.make('b', 2 * MEGABYTE, async () => answerOf('b', 2 * MEGABYTE), gone);
  await expect(answers.make('c', 2 * MEGABYTE, async () => answerOf('c', 1))).resolves.toMatchObject({ etag: 'c' });
});

test('a single download may be of any size', async () => {
  const answers = new DownloadCache(1);
  await expect(answers.make('a', MEGABYTE, async () => answerOf('a', MEGABYTE))).resolves.toMatchObject({ etag: 'a' });
});
